"""What the requests of `app/rooms/requests` may use of a bot, and how a message becomes one of them and is done.

The inbox hands messages over one by one, in the order in which they were sent; the bot's pipeline may not run yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from pipecat.frames.frames import InterruptionFrame

from greenroom.app.errors.bots import BotMuted, BotPaused, NobodyThere, OnItsWay
from greenroom.app.errors.rooms import OthersThere
from greenroom.app.errors.sessions import NotMovable
from greenroom.app.rooms.bodies import to_body
from greenroom.app.rooms.inbox import Message
from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.requests.answers import Cleaned, Configured, Directed, Said
from greenroom.app.rooms.requests.asked_bot import AskedBot
from greenroom.app.rooms.requests.table import BadRequest, read
from greenroom.app.rooms.room_states import Open
from greenroom.app.rooms.sessions import Reason
from greenroom.bots.stay.app import App
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.in_room import Rooms
from greenroom.bots.stay.listener import RoomListener
from greenroom.bots.stay.moves import Moves
from greenroom.bots.stay.mute import Mute
from greenroom.bots.stay.silence import Silence
from greenroom.bots.stay.switching import Switching
from greenroom.bots.stay.terms import Terms

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class BotOfStay(AskedBot):
    """One stay's bot, as requests see it."""

    session_id: str
    rooms: Rooms  # where it is
    listener: RoomListener  # knows who comes and goes, and how long the bot waits for whom
    moves: Moves
    switching: Switching
    terms: Terms  # what the session's record says of its pause, and of its time
    silence: Silence
    mute: Mute
    end: End
    app: App  # what people's apps say to it

    @property
    def people(self) -> frozenset[str]:
        return self.rooms.now.stage.people

    def look(self) -> Sequence[Seen]:
        return self.rooms.now.stage.look()

    def tell(self, event: str, **facts: str) -> None:
        self.rooms.now.stage.tell(event, **facts)

    async def connect(self, user_id: str, offer: Mapping[str, object]) -> Mapping[str, str]:
        return await self.rooms.now.stage.take(user_id, offer)

    async def add_candidates(self, pc_id: str, candidates: Sequence[Mapping[str, object]]) -> None:
        await self.rooms.now.stage.add_candidates(pc_id, candidates)

    async def configure(self, changes: Mapping[str, object]) -> Configured:
        await self._change(changes)
        if "persistence" in changes:
            await self.listener.persistence_changed()
        controls = self.rooms.now.controls
        return Configured(controls.with_next_bot, controls.not_ready)

    async def _change(self, changes: Mapping[str, object]) -> None:
        for room in self.rooms.all:
            await room.controls.change(changes)

    async def say(self, text: str, *, interrupt: bool) -> Said:
        room = self.rooms.now
        if self.rooms.next is not None:
            raise OnItsWay(session_id=self.session_id)
        if not self.people:
            raise NobodyThere(session_id=self.session_id)
        if self.silence.is_on:
            raise BotPaused(session_id=self.session_id)
        if self.mute.is_on:
            raise BotMuted(session_id=self.session_id)
        is_answering = room.hearing.floor.is_answering
        await room.controls.say(text, interrupt=interrupt)
        return Said(
            len(self.people),
            waits=is_answering and not interrupt,
            cut_short=is_answering and interrupt,
        )

    async def direct(self, changes: Mapping[str, object]) -> Directed:
        await self._change(changes)
        cut_short = self.mute.is_on and any(room.hearing.floor.is_answering for room in self.rooms.all)
        if cut_short:
            for room in self.rooms.all:
                await room.bot_run.say(InterruptionFrame())
        return Directed(
            muted=self.mute.is_on,
            stealth=self.mute.is_stealthy,
            guided=self.rooms.now.controls.is_guided,
            cut_short=cut_short,
        )

    async def switch(self, assistant: str) -> None:
        await self.moves.over()  # what a move brings to the other room was decided when it began
        await self.listener.in_turn(partial(self.switching.switch, assistant))

    async def move(self, epoch: int) -> None:
        if self.moves.is_on_its_way_to_another(
            epoch
        ):  # written down as made, or called off: its last steps are left
            await self.moves.over()
        target = await self.moves.recorded(epoch)
        if target.alone_with is not None and self.people - {target.alone_with}:
            raise OthersThere
        if not self.moves.begin(target):
            raise NotMovable(session_id=self.session_id)

    async def heed_record(self) -> None:
        await self.terms.heed()

    def give_way(self) -> bool:
        return self.listener.give_way()

    def leave(self, reason: Reason, detail: str) -> None:
        self.end.begin(Ending(reason, politely=reason is not Reason.MOVED_OUT, detail=detail))

    async def leave_later(self, teardown_delay: timedelta, detail: str) -> None:
        await self.listener.asked_to_leave(teardown_delay, detail)

    async def expect(self) -> None:
        await self.listener.expects_somebody()

    def open(self, place: Open, value: object, person: str | None) -> Mapping[str, object]:
        return self.app.open(place, value, person)

    def close(self, place: Open, person: str | None) -> Mapping[str, object]:
        return self.app.close(place, person)

    def tell_of_event(self, event: str, data: object, person: str | None) -> None:
        self.app.tell_of_event(event, data, person)

    async def take_text(self, content: str, person: str | None, timestamp: str | None) -> None:
        await self.app.take_text(content, person, timestamp)

    async def clean_up(self, wish: str | None) -> Cleaned:
        return await self.listener.clean_up(wish)


async def handle(bot: BotOfStay, message: Message) -> Mapping[str, object] | None:
    """Do what a message asks for; returns the answer's JSON, or None if it is the bot's end.

    A message that this version of the bot cannot read is refused, and nothing of it is done.
    """
    try:
        request = read(message.kind, message.body)
    except BadRequest as bad:
        log.warning(
            "message_rejected",
            session_id=bot.session_id,
            kind=message.kind,
            because=str(bad.__cause__ or bad),
        )
        return {"error": str(bad)}
    answer = await request.carry_out(bot)
    return None if answer is None else to_body(answer)
