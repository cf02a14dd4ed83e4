"""What the stages in rooms of several people have in common, LiveKit's and Daily's."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from greenroom.app.errors.bots import OfferRefused
from greenroom.app.rooms.failures import FailureKind
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Appearance
from greenroom.bots.transports.incoming import Incoming
from greenroom.bots.transports.stage import Listener, PutOut

LINE_LOST = PutOut(FailureKind.LINE_LOST, "lost its connection to the room's server")

log = structlog.get_logger(__name__)


class SharedStage:
    """The part of a stage that LiveKit's and Daily's share: waiting to enter, and telling the listener what happens."""

    def __init__(
        self,
        room: Room,
        *,
        listener: Listener,
        waits: bool,
        apart: bool = False,
    ) -> None:
        """A bot that `waits` does not enter before `enter` is called; one that is `apart` waits for `take_part`."""
        self._room = room
        self._listener = listener
        self._is_ready_to_enter = asyncio.Event()
        self._may_enter = asyncio.Event()
        if not waits:
            self._may_enter.set()
        self.takes_part = not apart
        self._untold: deque[Callable[[], Awaitable[None]]] = deque()  # what the bot learns when it takes part
        self._is_leaving = False
        self._incoming = Incoming(listener, is_shared=True)
        self._in_order = asyncio.Lock()  # arrivals and departures are told in the order in which they happen
        self._tasks: set[asyncio.Future[Any]] = set()

    async def ready_to_enter(self) -> None:
        await self._is_ready_to_enter.wait()

    def enter(self) -> None:
        self._may_enter.set()

    def take_part(self) -> None:
        self.takes_part = True
        self._begin(self._catch_up())

    async def when_part(self, happening: Callable[[], Awaitable[None]]) -> None:
        """Let the bot learn of something: at once, or in its order once the bot takes part."""
        if self.takes_part and not self._untold:
            await happening()
        else:
            self._untold.append(happening)

    async def _catch_up(self) -> None:
        while self._untold:
            await self._untold[0]()
            self._untold.popleft()

    def change_conversation(self, conversation_id: str) -> None:
        """Nothing: the room tells nobody of its conversation."""

    def pause(self) -> None:
        self._incoming.is_paused = True

    def resume(self) -> None:
        self._incoming.is_paused = False

    def listen(self, *, to_people: bool) -> None:
        self._incoming.listens = to_people

    async def take(self, user_id: str, offer: Mapping[str, Any]) -> dict[str, str]:
        raise self._no_offers()

    async def add_candidates(self, pc_id: str, candidates: Sequence[Mapping[str, Any]]) -> None:
        raise self._no_offers()

    def _no_offers(self) -> OfferRefused:
        return OfferRefused(
            f"This room is one of {self._room.provider.capitalize()}: go to its url with the room_token of /join."
        )

    async def _arrived(self, identity: str, appearance: Appearance) -> None:
        async with self._in_order:
            await self._listener.arrived(identity, appearance)

    async def _departed(self, identity: str) -> None:
        async with self._in_order:
            await self._listener.departed(identity)

    def _put_out(self, why: PutOut) -> None:
        log.info("bot_put_out", room=str(self._room), kind=why.kind, detail=why.detail)
        self._listener.put_out(why)

    def _begin(self, work: Awaitable[Any]) -> asyncio.Future[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def server_message(event: str, **facts: Any) -> dict[str, Any]:
    """The RTVI message that tells the people's clients something about the session."""
    said = {"type": "greenroom", "event": event, **facts}
    return {"label": "rtvi-ai", "type": "server-message", "data": said}
