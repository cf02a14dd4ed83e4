"""Rooms: what is a canonical URL, and what is not."""

import re

import pytest

from greenroom.app.errors.rooms import BadRoom
from greenroom.app.rooms.room import Room

HOSTILE = [
    "",
    ":",
    "local",
    "local:",
    "Local:stage",
    "local: stage",
    "local:stage ",
    "local:stage\n",
    "local:stage\x00",
    "local:sta ge",
    "local:stage/..",
    "local:../stage",
    "local:stage}:x{",
    "local:{stage}",
    'local:"stage"',
    "local:stage:more",
    "local:-stage",
    "local:stage-",
    "local:_stage",
    "local:ståge",
    "local:ѕtage",  # the first letter is Cyrillic
    "local:stage\u202e",
    "local:sta\u200bge",
    "local:١٢٣",  # digits, but not ASCII's
    "local:\ud800",
    "local:" + "a" * 65,
    "local:" + "a" * 100_000,
    "local://stage",
    "local:%73tage",
    "https://acme.example.com/stage/",
    "https://user:password@acme.example.com/stage",
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//local:stage",
    "\tlocal:stage",
    "local:stage\r\nSET x y",
    "local：stage",  # a wide colon
]


@pytest.mark.parametrize("name", ["a", "stage", "Stage-1_b", "0", "a" * 64])
def test_a_canonical_url_is_read_and_written_alike(name):
    assert str(Room.parse(f"local:{name}")) == f"local:{name}"


@pytest.mark.parametrize("url", HOSTILE, ids=ascii)
def test_anything_else_is_no_room(url):
    with pytest.raises(BadRoom):
        Room.parse(url)


def test_a_fresh_room_is_nobody_else_s_and_has_a_canonical_url():
    fresh = [Room.fresh() for _ in range(100)]

    assert len(set(fresh)) == 100
    assert [Room.parse(str(room)) for room in fresh] == fresh


def test_a_fresh_room_has_a_name_that_can_be_read_out():
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+){3}", Room.fresh().name) for _ in range(100))
