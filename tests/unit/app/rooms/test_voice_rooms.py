"""A user's own voice room: theirs on every provider, whoever asks and however the name is written."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from greenroom.app.errors.families import Forbidden
from greenroom.app.errors.rooms import NotYourRoom
from greenroom.app.providers.daily import Daily
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.providers import bot_identity, is_guest
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.voice_rooms import RoomPrivacy, check_voice_room, is_voice_room, name_of
from tests.fakes import daily_server
from tests.fakes.livekit_webhook import KEY, SECRET, URL
from tests.rigs.makers import an_order

SERVERS = ("local:{}", URL + "/{}", "https://acme.daily.co/{}")
OTHERS = [
    "ben",
    "Ann",
    "ANN",
    "an",
    "annn",
    "ann.",
    "voice-ann",
    "",
    "*",
    "ann\n",
    "ａnn",
    "guest",
    "bot:voice-ann",
]


HOSTILE = some.text(min_size=1, max_size=200) | some.from_regex(r"[A-Za-z0-9._@:+-]{1,128}", fullmatch=True)


def room(name, server="local:{}"):
    return Room.parse(server.format(name))


@pytest.mark.parametrize("server", SERVERS)
def test_a_user_joins_their_own(server):
    check_voice_room(room("voice-ann", server), "ann")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("user", OTHERS)
def test_nobody_else_does(server, user):
    with pytest.raises(NotYourRoom):
        check_voice_room(room("voice-ann", server), user)


@pytest.mark.parametrize("name", ["Voice-ann", "VOICE-ANN", "voice-Ann"])
def test_another_spelling_is_not_theirs_either(name):
    with pytest.raises(NotYourRoom):
        check_voice_room(room(name), "ann")


@pytest.mark.parametrize("user", ["guest", "Guest", "guest-4f2a"])
def test_whoever_is_called_guest_has_none(user):
    with pytest.raises(NotYourRoom):
        check_voice_room(room(f"voice-{user}"), user)


@pytest.mark.parametrize("name", ["standup", "voice", "voices-ann", "my-voice-ann", "voice_ann"])
def test_other_rooms_are_everybodys(name):
    check_voice_room(room(name), "ben")


def test_a_refused_join_leaves_nothing(joining, ledger):
    with pytest.raises(Forbidden):
        joining.join(an_order(room=room("voice-ann"), user_id="ben"))

    assert ledger.run(ReadRoom(room("voice-ann"))).lease is None
    assert not joining.join(an_order(room=room("voice-ann"), user_id="ann")).reused


def test_livekit_signs_a_token_for_nobody_else():
    livekit, hers = LiveKit(URL, KEY, SECRET), room("voice-ann", SERVERS[1])

    with pytest.raises(NotYourRoom):
        livekit.admit(hers, "ben")
    assert livekit.admit(hers, "ann").room_token


def test_daily_signs_a_token_for_nobody_else():
    hers = room("voice-ann", SERVERS[2])
    with daily_server.running() as server:
        daily = Daily("acme.daily.co", server.api_key, server.url)
        with pytest.raises(NotYourRoom):
            daily.admit(hers, "ben")
        assert daily.admit(hers, "ann").room_token
        assert daily.bot_token(hers, name="Host")
        daily.close()
    assert bot_identity(hers) == "bot:voice-ann"


@given(HOSTILE)
@example("../../etc/passwd")
@example("ann\n")
@example("-ann-")
@example("a" * 64)
@example("\ud800")
@example("xn--ann")
def test_any_users_room_has_a_name_that_every_provider_can_hold(user):
    for privacy in RoomPrivacy:
        name = name_of(user, privacy)

        assert name == name_of(user, privacy)
        for server in SERVERS:
            assert room(name, server).name == name
    assert is_voice_room(room(name_of(user)))
    assert not is_voice_room(room(name_of(user, RoomPrivacy.PUBLIC)))
    if not is_guest(user):
        check_voice_room(room(name_of(user)), user)


@given(HOSTILE, HOSTILE)
@example("Ann", "ann")
@example("ann", "ann.")
@example("ann", "public-voice-ann")
@example("a" * 51, "a" * 52)
def test_no_two_users_have_one_room(user, another):
    """Not to a provider that does not tell capitals apart either, nor the one's private and the other's public room."""
    names = [name_of(each, privacy).casefold() for each in (user, another) for privacy in RoomPrivacy]

    assert len(set(names)) == (2 if user == another else 4)


def test_a_user_who_is_called_like_anothers_digest_has_a_room_of_their_own():
    digest = name_of("Ann").removeprefix("voice-")

    assert name_of(digest) != name_of("Ann")


def test_a_name_is_the_users_id_where_that_fits():
    assert name_of("ann") == "voice-ann"
    assert name_of("7f4c2b1e-1111-4d5e-8a2b-0123456789ab") == "voice-7f4c2b1e-1111-4d5e-8a2b-0123456789ab"
