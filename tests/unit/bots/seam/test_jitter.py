"""Sound goes on as soon as it is its turn, and what was lost on its way holds up three packets at most."""

import aiortc.jitterbuffer
import aiortc.rtcrtpreceiver
import pytest
from aiortc.rtp import RtpPacket

from greenroom.bots import seam
from greenroom.bots.seam.jitter import NUMBERS, JitterBuffer


@pytest.fixture
def sound():
    return JitterBuffer(capacity=16, prefetch=4)


def packet(number):
    made = RtpPacket(sequence_number=number % NUMBERS, timestamp=960 * (number % NUMBERS))
    made._data = b"%d" % (number % NUMBERS)
    return made


def heard(buffer, *numbers):
    """What goes on with each packet that comes."""
    frames = [buffer.add(packet(number))[1] for number in numbers]
    return [frame and int(frame.data) for frame in frames]


def test_bots_in_local_rooms_have_it():
    seam.install("local")

    assert aiortc.rtcrtpreceiver.JitterBuffer is JitterBuffer


def test_what_comes_in_order_goes_on_at_once(sound):
    assert heard(sound, 7, 8, 9) == [7, 8, 9]


def test_a_packet_keeps_its_time(sound):
    _, frame = sound.add(packet(7))

    assert frame.timestamp == 960 * 7


def test_numbers_begin_again_at_0(sound):
    assert heard(sound, NUMBERS - 1, NUMBERS, NUMBERS + 1) == [NUMBERS - 1, 0, 1]


def test_what_was_overtaken_is_put_back_into_its_place(sound):
    assert heard(sound, 1, 3, 4, 2, 5, 6) == [1, None, None, 2, 3, 4]


def test_a_lost_packet_holds_up_three_and_no_more(sound):
    assert heard(sound, 1, 3, 4, 5, 6, 7, 8) == [1, None, None, None, 3, 4, 5]


def test_what_comes_too_late_or_twice_is_left_out(sound):
    heard(sound, 1, 2, 4, 5, 6, 7)

    assert heard(sound, 3, 8, 1, 9) == [None, 5, None, 6]


def test_several_losses_are_each_waited_for_no_longer(sound):
    numbers = [number for number in range(100) if number % 5]

    gone_on = [number for number in heard(sound, *numbers) if number is not None]

    assert gone_on == numbers[: len(gone_on)]
    assert len(numbers) - len(gone_on) <= 3


@pytest.mark.parametrize("number", [507, 40_000])
def test_after_a_jump_it_goes_on_at_once_where_the_peer_does(sound, number):
    heard(sound, 7, 9)

    assert heard(sound, number, number + 1) == [number, number + 1]


def test_pictures_are_put_together_as_aiortc_does_it():
    ours = JitterBuffer(capacity=512, is_video=True)
    theirs = aiortc.jitterbuffer.JitterBuffer(capacity=512, is_video=True)

    numbers = [1, 2, 4, 3, 5, 600, 601]

    assert heard(ours, *numbers) == heard(theirs, *numbers)
