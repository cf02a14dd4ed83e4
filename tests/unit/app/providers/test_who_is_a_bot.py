"""Who is a bot: the same for every provider, by what is certain first, by names only where nothing is."""

import json

import pytest
from livekit import rtc

from greenroom.app.providers.daily import Daily
from greenroom.app.providers.daily_people import participant
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.providers.livekit_people import is_bot as is_bot_of_livekit
from greenroom.app.rooms.providers import About, Providers
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_monitor import RoomMonitor
from greenroom.app.rooms.sessions import Reason
from greenroom.bots.transports.livekit import _is_bot
from tests.fakes import daily_server
from tests.fakes.livekit_webhook import KEY, SECRET, URL, signed, told
from tests.rigs.makers import an_order

STANDUP = Room("daily", "standup", "https://acme.daily.co")
NAMES = {
    "Otter Notetaker": True, "Fred's Note Taker": True, "notetaker": True, "AI Assistant": True, "voice_agent": True,
    "Robot": True, "Meeting Bot": True, "my_bot": True, "my-bot": True, "bot": True, "bot7": True, "bot:x": True,
    "agent": True, "agent-AJ_x1": True, "Sales Agent": True, "aw_7f3": True, "AW_helper": True,
    "Aw Smith": False, "aw-smith": False, "awry": False, "jaw_bone": False,
    "Agent Smith": False, "Agentha": False, "Reagent": False, "Abbott": False, "Robert": False, "Bottle": False,
    "Ann": False, "": False,
}  # fmt: skip


def in_livekit(**entry):
    body = told("participant_joined", participant={"identity": "x", **entry})
    return LiveKit(URL, KEY, SECRET).evidence(body, signed(body)).participant


@pytest.mark.parametrize(("name", "is_bot"), NAMES.items())
def test_where_nothing_is_certain_the_same_names_are_bots_everywhere(name, is_bot):
    assert in_livekit(name=name).is_bot is is_bot
    assert participant(STANDUP, {"id": "s", "userId": None, "userName": name}).is_bot is is_bot
    assert participant(STANDUP, {"id": "s", "userId": "s", "userName": name}).is_bot is is_bot
    assert is_bot_of_livekit("x", name, "", {}, is_agent=False, is_caller=False) is is_bot


@pytest.mark.parametrize("name", NAMES)
def test_who_has_a_token_for_a_person_is_one_whatever_they_are_called(name):
    card = json.dumps({"greenroom": {"person": True}})

    assert not in_livekit(name=name, metadata=card).is_bot
    assert not in_livekit(name=name, kind="SIP").is_bot
    assert not participant(STANDUP, {"id": "s", "userId": "ann", "userName": name}).is_bot


@pytest.mark.parametrize("name", NAMES)
def test_who_is_a_bot_for_certain_is_one_whatever_it_is_called(name):
    card = json.dumps({"greenroom": {"person": True}})

    assert in_livekit(name=name, kind="AGENT").is_bot
    assert in_livekit(name=name, kind="AGENT", metadata=card).is_bot
    assert in_livekit(name=name, permission={"agent": True}).is_bot
    assert in_livekit(name=name, attributes={"lk.agent.state": "idle"}).is_bot
    assert participant(STANDUP, {"id": "s", "userId": "bot:standup", "userName": name}).is_bot
    assert participant(STANDUP, {"id": "s", "userId": "bot:other", "userName": name}).is_bot


def test_a_bot_in_a_livekit_room_sees_others_by_the_same_rule():
    class Who:
        identity, name, metadata, attributes = "x", "Otter Notetaker", "", {}
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD

    assert _is_bot(Who)
    Who.kind = rtc.ParticipantKind.PARTICIPANT_KIND_SIP
    assert not _is_bot(Who)


def monitor(ledger, joining, provider):
    providers = Providers.of([provider])
    return RoomMonitor(ledger, joining, providers, bots={"assistant"}, default_bot="assistant")


def test_a_daily_room_with_only_a_notetaker_gets_no_bot_and_one_with_a_person_called_bot_does(
    ledger, joining, puppet
):
    with daily_server.running() as server:
        daily = Daily("acme.daily.co", server.api_key, server.url)
        daily.prepare(STANDUP)
        joining.join(an_order(room=STANDUP))
        puppet().go_live().leave(Reason.ERROR)
        server.rooms["standup"]["privacy"] = "public"
        server.join("standup", user_name="Otter Notetaker")
        with_notetaker = monitor(ledger, joining, daily).look(STANDUP)
        server.people["standup"].clear()
        server.join("standup", daily.admit(STANDUP, "smith", About("Robot")).room_token)
        with_person = monitor(ledger, joining, daily).look(STANDUP)
        daily.close()

    assert (with_notetaker, with_person) == ("empty", "served")
