"""A peer connection of pipecat's that outlives its peer, and a voice that lets go when the peer has gone."""

import asyncio
from datetime import timedelta
from typing import Any

from aioice import Connection
from aiortc import RTCDtlsTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import (
    SIGNALLING_TYPE,
    PeerLeftMessage,
    SmallWebRTCConnection,
    SmallWebRTCTrack,
)
from pipecat.transports.smallwebrtc.transport import (
    RawAudioTrack,
    SmallWebRTCClient,
    SmallWebRTCOutputTransport,
)

from greenroom.bots.seam.dropping import OF_WHICH_ONE_IS_TAKEN, drop_sound, is_sound, let_all_through
from greenroom.bots.seam.pace import steady

AS_LONG_AS_IT_TAKES = timedelta(days=365)
# Of aioice's questions, one each five seconds: so many in a row without an answer, and the peer has gone
CONSENT_FAILURES = 3
# Before a pause: a browser to which sound stops coming in the middle of a word makes up more of it for half a second
SILENCE_BEFORE_PAUSE = timedelta(milliseconds=200)


class PeerConnection(SmallWebRTCConnection):
    """A connection that may lose its peer and get another one while the bot's pipeline runs on."""

    _voice: "Voice | None" = None  # the track to the peer
    is_paused = False

    def accepts(self, message: Any) -> bool:
        """Whether the bot gets a message of the peer's."""
        return True

    def is_connected(self) -> bool:
        """Whether the peer is there.  pipecat's own answer stays true for three seconds after it has gone."""
        return self.pc.connectionState == "connected" and super().is_connected()

    def replace_audio_track(self, track: Any) -> None:
        self._voice = track if isinstance(track, Voice) else None
        super().replace_audio_track(track)
        if self.is_paused:  # another peer has come
            self.pause()

    def pause(self) -> None:
        """Send and take no sound from now on; the connection stays."""
        self.is_paused = True
        self._take_sound(is_taken=False)
        if self._voice is not None:
            self._voice.pause()

    def resume(self) -> None:
        """Send and take sound again."""
        self.is_paused = False
        self._take_sound(is_taken=True)
        if self._voice is not None:
            self._voice.resume()

    def _take_sound(self, *, is_taken: bool) -> None:
        for transceiver in self.pc.getTransceivers():
            transport = transceiver.receiver.transport
            if isinstance(transport, DtlsTransport):
                transport.takes_sound = is_taken
                ice = _ice_below(transport)
                if isinstance(ice, IceConnection):
                    ice.take_sound(is_taken=is_taken)

    def release_voice(self) -> None:
        """Let the bot's output go on: it may wait for a peer that has gone to take sound."""
        voice, self._voice = self._voice, None
        if voice is not None:
            voice.release()

    def tell_peer_left(self) -> None:
        """Tell pipecat's client at the other end that nobody is here for it any more: it hangs up for good then."""
        self.send_app_message({"type": SIGNALLING_TYPE, "message": PeerLeftMessage().model_dump()})

    async def close(self) -> None:
        """Close the connection without telling the peer, whose client may reach the room's next bot with it."""
        await self._close()

    async def _close(self) -> None:
        # pipecat's watch over a connection that never comes about closes it, and is cancelled by the event
        # of that: the close must not be, or every later one would wait for it for ever.
        await asyncio.shield(super()._close())
        self.release_voice()

    async def _call_event_handler(self, event_name: str, *args: Any, **kwargs: Any) -> Any:
        if event_name == "app-message" and not self.accepts(*args):
            return None
        return await super()._call_event_handler(event_name, *args, **kwargs)

    # pipecat asks for both of a person who has no camera, and warns each time that there is none.

    def video_input_track(self) -> SmallWebRTCTrack | None:
        return super().video_input_track() if len(self.pc.getTransceivers()) > 1 else None

    def screen_video_input_track(self) -> SmallWebRTCTrack | None:
        return super().screen_video_input_track() if len(self.pc.getTransceivers()) > 2 else None


class IceConnection(Connection):
    """aioice's connection to a peer, which may leave the sound that comes where it is, or have the kernel drop it.

    One packet of many is taken even then, since SRTP loses count of packets of which it has not seen thirty thousand.
    """

    _takes_sound = True
    _kernel_drops_sound = False
    _left = 0  # packets, since one was taken

    def take_sound(self, *, is_taken: bool) -> None:
        self._takes_sound = is_taken
        files = [_file_of(pair.protocol.transport) for pair in self._nominated.values()]
        self._kernel_drops_sound = not is_taken and drop_sound(files)
        if not self._kernel_drops_sound:
            let_all_through(files)

    def data_received(self, data: bytes, component: int) -> None:
        if self._takes_sound or self._kernel_drops_sound or not is_sound(data):
            super().data_received(data, component)
            return
        self._left += 1
        if self._left == OF_WHICH_ONE_IS_TAKEN:
            self._left = 0
            super().data_received(data, component)


def _ice_below(transport: RTCDtlsTransport) -> Any:
    below: Any = transport.transport
    return below._connection


def _file_of(transport: Any) -> int | None:
    """The descriptor of a datagram transport's socket; None of one that leads through a relay."""
    found = transport.get_extra_info("socket")
    return None if found is None else int(found.fileno())


class DtlsTransport(RTCDtlsTransport):
    """aiortc's way to a peer, which may leave what the peer sends undecoded."""

    takes_sound = True

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        if self.takes_sound:
            await super()._handle_rtp_data(data, arrival_time_ms)


class NoTrack:
    """In the place of a peer's track while there is none, or it is not to be heard: it waits, and gives nothing."""

    def __init__(self) -> None:
        self._has_changed = asyncio.Event()

    def is_enabled(self) -> bool:
        return False

    async def recv(self) -> None:
        self._has_changed.clear()
        await self._has_changed.wait()

    def changed(self) -> None:
        """There may be a track now."""
        self._has_changed.set()


class Client(SmallWebRTCClient):
    """pipecat's client, which waits for a peer's track without looking for it all the time."""

    _track: SmallWebRTCTrack | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._no_track = NoTrack()
        super().__init__(*args, **kwargs)

    @property
    def _audio_input_track(self) -> Any:
        is_paused = isinstance(self._webrtc_connection, PeerConnection) and self._webrtc_connection.is_paused
        return self._no_track if self._track is None or is_paused else self._track

    @_audio_input_track.setter
    def _audio_input_track(self, track: Any) -> None:
        self._track = track
        self._no_track.changed()


class Voice(RawAudioTrack):
    """pipecat's track to the peer, whose sound somebody waits to be taken, and which may be paused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._silences = 0  # pieces of silence that are sent before nothing is

    def pause(self) -> None:
        """Send nothing soon, not even silence, and take nothing to be sent."""
        if self._may_send.is_set():
            self._silences = SILENCE_BEFORE_PAUSE // timedelta(milliseconds=10)
        self._may_send.clear()
        self.release()

    def resume(self) -> None:
        """Go on; the peer learns from the sound's own time that nothing was sent meanwhile."""
        now = int((steady.time() - self._start) * 100) * self._samples_per_10ms
        self._timestamp = max(self._timestamp, now)
        self._may_send.set()

    def add_audio_bytes(self, audio_bytes: bytes) -> "asyncio.Future[bool]":
        if self._may_send.is_set():
            return super().add_audio_bytes(audio_bytes)  # type: ignore[no-any-return]
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        taken.set_result(True)
        return taken

    async def recv(self) -> Any:
        if not self._may_send.is_set() and self._silences:
            self._silences -= 1
        elif not self._may_send.is_set():
            await self._may_send.wait()
        return await super().recv()

    def release(self) -> None:
        """Let go whoever waits: nobody will take it."""
        for _, taken in self._chunk_queue:
            if taken is not None and not taken.done():
                taken.set_result(True)
        self._chunk_queue.clear()


class Output(SmallWebRTCOutputTransport):
    """pipecat's output, which waits for its peer to take sound until the peer has gone (see `Voice.release`)."""

    def __init__(self, client: SmallWebRTCClient, params: TransportParams, **kwargs: Any) -> None:
        params.audio_out_write_timeout_secs = AS_LONG_AS_IT_TAKES.total_seconds()
        super().__init__(client, params, **kwargs)
