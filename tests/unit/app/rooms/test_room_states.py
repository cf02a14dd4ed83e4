"""What is open in a room is small, is JSON, and is told whole."""

import pytest

from greenroom.app.errors.rooms import TooMuchState
from greenroom.app.rooms.room_states import SHOWN, SHOWN_HOLDS, VALUE_HOLDS, Open, Opened, as_told, opened


def test_what_is_open_has_an_owner():
    assert opened(Open.NOTE, {"id": "n-1"}, "ann") == Opened({"id": "n-1"}, "ann")


@pytest.mark.parametrize("value", ["x" * VALUE_HOLDS, {"text": "ä" * 500}, float("nan"), {1, 2}, object()])
def test_what_clients_cannot_be_sent_is_refused(value):
    with pytest.raises(TooMuchState):
        opened(Open.APPLET, value, "ann")


@pytest.mark.parametrize("name", [Open.NOTE, Open.CARD])
def test_what_is_shown_as_a_whole_may_be_larger(name):
    assert opened(name, "x" * VALUE_HOLDS, "ann")
    with pytest.raises(TooMuchState):
        opened(name, "x" * SHOWN_HOLDS, "ann")


def test_all_that_is_open_fits_into_one_message_of_livekits():
    """15 KiB, of what a server passes on reliably; the rest of the message has no kilobyte."""
    assert sum(SHOWN_HOLDS if name in SHOWN else VALUE_HOLDS for name in Open) < 14 * 1024


def test_a_value_that_is_deep_is_refused():
    deep = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(TooMuchState):
        opened(Open.NOTE, deep, "ann")


def test_clients_are_told_what_is_closed_as_well():
    assert as_told({Open.APPLET: Opened("clock", "bob")}) == {
        "active_note": None,
        "active_applet": {"value": "clock", "owner": "bob"},
        "desktop_mode": None,
        "active_card": None,
        "active_page": None,
    }
