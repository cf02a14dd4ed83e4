"""A browser's offers to a bot, and what comes back."""

import itertools
from datetime import timedelta

import pytest

from greenroom.app.api.seats import SHARES, Wait
from greenroom.app.rooms.inbox import Send
from greenroom.app.rooms.requests.connecting import Offer
from greenroom.app.rooms.sessions import Reason
from greenroom.app.storage.inbox import INBOX_HOLDS
from tests.rigs.api import problem

pytestmark = pytest.mark.usefixtures("staffed")

ROOM = "local:stage"
OFFER = {"sdp": "v=0\r\n", "type": "offer"}
ANSWER = {"sdp": "v=0\r\nanswer", "type": "answer", "pc_id": "p-1"}


def test_an_offer_is_given_to_the_bot_and_its_answer_comes_back(caller, ledger, joined, bot, url):
    ledger.meanwhile.append(lambda: bot.obey({"offer": {"answer": ANSWER}}))

    response = caller.post(f"{url}/api/offer", OFFER)

    assert (response.status_code, response.json) == (200, ANSWER)
    assert bot.heard == [
        ("offer", {"user_id": "ada", "offer": {**OFFER, "pc_id": None, "restart_pc": None}}),
    ]


def test_an_offer_comes_from_whom_the_token_names(caller, ledger, joined, bot, url):
    token = caller.post("/join", {"room_url": ROOM, "user_id": "bob"}).json["connect"]["token"]
    ledger.meanwhile.append(lambda: bot.obey({"offer": {"answer": ANSWER}}))

    caller.with_(token).post(f"{url}/api/offer", {**OFFER, "request_data": {"user_id": "ada"}})

    assert bot.heard[0][1]["user_id"] == "bob"


def test_an_offer_as_pipecat_s_clients_send_it_is_taken(caller, ledger, bot, url):
    ledger.meanwhile.append(lambda: bot.obey({"offer": {"answer": ANSWER}}))
    offer = {**OFFER, "pc_id": "p-1", "restart_pc": True, "requestData": {"a": 1}}

    assert caller.post(f"{url}/api/offer", offer).status_code == 200
    assert bot.heard[0][1]["offer"]["restart_pc"] is True


def test_an_offer_as_large_as_a_browser_makes_it_is_taken(caller, ledger, bot, url):
    ledger.meanwhile.append(lambda: bot.obey({"offer": {"answer": ANSWER}}))

    assert caller.post(f"{url}/api/offer", {**OFFER, "sdp": "a" * 50_000}).status_code == 200


def test_an_offer_to_a_bot_that_is_starting_is_answered_when_it_has_started(
    caller, ledger, joined, puppet, url
):
    late = puppet()

    def start():
        late.adopt()
        late.obey({"offer": {"answer": ANSWER}})

    ledger.meanwhile.append(start)

    assert caller.post(f"{url}/api/offer", OFFER).json == ANSWER


def test_an_offer_waits_longer_for_a_bot_that_is_on_its_way_than_for_one_that_is_there(
    caller, ledger, joined, puppet, url, monkeypatch
):
    """pipecat's clients offer three times, and close the call for good at the first 4xx."""
    monkeypatch.setattr("greenroom.app.rooms.sliced_wait.SLICE", timedelta(milliseconds=20))
    monkeypatch.setattr(Offer, "within", timedelta(milliseconds=1))
    late, looks = puppet(), itertools.count()

    def start_late():
        if next(looks) == 2:
            late.adopt()
            late.obey({"offer": {"answer": ANSWER}})

    ledger.meanwhile.append(start_late)

    assert caller.post(f"{url}/api/offer", OFFER).json == ANSWER


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("room-full", 409, "room-full"),
        ("offer-refused", 422, "offer-refused"),
        ("failed", 502, "bot-failed"),
        ("unknown", 502, "bot-failed"),
        ("expired", 504, "bot-silent"),
    ],
)
def test_what_the_bot_refuses_is_said_in_http_s_terms(caller, ledger, bot, url, kind, status, said):
    ledger.meanwhile.append(lambda: bot.obey({"offer": {"error": kind}}))

    problem(caller.post(f"{url}/api/offer", OFFER), status, said)


def test_an_offer_to_a_session_that_has_ended_says_why_it_did(caller, bot, url):
    bot.leave(Reason.MAX_DURATION)

    assert problem(caller.post(f"{url}/api/offer", OFFER), 410, "session-ended")["reason"] == "max_duration"
    candidates = {"pc_id": "p", "candidates": []}
    problem(caller.call("PATCH", f"{url}/api/offer", candidates), 410, "session-ended")


@pytest.mark.usefixtures("impatient")
def test_a_bot_that_answers_no_offer_is_silent(caller, bot, url):
    problem(caller.post(f"{url}/api/offer", OFFER), 504, "bot-silent")


def test_who_may_not_wait_is_told_to_come_back_and_not_refused_for_good(app, caller, bot, url):
    """Any 4xx ends pipecat's own client."""
    seats = app.extensions["greenroom"].seats
    for _ in range(app.extensions["greenroom"].settings.web_threads * SHARES[Wait.BOT] // 16):
        seats.take(Wait.BOT)

    refused = caller.post(f"{url}/api/offer", OFFER)

    problem(refused, 503, "busy")
    assert int(refused.headers["Retry-After"]) > 0


def test_candidates_are_given_to_the_bot(caller, ledger, bot, url):
    ledger.meanwhile.append(bot.obey)
    sent = {
        "pc_id": "p-1",
        "candidates": [
            {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdp_mid": "0", "sdp_mline_index": 0},
            {"candidate": "", "sdp_mid": None, "sdp_mline_index": None},
        ],
    }

    response = caller.call("PATCH", f"{url}/api/offer", sent)

    assert (response.status_code, response.json) == (200, {"status": "success"})
    assert bot.heard == [("candidates", sent)]


def test_a_full_inbox_is_said_to_be_full(caller, ledger, bot, url):
    ledger.run_all([Send(bot.session.id, "say", {}, 1, timedelta(seconds=10)) for _ in range(INBOX_HOLDS)])

    response = caller.post(f"{url}/api/offer", OFFER)

    problem(response, 429, "inbox-full")
    assert int(response.headers["Retry-After"]) > 0
