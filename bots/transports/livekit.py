"""A LiveKit room: the bot is one participant of many, under the one identity that bots of that room have.

The room itself lets only one participant of an identity stay, the newer.  So a bot
that prepares itself while another has the room waits to enter: pipecat connects
when a pipeline is set up, and that is where we make it wait.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from livekit import rtc
from livekit.rtc.participant import PublishTrackError, UnpublishTrackError
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import LiveKitRunnerArguments

from greenroom.app.providers.livekit_people import is_bot
from greenroom.app.rooms.failures import FailureKind
from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.room import LIVEKIT, Room
from greenroom.app.rooms.session_events import Appearance
from greenroom.app.rooms.sessions import Reason
from greenroom.bots import seam
from greenroom.bots.camera.avatar import Avatar, avatar_of
from greenroom.bots.seam.livekit import Client, client_of
from greenroom.bots.transports.incoming import keep_to_rtvi, read
from greenroom.bots.transports.room_description import RoomDescription
from greenroom.bots.transports.shared import LINE_LOST, SharedStage, server_message
from greenroom.bots.transports.stage import Listener, PutOut

seam.install(LIVEKIT)

CONNECTS_WITHIN = timedelta(seconds=20)  # how long a bot tries to connect: the server may be starting
TRY_AGAIN_AFTER = timedelta(seconds=0.5)
CLOSES_WITHIN = timedelta(seconds=2)  # how long hanging up may take
SEEN_WITHIN = timedelta(seconds=5)  # how long a change of mode waits for the camera
NAMED_WITHIN = timedelta(seconds=3)  # how long a message without a sender waits for its sender's arrival

# Why a room's server removed the bot for good; any other end is a connection that broke.
REASONS: Mapping[int, PutOut] = {
    rtc.DisconnectReason.DUPLICATE_IDENTITY: PutOut(Reason.SUPERSEDED, "the room let another bot in"),
    rtc.DisconnectReason.PARTICIPANT_REMOVED: PutOut(Reason.EJECTED, "it was removed from the room"),
    rtc.DisconnectReason.ROOM_DELETED: PutOut(Reason.ROOM_GONE, "the room was deleted"),
    rtc.DisconnectReason.ROOM_CLOSED: PutOut(Reason.ROOM_GONE, "the room was closed"),
}
NOT_LET_IN = PutOut(FailureKind.NOT_LET_IN, "could not get into the room: its server does not let it in")

log = structlog.get_logger(__name__)


def warm() -> None:
    """Start the native part of LiveKit's client, in the process that will use it."""

    async def make_a_track() -> None:
        source = rtc.AudioSource(24_000, 1)
        rtc.LocalAudioTrack.create_audio_track("warm", source)
        await source.aclose()

    asyncio.run(make_a_track())


class LiveKitStage(SharedStage):
    """A bot's place in a LiveKit room, on pipecat's own transport."""

    def __init__(
        self,
        room: Room,
        *,
        token: Callable[[], str],
        facts: dict[str, Any],
        describe: Callable[[str], None],
        listener: Listener,
        waits: bool,
        apart: bool = False,
    ) -> None:
        """`token` is asked for when it is needed; a bot that `waits` does not enter before `enter` is called.

        `describe` replaces the room's metadata, into which our `facts` belong.
        """
        super().__init__(room, listener=listener, waits=waits, apart=apart)
        self._token = token
        self._description = RoomDescription(room, facts, write=describe, begin=self._begin)
        self._client: Client | None = None
        self._avatar: Avatar | None = None
        self._name: str | None = None  # the name that the camera's picture shows; None: no camera
        self._people: frozenset[str] = frozenset()
        self._bots: set[str] = set()  # identities of other bots that were seen here
        self._is_listening = False

    @property
    def people(self) -> frozenset[str]:
        return self._people

    def look(self) -> Sequence[Seen]:
        return ()  # LiveKit tells it

    def runner_arguments(self, session_id: str, body: dict[str, Any]) -> LiveKitRunnerArguments:
        arguments = LiveKitRunnerArguments(
            room_name=self._room.name, url=self._room.server, token=self._token(), body=body
        )
        arguments.session_id = session_id
        arguments.pipeline_idle_timeout_secs = None  # the session's own clocks say when it is over
        return arguments

    def built(self, pipeline: PipelineWorker) -> None:
        client = client_of(pipeline.pipeline)
        if client is None:
            return  # a bot with a transport of its own: nobody is seen to come or go
        self._client = client
        client.held_by(self)
        if self._incoming.is_paused:
            client.pause()
        keep_to_rtvi(pipeline.pipeline)
        self._avatar = avatar_of(pipeline.pipeline)
        if self._avatar is not None:
            client.prepare_camera(is_on=self._name is not None)
            self._avatar.show(self._name)

    def tell(self, event: str, *, only: str | None = None, **facts: Any) -> None:
        message = server_message(event, **facts)
        if self._client is not None:
            self._begin(self._client.send_data(json.dumps(message).encode(), only))

    def take_part(self) -> None:
        super().take_part()
        if self._client is not None and self._client.is_connected:
            self._client.hear_everybody()

    def change_conversation(self, conversation_id: str) -> None:
        self._description.change(conversation_id=conversation_id)
        if self._client is not None and self._client.is_connected:
            self._describe_room(self._client.room.metadata)

    async def show(self, name: str | None) -> None:
        self._name = name
        client, avatar = self._client, self._avatar
        if client is None or avatar is None:
            return
        avatar.show(name)
        client.want_camera(is_on=name is not None)
        turned = self._begin(self._turn_camera(client))
        if client.is_connected:
            await asyncio.wait({turned}, timeout=SEEN_WITHIN.total_seconds())

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
            async with asyncio.timeout(CLOSES_WITHIN.total_seconds()):
                await self._client.hang_up()
        for task in self._tasks:
            task.cancel()

    # What pipecat is told of the room.  Other bots are left out: two bots would talk with each other without end

    def is_told_of(self, identity: str) -> bool:
        return identity not in self._bots

    def is_heard(self, participant: rtc.RemoteParticipant) -> bool:
        return self.takes_part and not _is_bot(participant)

    async def newcomer(self, known: frozenset[str]) -> str | None:
        """Whoever has just come is told of after what they say, and is the only one who was not known then."""
        loop = asyncio.get_running_loop()
        until = loop.time() + NAMED_WITHIN.total_seconds()
        while True:
            newcomers = self._people - known
            if newcomers or loop.time() > until:
                return next(iter(newcomers)) if len(newcomers) == 1 else None
            await asyncio.sleep(0.02)

    async def accepts(self, data: bytes, sender: str | None) -> bool:
        if sender in self._bots:
            return False
        answer = None if sender is None else partial(self._answer, sender)
        return self._incoming.takes(read(data), sender, answer)

    def _answer(self, person: str, message: dict[str, Any]) -> None:
        if self._client is not None:
            self._begin(self._client.send_data(json.dumps(message).encode(), person))

    # The connection

    async def connect(self, client: Client) -> None:
        """Wait until the bot may enter, and connect."""
        self._is_ready_to_enter.set()
        await self._may_enter.wait()
        if self._is_leaving:
            return
        if not client.is_connected:
            self._listen_to_room(client.room)
        await self._connect_until_let_in(client)

    def connected(self, client: Client) -> None:
        self._find(client.room)

    async def _connect_until_let_in(self, client: Client) -> None:
        deadline = asyncio.get_running_loop().time() + CONNECTS_WITHIN.total_seconds()
        while True:
            try:
                return await client.connect_once()
            except Exception as error:
                if asyncio.get_running_loop().time() > deadline or self._is_leaving:
                    self._put_out(NOT_LET_IN)
                    raise
                log.warning("room_entry_failed", room=str(self._room), because=str(error)[:200])
            await asyncio.sleep(TRY_AGAIN_AFTER.total_seconds())

    async def _turn_camera(self, client: Client) -> None:
        """Turn the camera on or off; a failure is logged, and the call goes on without pictures."""
        try:
            await client.turn_camera(lambda: self._name is not None)
        except (PublishTrackError, UnpublishTrackError) as error:
            log.warning("camera_change_failed", room=str(self._room), because=str(error)[:200])

    def _listen_to_room(self, room: rtc.Room) -> None:
        if self._is_listening:
            return
        self._is_listening = True
        room.on("participant_connected", lambda _: self._see(room))
        room.on("participant_disconnected", lambda _: self._see(room))
        room.on("participant_metadata_changed", lambda *_: self._see(room))
        room.on("room_metadata_changed", lambda _, metadata: self._describe_room(metadata))
        room.on("reconnected", lambda: self._find(room))
        room.on("disconnected", self._parted)

    def _find(self, room: rtc.Room) -> None:
        self._see(room)
        self._describe_room(room.metadata)

    def _describe_room(self, found: str) -> None:
        if not self._is_leaving:
            self._description.found(found)

    def _see(self, room: rtc.Room) -> None:
        """Tell the listener who has come and who has gone since the last look."""
        others = room.remote_participants.values()
        self._bots |= {each.identity for each in others if _is_bot(each)}
        before = self._people
        self._people = frozenset(each.identity for each in others if not _is_bot(each))
        for identity in before - self._people:
            self._begin(self._departed(identity))
        for each in others:
            if each.identity in self._people - before:
                self._begin(self._arrived(each.identity, appearance_of(each)))

    def _parted(self, reason: Any = None) -> None:
        self._people = frozenset()
        if not self._is_leaving and reason != rtc.DisconnectReason.CLIENT_INITIATED:
            why = REASONS.get(int(reason or 0))
            self._put_out(why or LINE_LOST)


def appearance_of(who: rtc.RemoteParticipant) -> Appearance:
    """Their name, attributes, and metadata; the last may be any text, of which JSON alone has names for its parts."""
    try:
        told = json.loads(who.metadata or "{}")
        json.dumps(
            told, allow_nan=False
        )  # Python reads NaN and 1e999, which are no JSON: no database keeps them
    except (ValueError, RecursionError):
        told = who.metadata
    metadata = told if isinstance(told, dict) else {"metadata": told}
    return Appearance(who.name or None, {**who.attributes, **metadata})


def _is_bot(who: rtc.RemoteParticipant) -> bool:
    return is_bot(
        who.identity,
        who.name,
        who.metadata,
        who.attributes,
        is_agent=who.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT,
        is_caller=who.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
    )
