"""What is kept and what still waits, as one; and places in lists."""

import pytest

from greenroom.app.errors.families import Rejected
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.reading import Place, merged


def turns(*sequences):
    return [Turn(f"turn-{sequence}", "user", "x", sequence=sequence) for sequence in sequences]


def test_what_is_found_in_both_places_is_told_once_and_in_order():
    assert merged(turns(1, 2, 3), turns(4, 3, 2), None) == turns(1, 2, 3, 4)


def test_what_comes_after_a_place_is_told_from_both():
    assert merged(turns(2, 3), turns(1, 2, 4), Place(1, "turn-1")) == turns(2, 3, 4)


def test_two_at_one_place_are_both_told():
    two = [Turn(name, "user", "x", sequence=1) for name in ("a", "b")]

    assert merged(two[1:], two[:1], None) == two
    assert merged(two[1:], two[:1], Place(1, "a")) == two[1:]


def test_a_place_is_read_as_it_was_told():
    place = Place(1_795_900_000_000, "Conversation.é")

    assert Place.read(str(place)) == place


@pytest.mark.parametrize(
    "text", ["x", "!", "MTIz", "é", str(Place(-1, "a")), str(Place(2**63, "a")), "eA==", "MS5hAA"]
)
def test_what_was_never_told_as_a_place_is_refused(text):
    with pytest.raises(Rejected):
        Place.read(text)
