"""Sessions over HTTP: the list, one, its history, and who may wait."""

from dataclasses import replace

import pytest

from greenroom.app.api.auth import mint, session_tokens
from greenroom.app.api.seats import SHARES, Seats, Wait
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.errors.limits import Busy
from greenroom.app.rooms.archive import Report
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.session_events import Appearance, Happened, Note, ReadEvents
from greenroom.app.rooms.sessions import STARTS_WITHIN, ReadSession, Reason, State
from tests.rigs.api import problem
from tests.rigs.makers import DIED

pytestmark = pytest.mark.usefixtures("staffed")

ROOM = "local:stage"
AS_EVENTS = {"Accept": "text/event-stream"}


# The list, and one


def test_sessions_that_are_on_are_listed_and_ended_ones_are_not(caller, joined, bot):
    [listed] = caller.get("/sessions").json["sessions"]
    assert listed["session_id"] == joined["session_id"]
    bot.leave()

    assert caller.get("/sessions").json == {"sessions": [], "next": None}


def test_a_session_tells_all_about_itself(caller, joined, bot, url):
    told = caller.get(url).json

    assert told["created_at"].endswith("+00:00")
    assert 0 <= told["duration_ms"] < 60_000
    varies = ("created_at", "updated_at", "epoch", "duration_ms")
    told = {name: value for name, value in told.items() if name not in varies}
    assert told == {
        "session_id": joined["session_id"],
        "room_url": ROOM,
        "user_id": "ada",
        "bot": "assistant",
        "assistant": None,
        "personality": "host",
        "persona": None,
        "instructions": None,
        "prompts": {},
        "voice": None,
        "voice_parameters": {},
        "memory": True,
        "profile": {},
        "language": None,
        "mode": "voice",
        "conversation_id": joined["conversation_id"],
        "tenant": "main",
        "state": "live",
        "reason": None,
        "host": None,
        "position": None,
        "launches": 1,
        "crashes": 0,
        "session_persistence": 300,
        "max_duration": 3600,
        "silence": None,
        "metadata": {},
        "version": 3,
        "moving_to": None,
        "pause": None,
        "message_count": 0,
        "config": {},
        "people": [],
    }


def test_what_came_of_a_session_is_told_to_the_key_alone(caller, ledger, joined, bot, url):
    appearance = Appearance("Ann Onym", {"seat": 3})
    ledger.run(
        Note(bot.session.id, "person_arrived", bot.session.epoch, person="somebody", appearance=appearance)
    )

    [person] = caller.get(url).json["people"]
    assert (person.pop("joined_at") is not None, person) == (
        True,
        {"identity": "somebody", "name": "Ann Onym", "left_at": None, "metadata": {"seat": 3}},
    )
    by_browser = caller.with_(joined["connect"]["token"]).get(url).json
    assert {"people", "message_count", "duration_ms"}.isdisjoint(by_browser)


def test_a_session_that_redis_has_forgotten_is_told_to_the_key_alone(caller, app, ledger, joined, bot, url):
    session, events = ledger.run_all([ReadSession(bot.session.id), ReadEvents(bot.session.id)])
    archive = SqlArchive(app.extensions["greenroom"].database)
    assert archive.keep_session(Report(session, tuple(events))) is None
    ledger.wipe()

    assert caller.get(url).json["room_url"] == ROOM
    events = caller.get(f"{url}/events").json["events"]
    assert [event["event"] for event in events] == ["pending", "joining", "live"]
    browser = caller.with_(joined["connect"]["token"])
    assert [browser.get(each).status_code for each in (url, f"{url}/events")] == [404, 404]
    unknown = "/sessions/nobody-s"
    assert [caller.get(each).status_code for each in (unknown, f"{unknown}/events")] == [404, 404]


def test_a_session_tells_of_its_crashes_its_launches_and_its_epoch(caller, ledger, reaper, bot, url):
    before = caller.get(url).json
    reaper.lost(bot.session.id, owner=bot.owner, failure=DIED)
    ledger.pass_time(STARTS_WITHIN)
    reaper.reap()

    told = caller.get(url).json
    assert (told["state"], told["crashes"], told["launches"]) == ("pending", 1, 2)
    assert told["epoch"] > before["epoch"]
    [listed] = caller.get("/sessions").json["sessions"]
    assert listed["crashes"] == 1
    events = caller.get(f"{url}/events").json["events"]
    assert [event["event"] for event in events[-2:]] == ["lost", "pending"]
    assert events[-2]["detail"] == "died with its process"


@pytest.mark.parametrize(("is_laptop", "is_told"), [(True, True), (False, False)])
def test_how_a_bot_failed_is_for_the_key_and_on_a_laptop_for_everybody(
    caller, app, joined, reaper, bot, url, is_laptop, is_told
):
    """What was raised may quote what somebody said, or the key of a service."""
    failure = BotFailure(FailureKind.RAISED, "raised ValueError: no key s3cr3t", "mine.py", 7)
    reaper.lost(
        bot.session.id,
        owner=bot.owner,
        failure=failure,
    )
    caller.post("/leave", {"session_id": bot.session.id})
    services = app.extensions["greenroom"]
    redis = f"unix://{services.settings.redis_socket}" if is_laptop else "redis://elsewhere"
    settings = replace(services.settings, redis_url=redis)
    app.extensions["greenroom"] = replace(services, settings=settings)

    browser = caller.with_(joined["connect"]["token"])
    told = browser.get(f"{url}/events").text
    assert "lost" in told and ("s3cr3t" in told) is is_told
    assert "s3cr3t" in caller.get(f"{url}/events").text


def test_who_came_and_who_went_is_told_to_the_key_alone(caller, ledger, joined, bot, url):
    appearance = Appearance("Ann Onym")
    ledger.run(
        Note(bot.session.id, "person_arrived", bot.session.epoch, person="somebody", appearance=appearance)
    )
    begun = {"person": "somebody", "conversation_id": "a-talk-of-theirs", "sequence": 7}
    ledger.run(Note(bot.session.id, Happened.CONVERSATION_BEGUN, bot.session.epoch, **begun))
    bot.leave()

    by_key = caller.get(f"{url}/events").text
    by_browser = caller.with_(joined["connect"]["token"]).get(f"{url}/events").text
    assert all(each in by_key for each in ("somebody", "Ann Onym", "a-talk-of-theirs"))
    assert "a-talk-of-theirs" not in by_browser and "conversation_begun" in by_browser
    assert "person_arrived" in by_browser
    assert "somebody" not in by_browser and "Ann Onym" not in by_browser


def test_the_holder_of_a_token_does_not_learn_what_another_s_application_said(caller, bot, url):
    order = {"room_url": ROOM, "user_id": "bob"}
    token = caller.post("/join", order).json["connect"]["token"]

    told = caller.with_(token).get(url).json
    assert (told["user_id"], told["instructions"], told["metadata"]) == ("bob", None, {})


def test_an_ended_session_says_why(caller, bot, url):
    bot.leave(Reason.IDLE)

    told = caller.get(url).json
    assert (told["state"], told["reason"]) == ("ended", "idle")


# Its history


def test_a_history_is_told_in_order(caller, bot, url):
    bot.leave(Reason.IDLE)

    events = caller.get(f"{url}/events").json["events"]
    assert [event["event"] for event in events] == ["pending", "joining", "live", "leaving", "ended"]
    assert events[-1]["reason"] == "idle"
    assert all(event["at"].endswith("+00:00") for event in events)


def test_a_history_goes_on_after_what_was_read(caller, bot, url):
    first, *rest = caller.get(f"{url}/events").json["events"]

    assert caller.get(f"{url}/events", headers={"Last-Event-ID": first["id"]}).json["events"] == rest


def test_a_history_is_json_unless_a_stream_is_asked_for(caller, bot, url):
    """What asks for a stream is passed on to the events process, before it comes to a thread of this one."""
    bot.leave()

    for accept in ("*/*", "application/json", "text/html, */*", "application/json, text/event-stream"):
        assert caller.get(f"{url}/events", headers={"Accept": accept}).mimetype == "application/json"
    problem(caller.get(f"{url}/events", headers=AS_EVENTS), 503, "not-streamed-here")
    problem(caller.get("/events"), 503, "not-streamed-here")


def test_a_join_that_may_not_wait_is_answered_at_once(app, caller):
    seats = app.extensions["greenroom"].seats
    for _ in range(app.extensions["greenroom"].settings.web_threads * SHARES[Wait.JOIN] // 16):
        seats.take(Wait.JOIN)

    assert caller.post("/join?wait=30", {"room_url": ROOM}).status_code == 202


def test_some_threads_are_left_for_what_does_not_wait():
    for threads in (16, 17, 64, 512):
        seats, taken = Seats(threads), 0
        for wait in Wait:
            try:
                while seats.take(wait):
                    taken += 1
            except Busy:
                pass

        assert len(Wait) <= taken <= threads - threads // 8


def test_a_seat_is_given_back_once():
    seats = Seats(16)
    give_back = seats.take(Wait.LEAVE)
    give_back()
    give_back()
    seats.take(Wait.LEAVE)

    with pytest.raises(Busy):
        seats.take(Wait.LEAVE)


def test_a_session_that_waits_is_still_on(caller, bot, url):
    bot.enter(State.WAITING)

    assert caller.get(url).json["state"] == "waiting"
    assert len(caller.get("/sessions").json["sessions"]) == 1


def test_all_sessions_are_seen_page_by_page_whatever_begins_and_ends_meanwhile(caller, ledger, launches):
    told = [caller.post("/join", {}).json["session_id"] for _ in range(7)]
    first = caller.get("/sessions?limit=3").json
    assert len(first["sessions"]) == 3
    caller.post(
        "/leave", {"session_id": first["sessions"][-1]["session_id"]}
    )  # the one that the next page comes after
    second = caller.get(f"/sessions?limit=3&after={first['next']}").json
    third = caller.get(f"/sessions?limit=3&after={second['next']}").json

    seen = [session["session_id"] for page in (first, second, third) for session in page["sessions"]]
    assert sorted(seen) == sorted(told)
    assert third["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=x", "after=1-%20", "page=2"])
def test_a_page_that_cannot_be_is_refused(caller, query):
    problem(caller.get(f"/sessions?{query}"), 422, "invalid")


# Pausing, and lasting longer


def test_a_session_is_paused_and_resumed_and_says_why(caller, joined, bot, url, ledger):
    ledger.meanwhile.append(bot.obey)
    assert caller.post(f"{url}/pause").json["state"] == "paused"
    assert caller.get(url).json["pause"] == {"call": None}

    resumed = caller.post(f"{url}/resume")
    assert (resumed.status_code, resumed.json["state"], resumed.json["pause"]) == (200, "live", None)
    assert caller.post(f"{url}/resume").status_code == 200


def test_a_session_that_has_ended_is_neither_paused_nor_extended(caller, joined, bot, url):
    bot.leave()

    problem(caller.post(f"{url}/pause"), 410, "session-ended")
    problem(caller.post(f"{url}/extend", {"seconds": 60}), 410, "session-ended")


@pytest.mark.parametrize("call", ["pause", "resume", "extend"])
def test_with_a_token_a_session_s_user_alone_changes_its_terms(
    caller, joined, bot, url, ledger, settings, call
):
    ledger.meanwhile.append(bot.obey)
    signer = session_tokens(settings.signing_secret)
    mine, another_s, by_link = (
        mint(signer, joined["session_id"], *who) for who in (["ada"], ["ben"], ["ada", "a-link"])
    )
    body = [{"seconds": 60}] if call == "extend" else []

    assert caller.with_(mine).post(f"{url}/{call}", *body).status_code == 200
    problem(caller.with_(another_s).post(f"{url}/{call}", *body), 403, "forbidden")
    assert (caller.with_(by_link).post(f"{url}/{call}", *body).status_code == 403) is (call == "extend")


def test_a_session_lasts_longer_by_seconds_or_so_long_in_all(caller, joined, bot, url, ledger):
    ledger.meanwhile.append(bot.obey)

    assert caller.post(f"{url}/extend", {"seconds": 60}).json["max_duration"] == 3660
    assert caller.post(f"{url}/extend", {"max_duration": 7200}).json["max_duration"] == 7200
    assert caller.get(url).json["max_duration"] == 7200


@pytest.mark.parametrize(
    "wanted",
    [{}, {"seconds": 60, "max_duration": 7200}, {"seconds": 0}, {"max_duration": 86_401}, {"minutes": 1}],
    ids=str,
)
def test_a_length_that_is_none_is_refused(caller, joined, bot, url, wanted):
    response = caller.post(f"{url}/extend", wanted)

    assert 400 <= response.status_code < 423
