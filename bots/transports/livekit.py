"""A LiveKit room: the bot is one participant of many, under the one identity that bots of that room have.

The room itself lets only one participant of an identity stay, the newer.  So a bot
that prepares itself while another has the room waits at the door: pipecat connects
when a pipeline is set up, and that is where we make it wait.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from livekit import rtc
from livekit.rtc.participant import PublishTrackError, UnpublishTrackError
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import LiveKitRunnerArguments
from pipecat.transports.livekit.transport import (
    LiveKitInputTransport,
    LiveKitOutputTransport,
    LiveKitTransportClient,
)

from app.errors import ProviderAway
from app.providers.livekit import is_bot
from app.providers.room_metadata import with_facts
from app.rooms.failures import FailureKind
from app.rooms.room import Room
from app.rooms.sessions import Reason
from bots.avatar import Avatar, avatar_of
from bots.transports.incoming import error_response, keep_to_rtvi, read
from bots.transports.shared import LINE_LOST, SharedRoom, server_message
from bots.transports.stage import Notice, PutOut

CONNECTS_WITHIN = timedelta(seconds=20)  # tried again and again: the server may be starting
TRY_AGAIN_AFTER = timedelta(seconds=0.5)
CLOSES_WITHIN = timedelta(seconds=2)
SEEN_WITHIN = timedelta(seconds=5)
NAMED_WITHIN = timedelta(seconds=3)
DESCRIBES_AT_MOST = 20  # times in a stay: another program may take our facts out each time, for ever

# Why a room parted with its bot, where that is for good.
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


class LiveKitRoom(SharedRoom):
    """A bot's place in a LiveKit room, on pipecat's own transport."""

    def __init__(
        self,
        room: Room,
        *,
        token: Callable[[], str],
        facts: dict[str, Any],
        describe: Callable[[str], None],
        on_arrival: Notice,
        on_departure: Notice,
        on_put_out: Callable[[PutOut], None],
        waits: bool,
    ) -> None:
        """`token` is asked for when it is needed; a bot that `waits` stays at the door until `enter`.

        `describe` replaces the room's metadata, into which our `facts` belong.
        """
        super().__init__(
            room, on_arrival=on_arrival, on_departure=on_departure, on_put_out=on_put_out, waits=waits
        )
        self._token = token
        self._facts = facts
        self._describe = describe
        self._wanted_metadata: str | None = None  # to be written next
        self._times_described = 0
        self._describing: asyncio.Future[None] | None = None
        self._client: LiveKitTransportClient | None = None
        self._avatar: Avatar | None = None
        self._name: str | None = None  # that it is seen under
        self._people: dict[str, float] = {}  # identity -> when we saw them first
        self._bots: set[str] = set()  # others, that were seen here
        self._is_listening = False

    @property
    def people(self) -> frozenset[str]:
        return frozenset(self._people)

    def runner_arguments(self, session_id: str, body: dict[str, Any]) -> LiveKitRunnerArguments:
        arguments = LiveKitRunnerArguments(
            room_name=self._room.name, url=self._room.server, token=self._token(), body=body
        )
        arguments.session_id = session_id
        arguments.pipeline_idle_timeout_secs = None  # the session's own clocks say when it is over
        return arguments

    def built(self, pipeline: PipelineWorker) -> None:
        client = _client(pipeline.pipeline)
        if client is None:
            return  # a bot with a transport of its own: nobody is seen to come or go
        self._client = client
        connect: Any = client.connect
        # without tenacity's waits of four seconds
        vars(client)["connect"] = self._connecting(client, connect.__wrapped__)
        self._hear_people_only(client)
        keep_to_rtvi(pipeline.pipeline)
        self._avatar = avatar_of(pipeline.pipeline)
        if self._avatar is not None:
            # The output is ready for pictures from the beginning; whether there is a camera the client alone decides.
            params = client._params
            client._params = params.model_copy(update={"video_out_enabled": self._name is not None})
            params.video_out_enabled = True
            vars(client)["_video_publish_options"] = self._one_layer(client._video_publish_options)
            self._avatar.show(self._name)

    def tell(self, event: str, **facts: Any) -> None:
        message = server_message(event, **facts)
        if self._client is not None:
            self._begin(self._client.send_data(json.dumps(message).encode()))

    async def show(self, name: str | None) -> None:
        self._name = name
        client, avatar = self._client, self._avatar
        if client is None or avatar is None:
            return
        avatar.show(name)
        client._params.video_out_enabled = name is not None  # if it connects later
        turned = self._begin(self._turn_camera(client))
        if client._connected:
            await asyncio.wait({turned}, timeout=SEEN_WITHIN.total_seconds())

    def hush(self) -> None:
        client = self._client
        if client is None or client._audio_source is None:
            return
        client._audio_source.clear_queue()
        if client._audio_track is not None:
            client._audio_track.mute()

        async def unheard(_: rtc.AudioFrame) -> bool:
            return True

        vars(client)["publish_audio"] = unheard

    async def disconnect(self) -> None:
        self._is_leaving = True
        self._may_enter.set()
        if self._client is not None and self._client._room is not None:
            async with asyncio.timeout(CLOSES_WITHIN.total_seconds()):
                await self._client._room.disconnect()
        for task in self._tasks:
            task.cancel()

    # What pipecat learns of the room

    def _hear_people_only(self, client: LiveKitTransportClient) -> None:
        """Two bots would talk with each other until somebody pays for it."""
        told, receive, subscribed = (
            client._callbacks,
            client._callbacks.on_data_received,
            client._on_track_subscribed_wrapper,
        )

        def unless_bot(notice: Notice) -> Notice:
            async def notify(identity: str) -> None:
                if identity not in self._bots:
                    await notice(identity)

            return notify

        told.on_participant_connected = unless_bot(told.on_participant_connected)
        told.on_participant_disconnected = unless_bot(told.on_participant_disconnected)
        told.on_first_participant_joined = unless_bot(told.on_first_participant_joined)

        async def received(data: bytes, sender: str | None) -> None:
            sender = sender or await self._somebody_new()
            if not self._listens or sender in self._bots:
                return
            message = read(data)
            if why := self._incoming.refusal(message, sender):
                if sender is not None:
                    await client.send_data(json.dumps(error_response(message, why)).encode(), sender)
                return
            await receive(data, sender)

        def track_subscribed(track: Any, publication: Any, participant: rtc.RemoteParticipant) -> None:
            if not _is_bot(participant):
                subscribed(track, publication, participant)

        entered = told.on_connected

        async def connected() -> None:
            self._find(client.room)  # pipecat's word: LiveKit's client has no event for it
            await entered()

        told.on_connected = connected
        told.on_data_received = received
        vars(client)["_on_track_subscribed_wrapper"] = track_subscribed

    async def _somebody_new(self) -> str | None:
        """Who sent what came without a name: what somebody says at once may be here before they are."""
        loop, patience = asyncio.get_running_loop(), NAMED_WITHIN.total_seconds()
        came = loop.time()
        while True:
            newcomers = [identity for identity, since in self._people.items() if since > came - patience]
            if newcomers or loop.time() > came + patience:
                return newcomers[0] if len(newcomers) == 1 else None
            await asyncio.sleep(0.02)

    # The connection

    def _connecting(
        self, client: LiveKitTransportClient, connect: Callable[[Any], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        """pipecat's `connect`, behind the door.  Input and output both call it; the second finds it done."""

        async def once() -> None:
            self._is_at_door.set()
            await self._may_enter.wait()
            if self._is_leaving:
                return
            if not client._connected:
                self._listen_to_room(client.room)
            await self._insist(lambda: connect(client))

        return once

    async def _insist(self, connect: Callable[[], Awaitable[None]]) -> None:
        deadline = asyncio.get_running_loop().time() + CONNECTS_WITHIN.total_seconds()
        while True:
            try:
                return await connect()
            except Exception as error:
                if asyncio.get_running_loop().time() > deadline or self._is_leaving:
                    self._put_out(NOT_LET_IN)
                    raise
                log.warning("room_not_entered", room=str(self._room), because=str(error)[:200])
            await asyncio.sleep(TRY_AGAIN_AFTER.total_seconds())

    def _one_layer(
        self, usual: Callable[[], rtc.TrackPublishOptions]
    ) -> Callable[[], rtc.TrackPublishOptions]:
        """A small picture need not be encoded in several sizes."""

        def options() -> rtc.TrackPublishOptions:
            chosen = usual()
            chosen.simulcast = False
            return chosen

        return options

    async def _turn_camera(self, client: LiveKitTransportClient) -> None:
        """On or off, as it shall be now.  A call goes on without pictures, if need be."""
        async with client._async_lock:  # not while it connects
            if not client._connected:
                return
            try:
                if self._name is not None and client._video_source is None:
                    await self._turn_camera_on(client)
                elif self._name is None and client._video_source is not None:
                    await self._turn_camera_off(client)
            except (PublishTrackError, UnpublishTrackError) as error:
                log.warning("camera_not_turned", room=str(self._room), because=str(error)[:200])

    async def _turn_camera_on(self, client: LiveKitTransportClient) -> None:
        """As pipecat does when it connects."""
        params = client._params
        source = rtc.VideoSource(params.video_out_width, params.video_out_height)
        track = rtc.LocalVideoTrack.create_video_track("pipecat-video", source)
        await client.room.local_participant.publish_track(track, client._video_publish_options())
        client._video_source, client._video_track = source, track

    async def _turn_camera_off(self, client: LiveKitTransportClient) -> None:
        source, client._video_source, client._video_track = client._video_source, None, None
        me = client.room.local_participant
        for sid, each in list(me.track_publications.items()):
            if each.source == rtc.TrackSource.SOURCE_CAMERA:
                await me.unpublish_track(sid)
        if source is not None:
            await source.aclose()

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
        """Add our facts to the metadata that was `found`, unless they are there.

        Each change of the metadata leads here, in the order in which the server made them.  So a text that somebody
        wrote between our reading and our writing is not lost: it is found a moment later, and ours is added to it.
        """
        wanted = with_facts(found, self._facts)
        if wanted is None or self._is_leaving:
            return
        self._wanted_metadata = wanted
        if self._describing is None or self._describing.done():
            self._describing = self._begin(self._write_metadata())

    async def _write_metadata(self) -> None:
        while (wanted := self._wanted_metadata) is not None:
            self._wanted_metadata = None
            self._times_described += 1
            if self._times_described > DESCRIBES_AT_MOST:
                return
            try:
                await asyncio.to_thread(self._describe, wanted)
            except ProviderAway:
                log.warning("room_not_described", room=str(self._room))

    def _see(self, room: rtc.Room) -> None:
        """Who is there now, compared with who was there."""
        others = room.remote_participants.values()
        self._bots |= {each.identity for each in others if _is_bot(each)}
        before, now = self._people, asyncio.get_running_loop().time()
        self._people = {each.identity: before.get(each.identity, now) for each in others if not _is_bot(each)}
        for identity in before.keys() - self._people.keys():
            self._begin(self._tell(self._on_departure, identity))
        for identity in self._people.keys() - before.keys():
            self._begin(self._tell(self._on_arrival, identity))

    def _parted(self, reason: Any = None) -> None:
        self._people = {}
        if not self._is_leaving and reason != rtc.DisconnectReason.CLIENT_INITIATED:
            why = REASONS.get(int(reason or 0))
            self._put_out(why or LINE_LOST)


def _is_bot(who: rtc.RemoteParticipant) -> bool:
    return is_bot(
        who.identity,
        who.name,
        who.metadata,
        who.attributes,
        is_agent=who.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT,
        is_caller=who.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
    )


def _client(part: FrameProcessor) -> LiveKitTransportClient | None:
    if isinstance(part, (LiveKitInputTransport, LiveKitOutputTransport)):
        return part._client
    return next((found for each in part.processors if (found := _client(each))), None)
