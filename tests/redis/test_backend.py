"""The flush to somebody's own backend: in order, whatever the backend does meanwhile."""

import json
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from greenroom.app.backend.archive import BackendArchive
from greenroom.app.backend.calls import Backend
from greenroom.app.rooms.conversations import CountMessages, Record, ToolCall, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.erasing import ForgetSession
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.outboxes import ChangedSessions, ReadOutbox, ReadWaiting, WaitingOutboxes
from greenroom.app.rooms.pauses import LONGEST_PAUSE
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.sessions import Reason, State, Transition
from greenroom.app.storage import keys
from tests.fakes.backend_server import SECRET, a_backend
from tests.rigs.makers import a_session

HERE = "a-conversation"
SECOND = timedelta(seconds=1)
CANARY = "marzipan"


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now

    def pass_time(self, by):
        self.now += by.total_seconds()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def fake():
    with a_backend() as it:
        yield it


@pytest.fixture
def flusher(ledger, fake, clock):
    backend = Backend(fake.url, SECRET)
    yield Flusher(ledger, BackendArchive(backend), clock=clock)
    backend.close()


def say(ledger, number, conversation_id=HERE, role="user"):
    turn = Turn(f"turn-{number}", role, f"{CANARY} {number}", epoch=7)
    ledger.run(Record("a-session", conversation_id, 7, turn, owner="main/ada"))


def waiting(ledger, conversation_id=HERE):
    return [entry.delivery.turn.id for entry in ledger.run(ReadOutbox(conversation_id)).entries]


def ids(*numbers, of=HERE):
    return [(of, f"turn-{number}") for number in numbers]


def test_turns_arrive_and_leave_the_outbox(ledger, fake, flusher):
    for number in range(3):
        say(ledger, number)

    assert flusher.flush().turns == 3
    assert fake.turns == ids(0, 1, 2)
    assert ledger.run(WaitingOutboxes()) == []
    assert all(call.is_signed for call in fake.calls)


def test_a_backend_that_is_away_for_minutes_gets_everything_in_order_when_it_is_back(
    ledger, fake, flusher, clock
):
    fake.answers = lambda call: (503, b"")
    for number in range(300):
        say(ledger, number)
        flusher.flush()
        clock.pass_time(SECOND)
    asked = len(fake.calls)
    assert 300 / LONGEST_PAUSE.total_seconds() <= asked <= 20
    assert len(waiting(ledger)) == 200  # as many as are read at once; nothing was taken out
    fake.calls.clear()
    fake.answers = lambda call: (200, b"")
    clock.pass_time(LONGEST_PAUSE)

    assert flusher.flush().turns == 300
    assert fake.turns == ids(*range(300))


def test_a_conversation_that_fails_for_minutes_holds_up_no_other(ledger, fake, flusher, clock):
    fake.answers = lambda call: (500 if call.facts["conversation_id"].startswith("poison") else 200, b"")
    poisons = [f"poison-{number}" for number in range(12)]
    for poison in poisons:
        say(ledger, 0, poison)
    for number in range(60):
        say(ledger, number)
        flusher.flush()
        clock.pass_time(SECOND)

    arrived = [turn for turn in fake.turns if turn[0] == HERE]
    assert arrived == ids(*range(60))
    assert all(waiting(ledger, poison) == ["turn-0"] for poison in poisons)
    fake.answers = lambda call: (200, b"")
    clock.pass_time(LONGEST_PAUSE)
    flusher.flush()
    assert ledger.run(WaitingOutboxes()) == []


def test_a_turn_that_is_never_taken_is_put_aside_where_it_is_seen(ledger, fake, flusher, server):
    def answers(call):
        return 422 if any(turn["id"] == "turn-1" for turn in call.facts["turns"]) else 200, b""

    fake.answers = answers
    for number in range(3):
        say(ledger, number)
    with capture_logs() as lines:
        flusher.flush()

    assert waiting(ledger) == []
    assert [json.loads(entry)["id"] for entry in server.lrange(keys.unstorable(HERE), 0, -1)] == ["turn-1"]
    assert ledger.run(ReadWaiting(())).unstorable == 1
    assert [line["event"] for line in lines] == ["turn_rejected"]


def test_what_arrived_before_a_failure_is_not_sent_again(ledger, fake, flusher, clock):
    def answers(call):
        return 500 if any(turn["id"] == "turn-60" for turn in call.facts["turns"]) else 200, b""

    fake.answers = answers
    for number in range(70):
        say(ledger, number)
    assert flusher.flush().turns == 50
    fake.calls.clear()
    fake.answers = lambda call: (200, b"")
    clock.pass_time(LONGEST_PAUSE)
    flusher.flush()

    assert fake.turns == ids(*range(50, 70))


def test_a_session_s_end_comes_behind_its_last_words(ledger, fake, flusher, clock):
    ledger.run(Create(a_session(user_id="ada", conversation_id=HERE)))
    flusher.flush()
    ledger.run(Transition("a-session", State.JOINING, 7))
    ledger.run(Transition("a-session", State.LIVE, 7))
    ledger.run(Note("a-session", Happened.PERSON_ARRIVED, 7, person="ada"))
    say(ledger, 0)
    say(ledger, 1, role="assistant")
    say(ledger, 2, role="tool")
    ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.LEFT))
    fake.answers = lambda call: (500 if call.path == "/turns" else 200, b"")
    flusher.flush()
    fake.answers = lambda call: (200, b"")
    clock.pass_time(LONGEST_PAUSE)
    flusher.flush()

    told = [(call.path, call.facts.get("event")) for call in fake.calls]
    assert told == [
        ("/sessions", "started"),
        ("/turns", None),
        ("/turns", None),
        ("/participants", "joined"),
        ("/participants", "left"),
        ("/sessions", "ended"),
        ("/remember", "remember"),
    ]
    end = fake.calls[-2].facts
    assert (end["reason"], end["message_count"], end["conversation_id"]) == ("left", 2, HERE)
    assert ledger.run(ChangedSessions()) == []


def test_sessions_that_cannot_be_told_now_are_told_later_and_hold_up_no_turn(ledger, fake, flusher, clock):
    fake.answers = lambda call: (500 if call.path == "/sessions" else 200, b"")
    for number in range(9):
        ledger.run(Create(a_session(f"session-{number}")))
    say(ledger, 0)
    for _ in range(20):
        flusher.flush()
        clock.pass_time(SECOND)
    assert fake.turns == ids(0)
    assert len(ledger.run(ChangedSessions())) == 9
    fake.answers = lambda call: (200, b"")
    clock.pass_time(LONGEST_PAUSE)
    flusher.flush()

    assert ledger.run(ChangedSessions()) == []


def test_no_log_line_has_a_word_of_what_was_said_or_the_secret(ledger, fake, flusher, clock):
    with capture_logs() as lines:
        for status in (500, 302, 401, 422):
            fake.answers = lambda call, status=status: (status, call.body)
            say(ledger, status)
            flusher.flush()
            clock.pass_time(LONGEST_PAUSE)

    assert {line["event"] for line in lines} >= {"turns_delayed", "turn_rejected"}
    assert CANARY not in str(lines) and SECRET not in str(lines)


def test_messages_are_counted_by_session(ledger):
    say(ledger, 0)
    ledger.run(Record("another", HERE, 7, Turn("turn-9", "user", "words", epoch=7), owner="main/ada"))

    asks = Turn("turn-8", "assistant", "", tool_calls=(ToolCall("x", "clock", "{}"),), epoch=7)
    ledger.run(Record("a-session", HERE, 7, asks, owner="main/ada"))

    assert ledger.run(CountMessages(HERE, "a-session")) == 1


def test_a_session_that_is_never_taken_is_put_aside_where_it_is_seen(ledger, fake, flusher, server):
    ledger.run(Create(a_session(user_id="ada", conversation_id=HERE)))
    ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.LEFT))
    a_day = server.pttl(keys.session("a-session"))
    fake.answers = lambda call: (422 if call.path == "/sessions" else 200, b"")
    flusher.flush()

    assert ledger.run(ChangedSessions()) == []
    assert ledger.run(ReadWaiting(())).sessions_unstorable == 1
    assert server.zrange(keys.sessions_unstorable(), 0, -1) == ["a-session"]
    kept_for = (server.pttl(keys.session("a-session")), server.pttl(keys.events("a-session")))
    assert min(kept_for) > 20 * a_day
    ledger.run(ForgetSession("a-session"))
    assert ledger.run(ReadWaiting(())).sessions_unstorable == 0
