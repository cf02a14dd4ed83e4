"""Who asks a bot for something, and what they may."""

import pytest

from greenroom.app.errors.rooms import OthersThere
from greenroom.app.rooms.requests.asking import check_alone, ended_by, wish_of

KEY = None  # who asks with the API key is nobody in the room


@pytest.mark.parametrize("people", [frozenset(), frozenset({"ann"})])
def test_who_is_alone_with_the_bot_may_ask(people):
    check_alone(people, "ann")


def test_who_is_not_alone_takes_nothing_from_the_others_and_the_key_may():
    with pytest.raises(OthersThere):
        check_alone(frozenset({"ann", "ben"}), "ann")
    with pytest.raises(OthersThere):
        check_alone(frozenset({"ben"}), "ann")

    check_alone(frozenset({"ann", "ben"}), KEY)


def test_a_wish_is_known_by_who_has_it_and_when():
    assert wish_of("ann", None) is None
    assert wish_of("ann", "10:00") == wish_of("ann", "10:00")
    assert (
        len(
            {wish_of("ann", "10:00"), wish_of("ann", "10:01"), wish_of("ben", "10:00"), wish_of(KEY, "10:00")}
        )
        == 4
    )


def test_a_record_tells_a_person_who_hung_up_from_the_key():
    assert ended_by("ann") == "ann hung up"
    assert "the key" in ended_by(KEY)
