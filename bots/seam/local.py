"""A peer connection of pipecat's that outlives its peer, and a voice that lets go when the peer has gone."""

import asyncio
from datetime import timedelta
from typing import Any

from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection, SmallWebRTCTrack
from pipecat.transports.smallwebrtc.transport import (
    RawAudioTrack,
    SmallWebRTCClient,
    SmallWebRTCOutputTransport,
)

AS_LONG_AS_IT_TAKES = timedelta(days=365)


class PeerConnection(SmallWebRTCConnection):
    """A connection that may lose its peer and get another one while the bot's pipeline runs on."""

    _voice: "Voice | None" = None  # the track to the peer

    def accepts(self, message: Any) -> bool:
        """Whether the bot gets a message of the peer's."""
        return True

    def is_connected(self) -> bool:
        """Whether the peer is there.  pipecat's own answer stays true for three seconds after it has gone."""
        return self.pc.connectionState == "connected" and super().is_connected()

    def replace_audio_track(self, track: Any) -> None:
        self._voice = track if isinstance(track, Voice) else None
        super().replace_audio_track(track)

    def release_voice(self) -> None:
        """Let the bot's output go on: it may wait for a peer that has gone to take sound."""
        voice, self._voice = self._voice, None
        if voice is not None:
            voice.release()

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


class Voice(RawAudioTrack):
    """pipecat's track to the peer, whose sound somebody waits to be taken."""

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
