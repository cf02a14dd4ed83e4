"""How people in a LiveKit room appear: their metadata may be whatever they have written into it."""

from types import SimpleNamespace

import pytest

from greenroom.app.rooms.session_events import Appearance
from greenroom.bots.transports.livekit import appearance_of


def somebody(metadata):
    return SimpleNamespace(name="Ann", metadata=metadata, attributes={"seat": "3"})


def test_what_is_told_of_somebody_has_names_where_it_is_an_object():
    assert appearance_of(somebody('{"team": "red"}')) == Appearance("Ann", {"seat": "3", "team": "red"})
    assert appearance_of(somebody("")) == Appearance("Ann", {"seat": "3"})
    assert appearance_of(somebody("[1]")) == Appearance("Ann", {"seat": "3", "metadata": [1]})


@pytest.mark.parametrize(
    "text", ["red", '{"a": NaN}', '{"a": 1e999}', "[" * 100_000, '{"a":' * 50_000], ids=range(5)
)
def test_what_is_no_json_is_a_text(text):
    """A number that is none kept the session out of the database; nesting without end kept somebody from being met."""
    assert appearance_of(somebody(text)) == Appearance("Ann", {"seat": "3", "metadata": text})
