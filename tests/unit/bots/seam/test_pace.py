"""What paces a call's sound does not follow a wall clock that jumps."""

import time

import pytest
from aiortc.mediastreams import AudioStreamTrack
from pipecat.transports.smallwebrtc.transport import RawAudioTrack

import greenroom.bots.transports.local  # noqa: F401 — gives the libraries their clock

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("jump", [3600, -3600])
@pytest.mark.parametrize("track", [lambda: RawAudioTrack(24_000), AudioStreamTrack])
async def test_sound_goes_on_at_its_pace_when_the_clock_is_set(track, jump, monkeypatch):
    voice, true_time = track(), time.time
    first = await voice.recv()
    monkeypatch.setattr(time, "time", lambda: true_time() + jump)
    began = time.monotonic()
    for _ in range(10):
        last = await voice.recv()
    took = time.monotonic() - began

    sound = (last.pts - first.pts) / last.sample_rate
    assert sound * 0.5 <= took < sound + 5
