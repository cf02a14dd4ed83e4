"""A Daily room: the bot is one participant of many, under the one user_id that bots of that room have.

pipecat joins when a pipeline is set up; that is where a bot waits whose turn has not come, where the room is made
if there is none, where an older bot of ours is put out, and where the token is signed.  Daily.init() is called by
pipecat when a transport is built, in the child that runs the session: it starts threads, and must not be called
before the fork.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import timedelta
from typing import Any

import structlog
from pipecat.frames.frames import OutputTransportMessageUrgentFrame
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import DailyRunnerArguments
from pipecat.transports.daily.transport import (
    DailyInputTransport,
    DailyOutputTransport,
    DailyOutputTransportMessageUrgentFrame,
    DailyTransportClient,
)

from app.errors import ProviderAway
from app.providers.daily import Daily, participant
from app.rooms.failures import FailureKind
from app.rooms.providers import Participant
from app.rooms.room import Room
from app.rooms.sessions import Reason
from bots.avatar import Avatar, avatar_of
from bots.transports.incoming import error_response, keep_to_rtvi
from bots.transports.shared import LINE_LOST, SharedRoom, server_message
from bots.transports.stage import Notice, PutOut

JOINS_WITHIN = timedelta(seconds=20)  # tried again and again
TRY_AGAIN_AFTER = timedelta(seconds=0.5)
CLOSES_WITHIN = timedelta(seconds=2)

# Daily tells why a call ended in words alone.  What stands in them becomes a kind here, and nowhere else is it read;
# any other end is a connection that broke.
REASONS: Mapping[str, PutOut] = {
    "eject": PutOut(Reason.EJECTED, "it was ejected from the room"),
    "exp-room": PutOut(Reason.ROOM_GONE, "the room has expired"),
    "no-room": PutOut(Reason.ROOM_GONE, "the room was deleted"),
}

NOT_LET_IN = PutOut(FailureKind.NOT_LET_IN, "could not get into the room: Daily does not let it in")

log = structlog.get_logger(__name__)


class DailyRoom(SharedRoom):
    """A bot's place in a Daily room, on pipecat's own transport."""

    def __init__(
        self,
        room: Room,
        daily: Daily,
        *,
        name: str,
        on_arrival: Notice,
        on_departure: Notice,
        on_put_out: Callable[[PutOut], None],
        waits: bool,
    ) -> None:
        """`name` is what people see; a bot that `waits` stays at the door until `enter`."""
        super().__init__(
            room, on_arrival=on_arrival, on_departure=on_departure, on_put_out=on_put_out, waits=waits
        )
        self._daily = daily
        self._name = name
        self._client: DailyTransportClient | None = None
        self._avatar: Avatar | None = None
        self._seen_as: str | None = None  # a name, if it is to be seen
        self._there: dict[str, Participant] = {}  # by what Daily calls each stay
        self._is_in = False  # as we were told
        self._may_be_in = False  # as Daily may see it
        self._last_words = ""  # of Daily's, when something went wrong

    @property
    def people(self) -> frozenset[str]:
        return frozenset(each.identity for each in self._there.values() if not each.is_bot)

    def runner_arguments(self, session_id: str, body: dict[str, Any]) -> DailyRunnerArguments:
        """The token is not among them: it is signed at the door."""
        arguments = DailyRunnerArguments(room_url=str(self._room), token=None, body=body)
        arguments.session_id = session_id
        arguments.pipeline_idle_timeout_secs = None  # the session's own clocks say when it is over
        return arguments

    def built(self, pipeline: PipelineWorker) -> None:
        ways = list(_ways(pipeline.pipeline))
        if not ways:
            return  # a bot with a transport of its own: nobody is seen to come or go
        client = self._client = ways[0]._client
        client._bot_name = self._name
        client._join = self._joining(client, client._join)  # type: ignore[method-assign]
        client._leave = self._leaving(client._leave)  # type: ignore[method-assign]
        client._cleanup = self._releasing(client, client._cleanup)  # type: ignore[method-assign]
        client.on_error = self._heard  # type: ignore[method-assign]  # Daily's own: pipecat does not listen to it
        self._listen_to_room(client)
        keep_to_rtvi(pipeline.pipeline)
        self._avatar = avatar_of(pipeline.pipeline)
        if self._avatar is not None:
            client._params.video_out_enabled = True  # there is a camera from the beginning; it may be off
            self._avatar.show(self._seen_as)
        for way in ways:
            if isinstance(way, DailyInputTransport):
                self._name_speakers(way)

    def tell(self, event: str, **facts: Any) -> None:
        message = server_message(event, **facts)
        if self._client is not None and self._is_in:
            self._begin(self._client.send_message(OutputTransportMessageUrgentFrame(message=message)))

    async def show(self, name: str | None) -> None:
        self._seen_as = name
        if self._avatar is None:
            return
        self._avatar.show(name)
        if self._is_in:
            self._turn_camera()

    def hush(self) -> None:
        client = self._client
        if client is None:
            return

        async def unheard(frame: Any) -> bool:
            return True

        client.write_audio_frame = unheard  # type: ignore[method-assign]
        if self._is_in and client._client is not None:
            client._client.update_publishing({"microphone": {"isPublishing": False}})

    async def disconnect(self) -> None:
        self._is_leaving = True
        self._may_enter.set()
        if self._client is not None:
            await asyncio.to_thread(self._client._cleanup)  # nothing, where pipecat has done it
        for task in self._tasks:
            task.cancel()

    # The connection

    def _joining(
        self, client: DailyTransportClient, join: Callable[[], Coroutine[Any, Any, tuple[Any, Any]]]
    ) -> Callable[[], Coroutine[Any, Any, tuple[Any, Any]]]:
        """pipecat's `_join`, behind the door.  It says by its second value what went wrong."""

        async def once() -> tuple[Any, Any]:
            self._is_at_door.set()
            await self._may_enter.wait()
            deadline = asyncio.get_running_loop().time() + JOINS_WITHIN.total_seconds()
            while not self._is_leaving:
                try:
                    client._token = await asyncio.to_thread(self._clear_the_way)
                    self._may_be_in = True
                    if self._avatar is not None:
                        client._params.camera_out_enabled = self._seen_as is not None
                    data, error = await join()
                except ProviderAway as away:
                    data, error = None, str(away)
                if not error:
                    self._is_in = True
                    return data, None
                log.warning("room_not_entered", room=str(self._room), because=str(error)[:200])
                if asyncio.get_running_loop().time() > deadline:
                    self._put_out(NOT_LET_IN)
                    return None, error
                await asyncio.sleep(TRY_AGAIN_AFTER.total_seconds())
            return None, "the session is over"

        return once

    def _turn_camera(self) -> None:
        client, is_on = self._client, self._seen_as is not None
        if client is None or client._client is None or client._camera_track is None:
            return
        camera = {"isEnabled": is_on, "settings": {"customTrack": {"id": client._camera_track.track.id}}}
        client._client.update_inputs({"camera": camera})
        client._client.update_publishing({"camera": {"isPublishing": is_on}})

    def _leaving(
        self, leave: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Callable[[], Coroutine[Any, Any, Any]]:
        async def once() -> Any:
            error = await leave()
            self._may_be_in = bool(error)
            return error

        return once

    def _releasing(self, client: DailyTransportClient, release: Callable[[], None]) -> Callable[[], None]:
        """pipecat's `_cleanup`, which is called in a thread: a bot that was cancelled may be in the room still."""

        def once() -> None:
            if self._may_be_in and client._client is not None:
                self._may_be_in = False
                left = threading.Event()
                client._client.leave(completion=lambda *_: left.set())
                left.wait(CLOSES_WITHIN.total_seconds())
            release()

        return once

    def _clear_the_way(self) -> str:
        """A token for a room that is there, and that no older bot of ours is in.  Raises ProviderAway.

        Only without the token there is no way in; a room that was there will be there still.
        """
        token = self._daily.bot_token(self._room, name=self._name)
        try:
            self._daily.prepare(self._room)
            self._daily.evict_bots(self._room)
        except ProviderAway:
            log.warning("room_not_prepared", room=str(self._room))
        return token

    def _listen_to_room(self, client: DailyTransportClient) -> None:
        told = client._callbacks
        joined, came, left = told.on_joined, told.on_participant_joined, told.on_participant_left
        received, changed, leaves = told.on_app_message, told.on_call_state_updated, told.on_before_leave

        async def on_joined(data: Any) -> None:
            for sid, each in data.get("participants", {}).items():
                if sid != "local":
                    self._see(each)
            await joined(data)

        async def on_came(each: Any) -> None:
            if not (who := self._see(each)).is_bot:
                await came(_named(each, who))  # a bot, ours or another's, is not listened to

        async def on_left(each: Any, reason: Any) -> None:
            if who := self._miss(each):
                await left(_named(each, who), reason)

        async def on_message(message: Any, sender: str) -> None:
            author = self._there.get(sender)
            if not self._listens or (author is not None and author.is_bot):
                return
            if why := self._incoming.refusal(message, author.identity if author else None):
                if author is not None:
                    answer = error_response(message, why)
                    await client.send_message(
                        DailyOutputTransportMessageUrgentFrame(message=answer, participant_id=sender)
                    )
                return
            await received(message, sender)

        async def on_leaving() -> None:
            self._is_leaving = True  # the bot itself goes: nobody has put it out
            await leaves()

        async def on_state(state: str) -> None:
            await changed(state)
            if state == "left":
                self._parted()

        told.on_joined, told.on_participant_joined, told.on_participant_left = on_joined, on_came, on_left
        told.on_app_message, told.on_call_state_updated = on_message, on_state
        told.on_before_leave = on_leaving

    def _name_speakers(self, way: DailyInputTransport) -> None:
        """Let the bot know people by who they are, as it does in other rooms: Daily names each stay."""
        hear, read = way._on_participant_audio_data, way.push_app_message

        async def heard(participant_id: str, audio: Any, audio_source: str) -> None:
            await hear(self._identity(participant_id), audio, audio_source)

        async def written(message: Any, sender: str) -> None:
            await read(message, self._identity(sender))

        way._on_participant_audio_data = heard  # type: ignore[method-assign]
        way.push_app_message = written  # type: ignore[method-assign]

    def _identity(self, sid: str) -> str:
        there = self._there.get(sid)
        return there.identity if there else sid

    def _see(self, said: Mapping[str, Any]) -> Participant:
        info, sid = said.get("info") or {}, str(said["id"])
        who = participant(
            self._room, {"id": sid, "userId": info.get("userId"), "userName": info.get("userName")}
        )
        is_new = not who.is_bot and who.identity not in self.people
        self._there[sid] = who
        if is_new:
            self._begin(self._tell(self._on_arrival, who.identity))
        return who

    def _miss(self, said: Mapping[str, Any]) -> Participant | None:
        who = self._there.pop(str(said["id"]), None)
        if who is not None and not who.is_bot and who.identity not in self.people:
            self._begin(self._tell(self._on_departure, who.identity))
        return who

    def _heard(self, message: str) -> None:
        """From a thread of Daily's."""
        self._last_words = str(message)

    def _parted(self) -> None:
        was_in, self._is_in, self._may_be_in = self._is_in, False, False
        self._there.clear()
        if was_in and not self._is_leaving:
            words = self._last_words.lower()
            why = next((why for word, why in REASONS.items() if word in words), None)
            self._put_out(why or LINE_LOST)


def _named(said: Mapping[str, Any], who: Participant) -> dict[str, Any]:
    """A participant as the bot is told of them: by who they are, whatever fits into Daily's user_id."""
    return {**said, "info": {**(said.get("info") or {}), "userId": who.identity}}


def _ways(part: FrameProcessor) -> Iterator[DailyInputTransport | DailyOutputTransport]:
    """What of a pipeline goes into a Daily room."""
    if isinstance(part, DailyInputTransport | DailyOutputTransport):
        yield part
    for each in part.processors:
        yield from _ways(each)
