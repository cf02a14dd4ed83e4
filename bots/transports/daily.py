"""A Daily room: the bot is one participant of many, under the one user_id that bots of that room have.

pipecat joins when a pipeline is set up; that is where a bot waits whose turn has not come, where the room is made
if there is none, where an older bot of ours is put out, and where the token is signed.  Daily.init() is called by
pipecat when a transport is built, in the child that runs the session: it starts threads, and must not be called
before the fork.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import DailyRunnerArguments
from pipecat.transports.daily.transport import DailyOutputTransportMessageUrgentFrame

from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.providers.daily import Daily
from greenroom.app.providers.daily_people import participant
from greenroom.app.rooms.failures import FailureKind
from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.providers import Participant, Source, Track
from greenroom.app.rooms.room import DAILY, Room
from greenroom.app.rooms.session_events import Appearance
from greenroom.app.rooms.sessions import Reason
from greenroom.bots import seam
from greenroom.bots.camera.avatar import Avatar, avatar_of
from greenroom.bots.seam.daily import Client, client_of
from greenroom.bots.transports.incoming import keep_to_rtvi
from greenroom.bots.transports.shared import LINE_LOST, SharedStage, server_message
from greenroom.bots.transports.stage import Listener, PutOut

seam.install(DAILY)

JOINS_WITHIN = timedelta(seconds=20)  # how long a bot tries to join
TRY_AGAIN_AFTER = timedelta(seconds=0.5)

# Daily tells why a call ended in words alone.  What stands in them becomes a kind here, and nowhere else is it read;
# any other end is a connection that broke.
REASONS: Mapping[str, PutOut] = {
    "eject": PutOut(Reason.EJECTED, "it was ejected from the room"),
    "exp-room": PutOut(Reason.ROOM_GONE, "the room has expired"),
    "no-room": PutOut(Reason.ROOM_GONE, "the room was deleted"),
}

SOURCES: Mapping[str, Source] = {
    "microphone": Source.MICROPHONE,
    "camera": Source.CAMERA,
    "screenVideo": Source.SCREEN,
    "screenAudio": Source.SCREEN_AUDIO,
}
OFF = frozenset({"off", "blocked"})  # Daily's words for a track of which nothing comes

NOT_LET_IN = PutOut(FailureKind.NOT_LET_IN, "could not get into the room: Daily does not let it in")

log = structlog.get_logger(__name__)


class DailyStage(SharedStage):
    """A bot's place in a Daily room, on pipecat's own transport."""

    def __init__(
        self,
        room: Room,
        daily: Daily,
        *,
        name: str,
        listener: Listener,
        waits: bool,
        apart: bool = False,
    ) -> None:
        """`name` is what people see; a bot that `waits` does not enter before `enter` is called."""
        super().__init__(room, listener=listener, waits=waits, apart=apart)
        self._daily = daily
        self._name = name
        self._client: Client | None = None
        self._avatar: Avatar | None = None
        self._seen_as: str | None = None  # the name that the camera's picture shows; None: no camera
        self._there: dict[str, Participant] = {}  # by Daily's id of each visit
        self._since: dict[str, float] = {}  # when each visit began, by the monotonic clock

    @property
    def people(self) -> frozenset[str]:
        return frozenset(each.identity for each in self._there.values() if not each.is_bot)

    def look(self) -> Sequence[Seen]:
        media = self._client.media if self._client is not None else {}
        now = time.monotonic()
        return tuple(
            Seen(who.identity, timedelta(seconds=now - self._since.get(sid, now)), _tracks(media.get(sid)))
            for sid, who in self._there.items()
            if not who.is_bot
        )

    def runner_arguments(self, session_id: str, body: dict[str, Any]) -> DailyRunnerArguments:
        """The arguments hold no token: it is signed when the bot enters."""
        arguments = DailyRunnerArguments(room_url=str(self._room), token=None, body=body)
        arguments.session_id = session_id
        arguments.pipeline_idle_timeout_secs = None  # the session's own clocks say when it is over
        return arguments

    def built(self, pipeline: PipelineWorker) -> None:
        client = client_of(pipeline.pipeline)
        if client is None:
            return  # a bot with a transport of its own: nobody is seen to come or go
        self._client = client
        client.held_by(self, self._name)
        if self._incoming.is_paused:
            client.pause()
        keep_to_rtvi(pipeline.pipeline)
        self._avatar = avatar_of(pipeline.pipeline)
        if self._avatar is not None:
            client.prepare_camera()
            self._avatar.show(self._seen_as)

    def tell(self, event: str, *, only: str | None = None, **facts: Any) -> None:
        if self._client is None or not self._client.is_in:
            return
        visits = [None] if only is None else [id for id, who in self._there.items() if who.identity == only]
        for visit in visits:
            message = server_message(event, **facts)
            frame = DailyOutputTransportMessageUrgentFrame(message=message, participant_id=visit)
            self._begin(self._client.send_message(frame))

    async def show(self, name: str | None) -> None:
        self._seen_as = name
        if self._client is None or self._avatar is None:
            return
        self._avatar.show(name)
        self._client.turn_camera(is_on=name is not None)

    def pause(self) -> None:
        super().pause()
        if self._client is not None:
            self._client.pause()

    def resume(self) -> None:
        super().resume()
        if self._client is not None:
            self._client.resume()

    def silence(self) -> None:
        if self._client is not None:
            self._client.silence()

    async def disconnect(self) -> None:
        self._is_leaving = True
        self._may_enter.set()
        if self._client is not None:
            await asyncio.to_thread(self._client.release)  # does nothing where pipecat has done it
        for task in self._tasks:
            task.cancel()

    # The connection

    async def join(self, client: Client) -> tuple[Any, Any]:
        """Wait until the bot may enter, and join.  The second value says what went wrong."""
        self._is_ready_to_enter.set()
        await self._may_enter.wait()
        deadline = asyncio.get_running_loop().time() + JOINS_WITHIN.total_seconds()
        while not self._is_leaving:
            try:
                token = await asyncio.to_thread(self._prepare_room)
                data, error = await client.join_once(token, is_seen=self._seen_as is not None)
            except ProviderAway as away:
                data, error = None, str(away)
            if not error:
                return data, None
            log.warning("room_entry_failed", room=str(self._room), because=str(error)[:200])
            if asyncio.get_running_loop().time() > deadline:
                self._put_out(NOT_LET_IN)
                return None, error
            await asyncio.sleep(TRY_AGAIN_AFTER.total_seconds())
        return None, "the session is over"

    def _prepare_room(self) -> str:
        """Get a token, make the room, and remove an older bot of ours from it.  Raises ProviderAway without a token.

        Where only the room cannot be prepared, that is logged: it may exist already.
        """
        token = self._daily.bot_token(self._room, name=self._name)
        try:
            self._daily.prepare(self._room)
            self._daily.evict_bots(self._room)
        except ProviderAway:
            log.warning("room_prepare_failed", room=str(self._room))
        return token

    # What pipecat learns of the room

    def saw(self, participant: Mapping[str, Any]) -> Mapping[str, Any] | None:
        who = self._see(participant)
        return None if who.is_bot else _named(participant, who)  # no bot, ours or another's, is listened to

    def missed(self, participant: Mapping[str, Any]) -> Mapping[str, Any] | None:
        who = self._miss(participant)
        return _named(participant, who) if who else None

    async def accepts(self, message: Any, sender: str) -> bool:
        author = self._there.get(sender)
        if author is None:
            return self._incoming.takes(message, None, None)
        if author.is_bot:
            return False
        return self._incoming.takes(message, author.identity, partial(self._answer, sender))

    def _answer(self, visit: str, message: dict[str, Any]) -> None:
        if self._client is not None:
            frame = DailyOutputTransportMessageUrgentFrame(message=message, participant_id=visit)
            self._begin(self._client.send_message(frame))

    def identity_of(self, visit: str) -> str:
        there = self._there.get(visit)
        return there.identity if there else visit

    def leaves(self) -> None:
        self._is_leaving = True  # the bot itself goes: nobody has put it out

    def parted(self, *, was_in: bool, because: str) -> None:
        self._there.clear()
        self._since.clear()
        if was_in and not self._is_leaving:
            why = next((why for word, why in REASONS.items() if word in because.lower()), None)
            self._put_out(why or LINE_LOST)

    def _see(self, said: Mapping[str, Any]) -> Participant:
        info, sid = said.get("info") or {}, str(said["id"])
        who = participant(
            self._room, {"id": sid, "userId": info.get("userId"), "userName": info.get("userName")}
        )
        is_new = not who.is_bot and who.identity not in self.people
        self._there[sid] = who
        self._since.setdefault(sid, time.monotonic())
        if is_new:
            self._begin(self._arrived(who.identity, Appearance(who.name or None)))
        return who

    def _miss(self, said: Mapping[str, Any]) -> Participant | None:
        who = self._there.pop(str(said["id"]), None)
        self._since.pop(str(said["id"]), None)
        if who is not None and not who.is_bot and who.identity not in self.people:
            self._begin(self._departed(who.identity))
        return who


def _tracks(media: Any) -> tuple[Track, ...]:
    """What a participant sends, by Daily's account: a microphone or camera that is off is muted."""
    states = {
        source: media[name].get("state", "off")
        for name, source in SOURCES.items()
        if isinstance(media, Mapping) and isinstance(media.get(name), Mapping)
    }
    screens = (Source.SCREEN, Source.SCREEN_AUDIO)
    return tuple(
        Track(source, muted=state in OFF)
        for source, state in states.items()
        if state not in OFF or source not in screens
    )


def _named(said: Mapping[str, Any], who: Participant) -> dict[str, Any]:
    """A participant as the bot is told of them: by who they are, whatever fits into Daily's user_id."""
    return {**said, "info": {**(said.get("info") or {}), "userId": who.identity}}
