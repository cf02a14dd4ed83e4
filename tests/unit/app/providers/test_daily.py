"""Daily: against a stand-in of its REST API, which is a real HTTP server and fails on demand."""

import base64
import threading
import time
from datetime import timedelta

import jwt
import pytest

from greenroom.app.errors.rooms import NotUnseenThere, ProviderAway
from greenroom.app.providers import daily_rest, of
from greenroom.app.providers.daily import Daily
from greenroom.app.rooms.providers import Participant, bot_identity
from greenroom.app.rooms.room import Room
from greenroom.app.settings import Settings
from tests.fakes import daily_server

SECRET = base64.b64encode(b"what only Daily and we know").decode()
STANDUP = Room("daily", "standup", "https://acme.daily.co")
ANNS = Room("daily", "voice-ann", "https://acme.daily.co")


@pytest.fixture
def server():
    with daily_server.running() as running:
        yield running


@pytest.fixture
def daily(server, monkeypatch):
    monkeypatch.setattr(daily_rest, "FIRST_PAUSE", timedelta(milliseconds=10))
    provider = Daily("acme.daily.co", server.api_key, server.url, SECRET)
    yield provider
    provider.close()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(daily_rest, "CALL_WITHIN", timedelta(milliseconds=200))
    monkeypatch.setattr(daily_rest, "PATIENCE", timedelta(milliseconds=600))


def test_an_installation_with_a_domain_has_its_rooms():
    providers = of(Settings(daily_domain="acme.daily.co", daily_api_key="a-key"))

    assert providers.room("https://acme.daily.co/standup") == STANDUP
    assert str(providers.fresh_room()).startswith("https://acme.daily.co/")
    assert "Daily" in type(providers.of_room(STANDUP)).__name__


def test_a_rehearsal_makes_a_room_and_leaves_none(daily, server):
    daily.rehearse(STANDUP)

    assert server.calls("POST /rooms") == 1
    assert server.rooms == {}


def test_a_rehearsal_fails_where_daily_makes_no_rooms(daily, server, impatient):
    server.fail("POST /rooms", 500, times=99)

    with pytest.raises(ProviderAway):
        daily.rehearse(STANDUP)


# Tokens


def test_a_person_gets_in_with_a_token_for_that_room_as_that_user(daily, server):
    daily.prepare(STANDUP)

    admission = daily.admit(STANDUP, "ann")

    claims = server.claims(admission.room_token)
    assert admission.url == "https://acme.daily.co/standup"
    assert claims["room_name"] == "standup"
    assert (claims["user_id"], claims["user_name"], claims["is_owner"]) == ("ann", "ann", False)
    assert time.time() < claims["exp"] <= time.time() + 600
    assert server.is_there("standup", server.join("standup", admission.room_token))


def test_tokens_are_signed_here_once_the_domains_id_is_known(daily, server):
    for user in ("ann", "bob", "cleo"):
        daily.admit(STANDUP, user)

    assert server.asked == [("GET", "/", None)]


def test_a_persons_token_opens_no_other_room_and_not_for_ever(daily, server):
    daily.prepare(STANDUP)
    daily.prepare(ANNS)
    token = daily.admit(STANDUP, "ann").room_token
    claims = jwt.decode(token, options={"verify_signature": False})
    expired = jwt.encode({**claims, "exp": int(time.time()) - 1}, server.api_key, algorithm="HS256")
    unsigned = jwt.encode(claims, "", algorithm="none")
    forged = jwt.encode({**claims, "r": "voice-ann"}, "another key" * 4, algorithm="HS256")

    for room, wrong in (
        ("voice-ann", token),
        ("standup", expired),
        ("standup", unsigned),
        ("voice-ann", forged),
    ):
        with pytest.raises(daily_server.NotLetIn):
            server.join(room, wrong)
    with pytest.raises(daily_server.NotLetIn):
        server.join("standup")


@pytest.mark.parametrize("user_id", ["u" * 36, "u" * 37, "u" * 128, "päivi " * 20])
def test_a_user_id_fits_and_is_recognised_in_the_room(daily, server, user_id):
    daily.prepare(STANDUP)
    token = daily.admit(STANDUP, user_id).room_token

    server.join("standup", token)

    assert len(server.claims(token)["user_id"]) <= 36
    assert [each.identity for each in daily.presence(STANDUP)] == [user_id]


def test_two_users_whose_ids_begin_alike_are_two(daily, server):
    one, two = (server.claims(daily.admit(STANDUP, "u" * 40 + end).room_token)["user_id"] for end in "ab")

    assert one != two


@pytest.mark.parametrize("user_id", ["chief", "u" * 64])
def test_who_listens_unseen_has_no_presence_and_sends_nothing_and_is_listed_to_nobody(daily, server, user_id):
    daily.prepare(STANDUP)
    token = daily.admit_unseen(STANDUP, user_id).room_token
    server.join("standup", token)
    server.join("standup", daily.admit(STANDUP, user_id).room_token)

    claims = server.claims(token)
    assert claims["p"] == {"hp": False, "cs": False}
    assert claims["user_id"].startswith("listener:") and len(claims["user_id"]) <= 36
    assert [each.identity for each in daily.presence(STANDUP)] == [user_id]


def test_in_a_private_voice_room_at_daily_nobody_listens_unseen(daily):
    with pytest.raises(NotUnseenThere):
        daily.admit_unseen(ANNS, "ann")


@pytest.mark.parametrize("name", ["standup", "n" * 64])
def test_a_rooms_bot_has_one_identity_whatever_the_rooms_name(daily, server, name):
    room = Room("daily", name, STANDUP.server)
    daily.prepare(room)
    token = daily.bot_token(room, name="Host")

    server.join(name, token)

    (bot,) = daily.presence(room)
    assert (bot.identity, bot.name, bot.is_bot) == (bot_identity(room), "Host", True)
    claims = server.claims(token)
    assert claims["user_id"].startswith("bot:")
    assert len(claims["user_id"]) <= 36
    assert claims["room_name"] == name
    assert claims["exp"] > time.time()


def test_a_key_that_daily_does_not_take_is_named(server):
    daily = Daily("acme.daily.co", "a wrong key", server.url)

    with pytest.raises(ProviderAway, match="DAILY_API_KEY"):
        daily.admit(STANDUP, "ann")

    assert len(server.asked) == 1  # asking again would not help
    daily.close()


# Rooms


def test_a_voice_room_is_as_voice_rooms_are(daily, server):
    daily.prepare(ANNS)

    room = server.rooms["voice-ann"]
    ends = room["config"].pop("exp")
    assert room["privacy"] == "private"
    assert room["config"] == {
        "enable_knocking": False,
        "enable_prejoin_ui": False,
        "enable_network_ui": False,
        "enable_chat": False,
        "enable_screenshare": False,
        "enable_recording": False,
        "start_video_off": True,
        "max_participants": 2,
        "enforce_unique_user_ids": True,
    }
    assert abs(ends - time.time() - 30 * 86400) < 60


def test_a_voice_room_is_recorded_only_where_that_is_asked_for(daily, server):
    def recording():
        return server.rooms["voice-ann"]["config"]["enable_recording"]

    daily.open(ANNS, recording=True)
    assert recording() == "cloud"
    daily.prepare(ANNS)  # as its bot does, which does not know
    assert recording() == "cloud"
    daily.open(ANNS)
    assert recording() is False


def test_a_public_voice_room_is_open_to_whoever_has_its_address(daily, server):
    public = Room("daily", "public-voice-ann", "https://acme.daily.co")

    daily.open(public)

    assert server.rooms[public.name]["privacy"] == "public"
    assert "max_participants" not in server.rooms[public.name]["config"]
    assert server.rooms[public.name]["config"]["enable_recording"] is False
    server.rooms[public.name]["privacy"] = "private"
    daily.prepare(public)
    assert server.rooms[public.name]["privacy"] == "public"
    assert server.join(public.name)


def test_another_room_is_private_and_as_large_as_daily_allows(daily, server):
    daily.prepare(STANDUP)

    room = server.rooms["standup"]
    assert room["privacy"] == "private"
    assert "max_participants" not in room["config"]
    assert room["config"]["enable_knocking"] is False


def test_a_room_that_lives_is_used_again(daily, server):
    for _ in range(3):
        daily.prepare(ANNS)

    assert server.calls("POST /rooms") == 1
    assert server.calls("POST /rooms/voice-ann") == 0


@pytest.mark.parametrize("left", [timedelta(hours=23), timedelta(0), timedelta(days=-3)])
def test_a_room_that_ends_soon_or_has_ended_lasts_for_another_month(daily, server, left):
    daily.prepare(STANDUP)
    server.rooms["standup"]["config"]["exp"] = int(time.time() + left.total_seconds())

    daily.prepare(STANDUP)

    assert server.rooms["standup"]["config"]["exp"] > time.time() + 29 * 86400


def test_a_room_made_by_hand_is_left_as_it_is(daily, server):
    server.answer("POST", "/rooms", {"name": "standup", "privacy": "public"}, f"Bearer {server.api_key}")

    daily.prepare(STANDUP)

    assert (server.rooms["standup"]["privacy"], server.rooms["standup"]["config"]) == ("public", {})


def test_a_voice_room_made_by_hand_becomes_one_that_only_its_user_gets_into(daily, server):
    server.answer("POST", "/rooms", {"name": "voice-ann", "privacy": "public"}, f"Bearer {server.api_key}")

    daily.prepare(ANNS)

    room = server.rooms["voice-ann"]
    assert (room["privacy"], room["config"]["max_participants"]) == ("private", 2)
    assert room["config"]["exp"] > time.time()


def test_many_who_make_one_room_at_once_all_have_it(daily, server):
    failures = []

    def prepare():
        try:
            daily.prepare(STANDUP)
        except ProviderAway as error:
            failures.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    assert list(server.rooms) == ["standup"]


def test_a_room_that_was_made_although_nobody_heard_it_is_found(daily, server):
    """The first try came through, and its answer was lost."""
    server.answer("POST", "/rooms", {"name": "standup", "privacy": "private"}, f"Bearer {server.api_key}")
    server.fail("GET /rooms/standup", 404)

    daily.prepare(STANDUP)

    assert server.calls("POST /rooms") == 1


# Who is there


@pytest.fixture
def busy(daily, server):
    """Ann and our bot are in the standup."""
    daily.prepare(STANDUP)
    server.join("standup", daily.admit(STANDUP, "ann").room_token)
    server.join("standup", daily.bot_token(STANDUP, name="Host"))


@pytest.mark.usefixtures("busy")
def test_presence_tells_people_from_our_bot(daily):
    ann, bot = daily.presence(STANDUP)
    assert abs(ann.since_ms / 1000 - time.time()) < 60
    assert ann.tracks is None  # Daily's API does not say; the bot that is there does

    assert (ann.identity, ann.is_bot) == ("ann", False)
    assert (bot.identity, bot.is_bot) == ("bot:standup", True)
    assert ann.sid != bot.sid


@pytest.mark.parametrize(
    ("name", "is_bot"),
    [
        ("Fred's Notetaker", True),
        ("Meeting Bot", True),
        ("my_bot", True),
        ("AI Assistant", True),
        ("Abbott", False),
        ("Robert", False),
        ("Bottle", False),
        ("", False),
    ],
)
def test_bots_of_others_are_known_by_their_names_alone(daily, server, name, is_bot):
    daily.prepare(STANDUP)
    server.rooms["standup"]["privacy"] = "public"
    server.join("standup", user_name=name)

    (there,) = daily.presence(STANDUP)
    assert there.is_bot is is_bot
    assert there.identity != bot_identity(STANDUP)


def test_who_is_called_like_our_bot_is_not_taken_for_it(daily, server):
    daily.prepare(STANDUP)
    server.rooms["standup"]["privacy"] = "public"
    sid = server.join("standup", user_name="bot:standup")

    assert [each.identity for each in daily.presence(STANDUP)] == [sid]


def test_nobody_is_in_a_room_that_is_not_there(daily):
    assert list(daily.presence(STANDUP)) == []


@pytest.mark.usefixtures("busy")
def test_busy_rooms_are_those_with_somebody_that_could_be_ours(daily, server):
    daily.prepare(ANNS)
    server.people["a name that we would not take"] = [{"id": "x"}]

    assert list(daily.busy_rooms()) == [STANDUP]


@pytest.mark.usefixtures("busy")
def test_who_is_evicted_is_gone_and_twice_is_fine(daily):
    ann, bot = daily.presence(STANDUP)

    daily.evict(STANDUP, ann)
    daily.evict(STANDUP, ann)

    assert list(daily.presence(STANDUP)) == [bot]
    daily.evict(STANDUP, Participant(bot.identity))
    assert list(daily.presence(STANDUP)) == []
    daily.evict(STANDUP, bot)  # no meeting is on any more
    daily.evict(ANNS, bot)  # no such room


@pytest.mark.usefixtures("busy")
def test_the_newcomer_puts_out_the_bot_that_is_there_and_nobody_else(daily):
    daily.evict_bots(STANDUP)

    assert [each.identity for each in daily.presence(STANDUP)] == ["ann"]


def test_a_full_room_lets_the_newcomer_in_once_the_older_bot_is_out(daily, server):
    daily.prepare(ANNS)
    server.join("voice-ann", daily.admit(ANNS, "ann").room_token)
    server.join("voice-ann", daily.bot_token(ANNS, name="Host"))
    server.rooms["voice-ann"]["config"]["enforce_unique_user_ids"] = False
    with pytest.raises(daily_server.NotLetIn):
        server.join("voice-ann", daily.admit(ANNS, "ann").room_token)

    daily.evict_bots(ANNS)

    assert server.join("voice-ann", daily.bot_token(ANNS, name="Host"))


# When Daily is away


@pytest.mark.parametrize("how", [429, 500, 502, "garbage", "a list", "redirect", "cut"])
def test_a_call_that_failed_is_tried_again(daily, server, how):
    daily.prepare(STANDUP)
    server.fail("GET /presence", how, times=2)

    assert list(daily.busy_rooms()) == []
    assert server.calls("GET /presence") == 3


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", [500, "garbage", "slow", "endless", "redirect", "cut"])
def test_patience_ends(daily, server, how):
    server.fail("GET /presence", how, times=1000)

    asked = time.monotonic()
    with pytest.raises(ProviderAway):
        daily.busy_rooms()
    assert time.monotonic() - asked < 5


def test_daily_says_how_long_to_wait(daily, server):
    server.fail("GET /presence", 429, retry_after="1")

    asked = time.monotonic()
    daily.busy_rooms()

    assert time.monotonic() - asked >= 1


@pytest.mark.parametrize("header", ["3600", "1e400"])
def test_who_is_told_to_wait_for_long_is_not_kept_waiting(daily, server, header):
    server.fail("GET /presence", 429, times=1000, retry_after=header)

    with pytest.raises(ProviderAway) as away:
        daily.busy_rooms()

    assert server.calls("GET /presence") == 1
    assert away.value.retry_after == 60


@pytest.mark.parametrize("header", ["", "-5", "nan", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_pause_that_cannot_be_read_is_our_own(daily, server, header):
    server.fail("GET /presence", 429, retry_after=header)

    assert list(daily.busy_rooms()) == []


def test_a_server_that_is_not_there_is_away(impatient):
    daily = Daily("acme.daily.co", "a-key", "http://127.0.0.1:9/v1")

    with pytest.raises(ProviderAway):
        daily.presence(STANDUP)
    daily.close()


def test_the_limits_of_daily_slow_us_down_and_stop_nothing(daily, server):
    server.limits = (20, 2)

    for _ in range(4):  # 2 a second are allowed
        daily.busy_rooms()

    assert sum(path == "/presence" for _, path, _ in server.asked) > 4


def test_what_daily_refuses_is_not_asked_again(daily, server):
    server.fail("GET /rooms/standup/presence", 403, times=1000)

    with pytest.raises(ProviderAway):
        daily.presence(STANDUP)

    assert server.calls("GET /rooms/standup/presence") == 1
