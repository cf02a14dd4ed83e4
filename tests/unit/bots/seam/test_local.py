"""A voice to a peer that is paused sends nothing, and goes on in its own time; a client without a track only waits."""

import asyncio

import pytest
import uvloop
from aioice import Connection

from greenroom.bots import seam
from greenroom.bots.seam.dropping import OF_WHICH_ONE_IS_TAKEN, is_sound
from greenroom.bots.seam.local import IceConnection, NoTrack, Voice

pytestmark = pytest.mark.anyio
RATE = 24_000
TEN_MS = bytes(480)


@pytest.fixture
def voice():
    seam.install("local")
    return Voice(RATE)


async def until_quiet(voice):
    """All that is sent before nothing is."""
    sent = []
    while True:
        try:
            async with asyncio.timeout(0.3):
                sent.append(await voice.recv())
        except TimeoutError:
            return sent


async def test_a_paused_voice_sends_a_little_silence_and_then_nothing_at_all(voice):
    waiting = voice.add_audio_bytes(b"\x01" * 480)
    voice.pause()

    assert waiting.done(), "nobody waits for sound to be taken that is not sent"
    sent = await until_quiet(voice)
    assert len(sent) == 20
    assert not any(frame.to_ndarray().any() for frame in sent)


async def test_what_is_said_during_a_pause_is_dropped_at_once(voice):
    voice.pause()

    assert await voice.add_audio_bytes(b"\x01" * 480) is True
    assert not any(frame.to_ndarray().any() for frame in await until_quiet(voice))


async def test_a_resumed_voice_goes_on_in_time_and_does_not_make_up_for_the_pause(voice):
    voice.pause()
    last = (await until_quiet(voice))[-1]
    await asyncio.sleep(0.5)
    voice.resume()
    taken = voice.add_audio_bytes(b"\x01" * 480)
    frame = await voice.recv()

    assert frame.to_ndarray().any()
    assert taken.done()
    assert frame.pts - last.pts > RATE // 4, "the time of the pause has passed for the peer too"


async def test_who_waits_for_a_track_is_woken_when_there_may_be_one():
    nothing = NoTrack()
    waiting = asyncio.create_task(nothing.recv())
    await asyncio.sleep(0)
    nothing.changed()

    assert await waiting is None
    assert not nothing.is_enabled()


async def test_a_paused_bot_leaves_sound_where_it_is_but_for_one_packet_of_many():
    sound, report, handshake = bytes([128, 111, 0, 1]), bytes([128, 200, 0, 1]), bytes([22, 254, 253])
    connection = IceConnection(ice_controlling=True)
    taken = []
    connection._queue.put_nowait = lambda each: taken.append(each[0])

    connection.data_received(sound, 1)
    connection.take_sound(is_taken=False)
    for _ in range(OF_WHICH_ONE_IS_TAKEN):
        connection.data_received(sound, 1)
    connection.data_received(report, 1)
    connection.data_received(handshake, 1)

    assert taken == [sound, sound, report, handshake]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_kernel_drops_what_a_peer_says_to_a_paused_bot(loop):
    """So it does not even wake up for it."""
    sound, last = bytes([128, 111, 0, 1]), bytes([128, 200, 0, 1])

    async def heard(bot, peer):
        for _ in range(3):
            await peer.send(sound)
        await peer.send(last)
        return [await bot.recv() for _ in range(4)]

    async def left_alone(bot, peer):
        for _ in range(20):
            for _ in range(50):
                await peer.send(sound)
            await asyncio.sleep(0.01)  # a socket's buffer holds some two hundred
        await peer.send(last)
        while (await bot.recv())[1] != 200:
            pass
        return bot.left

    async def call():
        bot, peer = Counting(ice_controlling=True), Connection(ice_controlling=False)
        for each in (bot, peer):
            await each.gather_candidates()
        for each, other in ((bot, peer), (peer, bot)):
            for candidate in other.local_candidates:
                await each.add_remote_candidate(candidate)
            await each.add_remote_candidate(None)
            each.remote_username, each.remote_password = other.local_username, other.local_password
        await asyncio.gather(bot.connect(), peer.connect())
        bot.take_sound(is_taken=False)
        reached = await left_alone(bot, peer)
        bot.take_sound(is_taken=True)
        again = await heard(bot, peer)
        await asyncio.gather(bot.close(), peer.close())
        return reached, again

    with asyncio.Runner(loop_factory=loop) as runner:
        reached, again = runner.run(asyncio.wait_for(call(), 20))

    assert reached < 50, "two, by chance"
    assert again == [sound] * 3 + [last]


class Counting(IceConnection):
    """Counts the sound that reaches its process."""

    left = 0

    def data_received(self, data, component):
        self.left += is_sound(data)
        super().data_received(data, component)
