"""What a bot can be asked: each request comes out of its message as it went in, and is complete."""

import json
from datetime import timedelta

import pytest

from greenroom.app.errors.families import GreenroomError
from greenroom.app.rooms.bodies import of_body, to_body
from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.providers import Source, Track
from greenroom.app.rooms.requests.answers import (
    EXPIRED,
    FAILED,
    MALFORMED,
    UNKNOWN,
    BotAnswer,
    Cleaned,
    Configured,
    Directed,
    Done,
    GivesWay,
    OfferAnswer,
    PeopleSeen,
    Said,
    WhatIsOpen,
)
from greenroom.app.rooms.requests.changing import CleanUp, Configure, HeedRecord, MoveTo, Switch
from greenroom.app.rooms.requests.connecting import Candidates, Look, Offer
from greenroom.app.rooms.requests.directing import LONGEST_SENTENCE, Direct, Say
from greenroom.app.rooms.requests.from_apps import AppEvent, CloseThing, OpenThing, Thing, UserMessage
from greenroom.app.rooms.requests.leaving import Expect, GiveWay, Leave, LeaveLater
from greenroom.app.rooms.requests.request import Request
from greenroom.app.rooms.requests.table import REQUESTS, BadRequest, read
from greenroom.app.rooms.requests.telling import Notice
from greenroom.app.rooms.sessions import Reason, State
from tests.rigs.makers import a_session

EXAMPLES = [
    Offer("ada", {"sdp": "v=0\r\n", "type": "offer", "pc_id": None, "restart_pc": True}),
    Candidates("p-1", [{"candidate": "c", "sdp_mid": "0", "sdp_mline_index": 0}]),
    Configure({}),
    Configure({"voice": "deep", "prompt": None}),
    Configure({"tools": [], "services": {"speaking": ["demo"]}, "silence": 30, "persistence": 0}),
    Switch("pearl"),
    HeedRecord(),
    GiveWay(),
    Leave(Reason.LEFT),
    Leave(Reason.LEFT, "ada"),
    LeaveLater(5.0),
    LeaveLater(0.5, "ada"),
    Expect(),
    CleanUp(),
    CleanUp("ada", "2026-01-01T00:00:00Z"),
    MoveTo("1764335000123456"),
    Look(),
    Notice("Voice is back at noon."),
    Say("Dinner is ready.", True),
    Direct({"muted": True, "stealth": None, "guidance": "Be brief."}),
    OpenThing(Thing.NOTE, {"id": "n-7", "title": "Groceries"}),
    OpenThing(Thing.DESKTOP, "work", "ann"),
    CloseThing(Thing.APPLET),
    AppEvent("page_opened", {"page": 3}, "ann"),
    AppEvent("page_closed"),
    UserMessage("Hello there.", 1764335000, "ann"),
]
ANSWERS = [
    Done(),
    OfferAnswer({"sdp": "v=0", "type": "answer"}),
    GivesWay(True),
    GivesWay(False),
    Cleaned(True, 2, 1, False, False, ["memory"]),
    Cleaned(read_anew=[]),
    Configured(["services"], ["openai (speaking): set OPENAI_API_KEY"]),
    Said(2, waits=True, cut_short=False),
    Directed(muted=True, stealth=False, guided=True, cut_short=True),
    WhatIsOpen({"active_note": None, "desktop_mode": {"value": "work", "owner": "ann"}}),
]
ANSWERS += [PeopleSeen.of([Seen("ada", timedelta(seconds=1.5), (Track(Source.CAMERA, muted=True),))])]


def over_the_wire(body):
    return json.loads(json.dumps(body))


def test_there_is_an_example_of_each_request_and_of_each_answer():
    assert {type(each) for each in EXAMPLES} == set(REQUESTS.values())
    assert {type(each) for each in ANSWERS} == {each.answer for each in REQUESTS.values()}


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_a_request_comes_out_of_its_message_as_it_went_in(example):
    assert read(example.name, over_the_wire(example.body())) == example


@pytest.mark.parametrize("example", ANSWERS, ids=repr)
def test_an_answer_comes_out_of_its_message_as_it_went_in(example):
    assert of_body(type(example), over_the_wire(to_body(example))) == example


@pytest.mark.parametrize("cls", REQUESTS.values())
def test_each_request_has_an_answer_a_time_limit_and_a_word_for_its_sender(cls):
    assert issubclass(cls, Request) and issubclass(cls.answer, BotAnswer)
    assert timedelta(0) < cls.within <= (cls.within_of_start or cls.within)
    assert "sends it" in cls.__doc__
    assert all(issubclass(each, GreenroomError) for each in cls.refusals)
    assert not {each.kind for each in cls.refusals} & {EXPIRED, FAILED, MALFORMED, UNKNOWN}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("offer", {}),
        ("notice", {}),
        ("notice", {"text": ""}),
        ("notice", {"text": "a" * 501}),
        ("notice", {"text": "two\nlines"}),
        ("notice", {"text": "a", "aloud": True}),
        ("offer", {"user_id": "ada"}),
        ("offer", {"user_id": 7, "offer": {}}),
        ("offer", {"user_id": "ada", "offer": "v=0"}),
        ("offer", {"user_id": "ada", "offer": {}, "of": "tomorrow"}),
        ("offer", []),
        ("offer", None),
        ("candidates", {"pc_id": "p", "candidates": {}}),
        ("candidates", {"pc_id": "p", "candidates": ["c"]}),
        ("config", {"colour": "green"}),
        ("config", {"voice": 7}),
        ("config", {"silence": "long"}),
        ("config", {"tools": "all"}),
        ("config", {"voice": ["deep"]}),
        ("give_way", {"at": "once"}),
        ("say", {}),
        ("say", {"text": ""}),
        ("say", {"text": "  "}),
        ("say", {"text": "a" * (LONGEST_SENTENCE + 1)}),
        ("say", {"text": "a", "as": "user"}),
        ("direct", {"muted": "yes"}),
        ("direct", {"guidance": ["Be brief."]}),
        ("direct", {"prompt": "Be somebody else."}),
        ("room_open", {"what": "note"}),
        ("room_open", {"what": "note", "value": ""}),
        ("room_open", {"what": "note", "value": 7}),
        ("room_open", {"what": "door", "value": "x"}),
        ("room_open", {"what": ["note"], "value": "x"}),
        ("room_close", {"what": None}),
        ("app_event", {"event": 7}),
        ("app_event", {"event": "a", "role": "system"}),
        ("user-message", {"content": " "}),
        ("user-message", {"content": "a" * 4001}),
        ("user-message", {"content": ["a"]}),
        ("user-message", {"content": "a", "timestamp": {}}),
        ("user-message", {"content": "a", "timestamp": "9" * 65}),
        ("leave", {}),
        ("leave", {"reason": "bored"}),
        ("leave", {"reason": "left", "by": 7}),
        ("leave", {"reason": "left", "unless": "others are there"}),
    ],
)
def test_a_message_that_is_malformed_is_refused_as_such(name, body):
    """Also one with a field too many: what it restricts must not be overlooked."""
    with pytest.raises(BadRequest, match=MALFORMED):
        read(name, body)


@pytest.mark.parametrize("name", ["", "no-such-request", "Offer"])
def test_a_message_of_another_version_is_refused_as_unknown(name):
    with pytest.raises(BadRequest, match=UNKNOWN):
        read(name, {})


@pytest.mark.parametrize("state", [State.PENDING, State.JOINING, State.LOST])
def test_only_an_offer_waits_longer_for_a_bot_that_is_starting(state):
    session = a_session(state=state)

    assert Offer.limit_for(session) > Offer.limit_for(a_session(state=State.LIVE)) == Offer.within
    for cls in REQUESTS.values():
        assert cls.limit_for(session) >= cls.within


def test_what_is_none_is_left_out_of_a_message():
    assert Leave(Reason.LEFT).body() == {"reason": "left"}
