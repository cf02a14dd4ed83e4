"""Requests that callers send to a bot as they are, over HTTP."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from greenroom.app.rooms.requests.answers import Done
from greenroom.app.rooms.requests.request import Request
from greenroom.app.rooms.requests.table import REQUESTS
from tests.rigs.api import problem

pytestmark = pytest.mark.usefixtures("staffed")


@dataclass(frozen=True)
class Whisper(Request[Done]):
    """Speak low.  All that the product needs to know of a request stands in its class."""

    name = "whisper"
    answer = Done
    within = timedelta(seconds=5)
    for_callers = True

    softly: bool

    async def carry_out(self, bot):
        await bot.change({"voice": "whisper" if self.softly else None})
        return Done()


@pytest.fixture
def asks(caller):
    joined = caller.post("/join", {"room_url": "local:stage", "user_id": "ada"}).json
    return lambda name, body: caller.post(f"{joined['session_url']}/requests/{name}", body)


@pytest.fixture
def bot(asks, puppet):
    return puppet().go_live()


@pytest.mark.parametrize("gives_way", [True, False])
def test_a_bot_says_whether_it_gives_its_slot(asks, bot, ledger, gives_way):
    ledger.meanwhile.append(lambda: bot.obey({"give_way": {"gives_way": gives_way}}))

    assert asks("give_way", {}).json == {"gives_way": gives_way}


def test_a_request_needs_nothing_but_its_class_to_be_sent(asks, bot, ledger, monkeypatch):
    monkeypatch.setitem(REQUESTS, Whisper.name, Whisper)
    ledger.meanwhile.append(bot.obey)

    assert asks("whisper", {"softly": True}).status_code == 200
    assert bot.heard == [("whisper", {"softly": True})]


@pytest.mark.parametrize(
    ("body", "because"), [({}, "missing: softly"), ({"softly": "very"}, "softly is str"), ({"now": 1}, "now")]
)
def test_a_request_with_other_fields_is_refused_before_a_bot_hears_it(asks, bot, monkeypatch, body, because):
    monkeypatch.setitem(REQUESTS, Whisper.name, Whisper)

    said = problem(asks("whisper", body), 422, "rejected")["detail"]

    assert said.startswith("That is not how whisper is asked for: ") and because in said


@pytest.mark.parametrize("name", ["leave", "config", "offer", "no-such-thing", "%00"])
def test_what_has_a_view_of_its_own_or_is_unknown_is_not_sent_as_it_is(asks, bot, name):
    said = problem(asks(name, {"reason": "left"}), 404, "missing")["detail"]

    assert said.startswith(
        "A bot cannot be asked for that here; it can be asked for switch, give_way, notice, "
    )


def test_a_session_s_token_asks_for_nothing(caller, settings):
    joined = caller.post("/join", {"room_url": "local:stage", "user_id": "ada"}).json
    headers = {"Authorization": f"Bearer {joined['connect']['token']}"}

    answer = caller.call("POST", f"{joined['session_url']}/requests/give_way", body={}, headers=headers)

    problem(answer, 403, "forbidden")


# What apps say

STATE = {"active_note": {"value": "n-7", "owner": "ada"}, "active_applet": None, "desktop_mode": None}


def test_a_server_opens_a_note_as_an_app_does(asks, bot, ledger):
    ledger.meanwhile.append(lambda: bot.obey({"room_open": {"state": STATE}}))

    assert asks("room_open", {"what": "note", "value": "n-7"}).json == {"state": STATE}
    assert bot.heard == [("room_open", {"what": "note", "value": "n-7"})]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("event-not-listed", 422),
        ("unreadable-event", 422),
        ("not-there", 409),
        ("bot-paused", 409),
        ("no-context", 409),
        ("too-many-app-messages", 429),
    ],
)
def test_what_a_bot_refuses_of_an_app_is_told_as_a_problem(asks, bot, ledger, error, status):
    ledger.meanwhile.append(lambda: bot.obey({"app_event": {"error": error}}))

    problem(asks("app_event", {"event": "page_opened", "data": {"page": 3}}), status, error)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("room_open", {"what": "door", "value": 1}),
        ("app_event", {"data": {}}),
        ("user-message", {"content": "", "timestamp": 7}),
    ],
)
def test_what_no_app_would_say_is_refused_before_a_bot_hears_it(asks, bot, name, body):
    problem(asks(name, body), 422, "rejected")

    assert bot.heard == []


# Cleaning up

CLEANED = {
    "answer": True,
    "tools": 1,
    "tasks": 0,
    "is_awaited": True,
    "is_written": True,
    "read_anew": ["memory"],
}


def test_whoever_has_the_key_is_told_what_was_cleaned(caller, joined, puppet, ledger):
    bot = puppet().go_live()
    ledger.meanwhile.append(lambda: bot.obey({"cleanup": CLEANED}))
    answer = caller.post(f"{joined['session_url']}/cleanup", {"timestamp": "1"}).json

    assert answer == {"session_id": joined["session_id"], "timestamp": "1", "cleaned": CLEANED}
    assert bot.heard == [("cleanup", {"timestamp": "1"})]


def test_a_person_of_the_session_asks_in_their_own_name(caller, joined, puppet, ledger):
    bot = puppet().go_live()
    ledger.meanwhile.append(lambda: bot.obey({"cleanup": CLEANED}))
    person = caller.with_(joined["connect"]["token"])

    assert person.post(f"{joined['session_url']}/cleanup", {}).status_code == 200
    assert bot.heard == [("cleanup", {"by": "ada"})]


def test_a_bot_that_is_on_its_way_has_nothing_to_clean(caller, joined):
    answer = caller.post(f"{joined['session_url']}/cleanup", {})

    assert (answer.status_code, answer.json["cleaned"]["answer"]) == (200, False)


def test_there_is_nothing_to_clean_in_a_session_that_has_ended(caller, joined):
    caller.post("/leave", {"session_id": joined["session_id"]})

    problem(caller.post(f"{joined['session_url']}/cleanup", {}), 410, "session-ended")
