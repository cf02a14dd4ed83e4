"""What a webhook of LiveKit's must be like to be believed, and what is read from it."""

import json
import time

import jwt
import pytest

from greenroom.app.errors.callers import BadSignature
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.providers.livekit_people import participant_of
from greenroom.app.rooms.providers import Source, Track
from greenroom.app.rooms.room import Room
from tests.fakes.livekit_webhook import KEY, SECRET, URL, signed, told
from tests.rigs.makers import a_session

STAGE = Room.parse(f"{URL}/stage")


@pytest.fixture
def livekit():
    return LiveKit(URL, KEY, SECRET)


def test_a_signed_webhook_is_read(livekit):
    body = told()
    found = livekit.evidence(body, signed(body))

    assert (found.id, found.event, found.room) == ("EV_1", "participant_left", STAGE)
    assert (found.participant.identity, found.participant.is_bot) == ("ada", False)
    assert abs(found.at_ms / 1000 - time.time()) < 10


def test_what_somebody_sends_and_since_when_they_are_there_is_read(livekit):
    """As LiveKit writes it in its API; a microphone that is muted is one that says so."""
    tracks = [
        {"sid": "TR_1", "type": "AUDIO", "source": "MICROPHONE", "muted": True},
        {"sid": "TR_2", "type": "VIDEO", "source": "CAMERA", "muted": False},
        {"sid": "TR_3", "type": "VIDEO", "source": "SCREEN_SHARE"},
        {"sid": "TR_4", "source": "SOMETHING_NEW"},
    ]
    told = {"identity": "ada", "joined_at": "1795857300", "joined_at_ms": "1795857300250", "tracks": tracks}

    who = participant_of(told)

    assert who.since_ms == 1_795_857_300_250
    assert who.tracks == (
        Track(Source.MICROPHONE, muted=True),
        Track(Source.CAMERA),
        Track(Source.SCREEN),
        Track(Source.OTHER),
    )
    older = participant_of({"identity": "ada", "joined_at": "1795857300"})
    assert (older.since_ms, older.tracks) == (1_795_857_300_000, ())


def token_claims(token):
    return jwt.decode(token, SECRET, algorithms=["HS256"])


@pytest.mark.parametrize(("name", "at_most"), [("voice-ada", 2), ("public-voice-ada", None), ("stage", None)])
def test_a_private_voice_room_is_full_with_two_whoever_makes_it(livekit, name, at_most):
    room = Room.parse(f"{URL}/{name}")
    tokens = [livekit.admit(room, "ada").room_token, livekit.bot_token(a_session(room=room))]

    assert [token_claims(each).get("roomConfig", {}).get("maxParticipants") for each in tokens] == [
        at_most
    ] * 2


def test_in_a_voice_room_a_person_has_a_microphone_and_no_camera_nor_screen(livekit):
    own = token_claims(livekit.admit(Room.parse(f"{URL}/voice-ada"), "ada").room_token)["video"]
    others = token_claims(livekit.admit(STAGE, "ada").room_token)["video"]

    assert own["canPublishSources"] == ["microphone"]
    assert "canPublishSources" not in others
    assert not {"roomRecord", "roomAdmin", "roomCreate"} & (own.keys() | others.keys())


def test_bearer_may_stand_before_its_token(livekit):
    body = told()
    token = signed(body)["Authorization"]

    assert livekit.evidence(body, {"Authorization": f"Bearer {token}"})


def from_now(seconds):
    return int(time.time()) + seconds


BAD = {  # made from a body when the test runs
    "no token": lambda body: {},
    "no token at all": lambda body: {"Authorization": ""},
    "no token's form": lambda body: {"Authorization": "a.b.c"},
    "alg none": lambda body: signed(body, algorithm="none"),
    "another algorithm": lambda body: signed(body, algorithm="HS512"),
    "another secret": lambda body: signed(body, secret="another-secret-of-more-than-thirty-two-characters"),
    "another key's name": lambda body: signed(body, iss="another-key"),
    "expired": lambda body: signed(body, nbf=from_now(-600), exp=from_now(-60)),
    "not yet": lambda body: signed(body, nbf=from_now(60)),
    "no expiry": lambda body: signed(body, leave_out=["exp"]),
    "no issuer": lambda body: signed(body, leave_out=["iss"]),
    "no digest": lambda body: signed(body, leave_out=["sha256"]),
    "another body's digest": lambda body: signed(b"{}"),
    "a digest that is no text": lambda body: signed(body, sha256=["x"]),
    "letters that are none": lambda body: {"Authorization": "ü.ü.ü"},
}


@pytest.mark.parametrize("headers", BAD.values(), ids=BAD)
def test_a_webhook_that_is_not_signed_with_our_key_is_refused(livekit, headers):
    body = told()
    with pytest.raises(BadSignature):
        livekit.evidence(body, headers(body))


@pytest.mark.parametrize("at", [-360, 360, -301_000, 10**12])
def test_what_happened_more_than_five_minutes_from_now_is_refused(livekit, at):
    body = told(at=at)
    with pytest.raises(BadSignature):
        livekit.evidence(body, signed(body))


@pytest.mark.parametrize("at", [-290, 290])
def test_clocks_may_differ_by_minutes(livekit, at):
    body = told(at=at)

    assert livekit.evidence(body, signed(body))


def test_when_it_happened_must_be_said(livekit):
    body = json.dumps({"event": "room_finished", "room": {"name": "stage"}, "id": "EV_1"}).encode()
    with pytest.raises(BadSignature):
        livekit.evidence(body, signed(body))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 20_000])
def test_a_signed_body_that_says_nothing_is_nothing(livekit, body):
    assert livekit.evidence(body, signed(body)) is None


@pytest.mark.parametrize(
    "said",
    [
        {"event": "track_published"},
        {"event": "room_started"},
        {"room": "a room of others"},
        {"room": "stage}"},
        {"participant": {"sid": "PA_2", "identity": "rec", "kind": "EGRESS"}},
        {"participant": {"sid": "PA_2", "identity": "rec", "permission": {"hidden": True}}},
        {"participant": {"sid": "PA_2"}},
        {"participant": ["ada"]},
    ],
)
def test_what_is_nothing_to_us_is_nothing(livekit, said):
    body = told(**said)

    assert livekit.evidence(body, signed(body)) is None


def test_a_finished_room_needs_nobody(livekit):
    body = json.dumps(
        {
            "event": "room_finished",
            "room": {"name": "stage"},
            "id": "EV_2",
            "createdAt": str(int(time.time())),
        }
    ).encode()

    assert livekit.evidence(body, signed(body)).event == "room_finished"


CARD = json.dumps({"greenroom": {"bot": True, "of": "ada", "session_id": "s-1", "epoch": 7}})
WHO = {
    "ours": ({"identity": "bot:stage", "metadata": CARD}, True, "s-1"),
    "a person who says to be ours": ({"identity": "eve", "metadata": CARD}, False, None),
    "a bot's identity alone": ({"identity": "bot:stage"}, True, None),
    "an agent": ({"identity": "someone", "kind": "AGENT"}, True, None),
    "an agent by its attributes": ({"identity": "s", "attributes": {"lk.agent.state": "idle"}}, True, None),
    "an agent by its name": ({"identity": "agent-AJ_x1"}, True, None),
    "a bot by its name": ({"identity": "x", "name": "Meeting Bot"}, True, None),
    "a person": ({"identity": "bottger", "name": "Agentha", "kind": "STANDARD"}, False, None),
    "a caller by telephone": ({"identity": "sip_1", "kind": "SIP"}, False, None),
    "a person with metadata of others": ({"identity": "ada", "metadata": "not json"}, False, None),
}


@pytest.mark.parametrize(("entry", "is_bot", "session_id"), WHO.values(), ids=WHO)
def test_bots_are_known_by_what_they_say_of_themselves_and_else_by_name(livekit, entry, is_bot, session_id):
    body = told("participant_joined", participant=entry)
    found = livekit.evidence(body, signed(body)).participant

    assert (found.is_bot, found.session_id) == (is_bot, session_id)
    assert found.epoch == (7 if session_id else None)
