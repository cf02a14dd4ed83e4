"""A room that nobody has named is with the first provider that answers."""

from dataclasses import dataclass

import pytest

from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.providers.local import Local
from greenroom.app.rooms.opening import PASSED_OVER_FOR, Opening
from greenroom.app.rooms.providers import Providers
from tests.fakes.rooms import Rooms


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self):
        return self.now


class Far(Rooms):
    """Another provider elsewhere."""

    name = "far"
    server = "https://far.example.com"


@pytest.fixture
def far():
    return Far()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opening(rooms, far, clock):
    return Opening(Providers.of([rooms, far, Local()]), clock)


def test_the_first_that_answers_has_the_room(opening, rooms, far):
    opened = opening.open()

    assert (opened.room.provider, opened.fell_back_from) == ("livekit", ())
    assert far.opened == []


def test_where_the_first_is_away_the_next_has_it_and_the_answer_says_so(opening, rooms, far):
    rooms.is_away = True

    opened = opening.open("voice-ann", recording=True)

    assert (opened.room.provider, opened.room.name) == ("far", "voice-ann")
    assert opened.fell_back_from == ("livekit",)
    assert far.opened == [("voice-ann", True)]


def test_this_installations_own_rooms_are_there_when_all_others_are_away(opening, rooms, far):
    rooms.is_away = far.is_away = True

    assert opening.open().room.provider == "local"
    assert opening.open().fell_back_from == ("livekit", "far")


def test_a_provider_that_was_away_is_not_waited_for_by_the_next_callers(opening, rooms, clock):
    rooms.is_away = True
    for _ in range(5):
        opening.open()

    assert len(rooms.opened) == 1


def test_it_has_rooms_again_a_moment_after_it_is_back(opening, rooms, clock):
    rooms.is_away = True
    opening.open()
    rooms.is_away = False
    clock.now += PASSED_OVER_FOR.total_seconds()

    assert opening.open().room.provider == "livekit"
    assert opening.open().fell_back_from == ()


def test_one_caller_at_a_time_finds_out_whether_it_is_back(opening, rooms, clock):
    rooms.is_away = True
    opening.open()
    clock.now += PASSED_OVER_FOR.total_seconds()

    def and_meanwhile(room, *, recording=False):
        assert opening.open().room.provider == "far"
        raise ProviderAway

    rooms.open = and_meanwhile
    assert opening.open().room.provider == "far"


def test_the_order_is_what_the_operator_says_and_nobody_else_is_asked(rooms, far):
    opening = Opening(Providers.of([rooms, far, Local()], fresh=("far", "livekit")))
    assert opening.open().room.provider == "far"
    rooms.is_away = far.is_away = True

    with pytest.raises(ProviderAway):
        opening.open()
