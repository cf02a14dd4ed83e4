"""pipecat's client of a LiveKit room, which a bot's place in the room may hold."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from livekit import rtc
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.livekit.transport import (
    LiveKitCallbacks,
    LiveKitInputTransport,
    LiveKitOutputTransport,
    LiveKitParams,
    LiveKitTransportClient,
)


class Holder(Protocol):
    """Who decides when a client connects, and what its bot learns of the room."""

    @property
    def takes_part(self) -> bool:
        """Whether the bot is heard and hears; else it is in the room, and no more than that."""
        ...

    async def when_part(self, happening: Callable[[], Awaitable[None]]) -> None:
        """Let the bot learn of something as soon as it takes part."""
        ...

    async def connect(self, client: "Client") -> None:
        """Asked for by the bot's input and its output; the second finds it done."""
        ...

    def connected(self, client: "Client") -> None:
        """The client is in the room, and the bot has not been told yet."""
        ...

    def is_heard(self, participant: rtc.RemoteParticipant) -> bool:
        """Whether the bot hears what a participant says."""
        ...

    def is_told_of(self, identity: str) -> bool:
        """Whether the bot is told that a participant has come, or has left."""
        ...

    async def newcomer(self, known: frozenset[str]) -> str | None:
        """Who has sent something that LiveKit names no sender of: none of those who were known when it came."""
        ...

    async def accepts(self, data: bytes, sender: str | None) -> bool:
        """Whether the bot gets what a participant has sent."""
        ...


class Client(LiveKitTransportClient):
    """pipecat's client, which connects when its holder lets it, can be silenced, and turns its camera on and off."""

    _holder: Holder | None = None
    _is_silent = False
    _is_paused = False
    _has_camera = False

    def __init__(
        self,
        url: str,
        token: str,
        room_name: str,
        params: LiveKitParams,
        callbacks: LiveKitCallbacks,
        transport_name: str,
    ) -> None:
        super().__init__(url, token, room_name, params, self._by_holder(callbacks), transport_name)
        self._known_at: dict[int, frozenset[str]] = {}  # by the packet of nobody that came then

    def held_by(self, holder: Holder) -> None:
        self._holder = holder

    @property
    def is_connected(self) -> bool:
        return self._connected

    async def connect(self) -> None:  # type: ignore[override]  # pipecat's is an object of tenacity's
        """When the holder lets it, and without pipecat's own tries, which are four seconds apart."""
        if self._holder is None:
            await super().connect()
        else:
            await self._holder.connect(self)

    async def connect_once(self) -> None:
        once: Any = LiveKitTransportClient.connect
        await once.__wrapped__(self)

    async def hang_up(self) -> None:
        """Leave the room, however many of the pipeline's parts have not."""
        if self._room is not None:
            await self._room.disconnect()
            _let_go(self._room)

    def silence(self) -> None:
        """Be heard no more, from this moment."""
        self._is_silent = True
        if self._audio_source is not None:
            self._audio_source.clear_queue()
        if self._audio_track is not None:
            self._audio_track.mute()

    def pause(self) -> None:
        """Neither be heard nor hear, and stay: the server sends nobody's voice any more."""
        self._is_paused = True
        if self._audio_source is not None:
            self._audio_source.clear_queue()
        if self._audio_track is not None:
            self._audio_track.mute()
        self._subscribe(to_voices=False)

    def resume(self) -> None:
        """Be heard and hear again, unless another bot has the room."""
        self._is_paused = False
        if self._audio_track is not None and not self._is_silent:
            self._audio_track.unmute()
        self._subscribe(to_voices=True)

    def _subscribe(self, *, to_voices: bool) -> None:
        if self._room is None or not self._connected:
            return
        for participant in self._room.remote_participants.values():
            for publication in participant.track_publications.values():
                if publication.kind == rtc.TrackKind.KIND_AUDIO:
                    publication.set_subscribed(to_voices)

    async def publish_audio(self, audio_frame: rtc.AudioFrame) -> bool:
        is_apart = self._holder is not None and not self._holder.takes_part
        is_silent = self._is_silent or self._is_paused or is_apart
        return True if is_silent else await super().publish_audio(audio_frame)

    def hear_everybody(self) -> None:
        """Hear those who were not heard yet."""
        for participant in self.room.remote_participants.values():
            for publication in participant.track_publications.values():
                if publication.track is not None and participant.identity not in self._audio_tracks:
                    self._on_track_subscribed_wrapper(publication.track, publication, participant)

    # What the bot learns of the room

    def _by_holder(self, callbacks: LiveKitCallbacks) -> LiveKitCallbacks:
        """The transport's callbacks, called as the holder allows."""

        def if_told(notice: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
            async def notify(identity: str) -> None:
                if self._holder is None:
                    await notice(identity)
                elif self._holder.is_told_of(identity):
                    await self._holder.when_part(partial(notice, identity))

            return notify

        async def connected() -> None:
            if self._holder is not None:
                self._holder.connected(self)
            if self._is_paused:
                self.pause()
            await callbacks.on_connected()

        return callbacks.model_copy(
            update={
                "on_connected": connected,  # LiveKit's client has no event for it
                "on_participant_connected": if_told(callbacks.on_participant_connected),
                "on_participant_disconnected": if_told(callbacks.on_participant_disconnected),
                "on_first_participant_joined": if_told(callbacks.on_first_participant_joined),
            }
        )

    def _on_data_received_wrapper(self, data: rtc.DataPacket) -> None:
        """Note at once who is known: of two who come at about the same time one sent it, and not the other."""
        if data.participant is None:
            self._known_at[id(data)] = frozenset(self.room.remote_participants)
        super()._on_data_received_wrapper(data)

    async def _async_on_data_received(self, data: rtc.DataPacket) -> None:
        known = self._known_at.pop(id(data), frozenset())
        if self._holder is None:
            await super()._async_on_data_received(data)
        else:
            await self._holder.when_part(partial(self._read, self._holder, data, known))

    async def _read(self, holder: Holder, data: rtc.DataPacket, known: frozenset[str]) -> None:
        sender = data.participant.identity if data.participant else await holder.newcomer(known)
        if await holder.accepts(data.data, sender):
            await self._callbacks.on_data_received(data.data, sender)

    def _on_track_subscribed_wrapper(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if self._is_paused and publication.kind == rtc.TrackKind.KIND_AUDIO:
            publication.set_subscribed(False)
        elif self._holder is None or self._holder.is_heard(participant):
            super()._on_track_subscribed_wrapper(track, publication, participant)

    # The camera

    def prepare_camera(self, *, is_on: bool) -> None:
        """Before the pipeline is set up: make its output ready for pictures, whether the camera is on or off."""
        self._has_camera = True
        self._params, of_output = self._params.model_copy(), self._params
        of_output.video_out_enabled = True
        self.want_camera(is_on=is_on)

    def want_camera(self, *, is_on: bool) -> None:
        """If it connects later."""
        self._params.video_out_enabled = is_on

    async def turn_camera(self, is_wanted: Callable[[], bool]) -> None:
        """On or off, as it is wanted once nothing else is done.  Raises PublishTrackError, UnpublishTrackError."""
        async with self._async_lock:  # not while it connects
            if not self._connected:
                return
            if is_wanted() and self._video_source is None:
                await self._turn_camera_on()
            elif not is_wanted() and self._video_source is not None:
                await self._turn_camera_off()

    async def _turn_camera_on(self) -> None:
        """As pipecat does when it connects."""
        source = rtc.VideoSource(self._params.video_out_width, self._params.video_out_height)
        track = rtc.LocalVideoTrack.create_video_track("pipecat-video", source)
        await self.room.local_participant.publish_track(track, self._video_publish_options())
        self._video_source, self._video_track = source, track

    async def _turn_camera_off(self) -> None:
        source, self._video_source, self._video_track = self._video_source, None, None
        me = self.room.local_participant
        for sid, each in list(me.track_publications.items()):
            if each.source == rtc.TrackSource.SOURCE_CAMERA:
                await me.unpublish_track(sid)
        if source is not None:
            await source.aclose()

    def _video_publish_options(self) -> rtc.TrackPublishOptions:
        options = super()._video_publish_options()
        if self._has_camera:
            options.simulcast = False  # our picture is small: it need not be encoded in several sizes
        return options


def client_of(part: FrameProcessor) -> Client | None:
    """The client of the transport in a pipeline; None if a bot has a transport of its own."""
    if isinstance(part, (LiveKitInputTransport, LiveKitOutputTransport)) and isinstance(part._client, Client):
        return part._client
    return next((found for each in part.processors if (found := client_of(each))), None)


def _let_go(room: rtc.Room) -> None:
    """Give back what is native of a room that was left.

    Python's collector would, long after: the process of a bot that goes from room to room would run out of descriptors.
    """
    if room._ffi_handle is None or room._ffi_handle.disposed:  # never entered, or let go of already
        return
    for each in (room.local_participant, *room.remote_participants.values()):
        for publication in each.track_publications.values():
            if publication.track is not None:
                publication.track._ffi_handle.dispose()
            publication._ffi_handle.dispose()
        each._ffi_handle.dispose()
    room._ffi_handle.dispose()
