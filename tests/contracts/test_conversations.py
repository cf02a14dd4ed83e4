"""What was said in a session: kept as it is said, once, in order, and by the bot that has the session."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.conversations import Conversation, Erase, Record, Said
from greenroom.app.rooms.sessions import KEPT_AFTER_END, Create, State, Succeed
from greenroom.app.storage.conversations import TURNS_KEPT
from tests.makers import a_session


def say(ledger, number, *, epoch=7, session_id="a-session", content="words"):
    role = ("user", "assistant")[number % 2]
    return ledger.run(Record(session_id, epoch, Said(f"turn-{number}", role, content)))


def said(ledger, session_id="a-session"):
    return [turn.id for turn in ledger.run(Conversation(session_id))]


@pytest.fixture
def session(ledger):
    ledger.run(Create(a_session()))


@pytest.fixture
def succeeded(ledger, session):
    """The session goes on under epoch 8."""
    say(ledger, 0)
    ledger.run(Succeed("a-session", 8, "lost", State.PENDING))


def test_turns_are_read_as_they_were_said_in_order(ledger, session):
    assert ledger.run(Conversation("a-session")) == []
    say(ledger, 0, content='“Hé”,\nshe said. \\ " 10^16: 12345678901234567')
    say(ledger, 1, content="")

    first, second = ledger.run(Conversation("a-session"))

    assert (first.id, first.role, first.content) == (
        "turn-0",
        "user",
        '“Hé”,\nshe said. \\ " 10^16: 12345678901234567',
    )
    assert (second.id, second.role, second.content) == ("turn-1", "assistant", "")
    assert abs(first.at_ms - ledger.run(Now())) < 10_000


def test_a_turn_written_twice_is_one(ledger, session):
    assert [say(ledger, 0), say(ledger, 1), say(ledger, 0), say(ledger, 1)] == [True] * 4

    assert said(ledger) == ["turn-0", "turn-1"]


def test_each_session_has_its_own_conversation(ledger, session):
    say(ledger, 0)
    say(ledger, 1, session_id="another")

    assert (said(ledger), said(ledger, "another")) == (["turn-0"], ["turn-1"])


def test_a_bot_that_was_replaced_writes_and_erases_nothing(ledger, succeeded):
    assert say(ledger, 1) is False
    ledger.run(Erase("a-session", 7))

    assert said(ledger) == ["turn-0"]


def test_the_bot_that_replaced_it_goes_on_with_the_conversation(ledger, succeeded):
    assert say(ledger, 1, epoch=8) is True

    assert said(ledger) == ["turn-0", "turn-1"]


def test_what_was_erased_is_gone_and_others_words_are_not(ledger, session):
    say(ledger, 0)
    say(ledger, 1, session_id="another")
    ledger.run(Erase("a-session", 7))

    assert (said(ledger), said(ledger, "another")) == ([], ["turn-1"])
    say(ledger, 2)
    assert said(ledger) == ["turn-2"]


def test_after_a_wipe_turns_are_kept_though_the_record_is_not_there_yet(world, ledger, session):
    world.wipe()

    assert say(ledger, 1) is True
    assert said(ledger) == ["turn-1"]
    ledger.run(Erase("a-session", 7))
    assert said(ledger) == []


def test_a_long_conversation_loses_its_beginning(ledger, session):
    steps = [
        Record("a-session", 7, Said(f"turn-{number}", "user", "words")) for number in range(TURNS_KEPT + 5)
    ]
    ledger.run_all(steps)

    assert said(ledger) == [f"turn-{number}" for number in range(5, TURNS_KEPT + 5)]


def test_a_conversation_is_kept_for_a_day_after_its_last_turn(world, ledger, session):
    say(ledger, 0)
    world.pass_time(KEPT_AFTER_END - timedelta(minutes=1))
    say(ledger, 1)
    world.pass_time(KEPT_AFTER_END - timedelta(minutes=1))
    assert said(ledger) == ["turn-0", "turn-1"]
    world.pass_time(timedelta(minutes=1))

    assert said(ledger) == []
