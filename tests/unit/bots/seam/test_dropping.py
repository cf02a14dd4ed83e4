"""The kernel drops sound that nobody is to hear, but for one packet of many, and nothing else."""

import socket

import pytest

from greenroom.bots.seam.dropping import OF_WHICH_ONE_IS_TAKEN, drop_sound, is_sound, let_all_through

SOUND = bytes([128, 111, 0, 1])
MARKED = bytes([144, 239, 0, 1])  # the first after a silence
REST = (
    bytes([128, 200, 0, 1]),  # RTCP: a sender's report
    bytes([129, 201, 0, 1]),  # RTCP: a receiver's report
    bytes([22, 254, 253, 0]),  # DTLS
    bytes([0, 1, 0, 8]),  # STUN
    bytes([64, 0, 0, 4]),  # a relay's channel
    bytes([192, 111, 0, 1]),
    bytes([128]),
    b"",
)


@pytest.fixture
def pair():
    """A socket, and one that sends to it."""
    with socket.socket(type=socket.SOCK_DGRAM) as here, socket.socket(type=socket.SOCK_DGRAM) as there:
        here.bind(("127.0.0.1", 0))
        here.setblocking(False)
        there.connect(here.getsockname())
        yield here, there


def come(pair, *datagrams):
    """Which of these get through; what comes to a socket of this machine is there at once."""
    here, there = pair
    found = []
    for each in datagrams:
        there.send(each)
        try:
            found.append(here.recv(2000))
        except BlockingIOError:
            continue
    return found


def test_only_sound_counts_as_sound():
    assert [is_sound(each) for each in (SOUND, MARKED, *REST)] == [True, True, *[False] * len(REST)]


def test_sound_is_dropped_but_for_a_little_of_it(pair):
    assert drop_sound([pair[0].fileno()])

    found = come(pair, *[SOUND, MARKED] * 10 * OF_WHICH_ONE_IS_TAKEN)

    assert 1 <= len(found) <= 100, "20 of them, by chance"


def test_all_else_comes_through(pair):
    assert drop_sound([pair[0].fileno()])

    assert come(pair, *REST) == list(REST)


def test_sound_comes_again_once_it_is_to_be_heard(pair):
    drop_sound([pair[0].fileno()])
    let_all_through([pair[0].fileno()])
    let_all_through([pair[0].fileno()])

    assert come(pair, *[SOUND] * 100) == [SOUND] * 100


def test_of_a_relay_or_of_nothing_the_kernel_drops_nothing(pair):
    assert not drop_sound([])
    assert not drop_sound([None])


def test_a_socket_that_takes_no_filter_is_said_to_have_none(tmp_path):
    with (tmp_path / "no-socket").open("w") as file:
        assert not drop_sound([file.fileno()])
