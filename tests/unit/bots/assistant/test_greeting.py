"""When our bot speaks first, before the person who came has said anything."""

import pytest

from greenroom.app.rooms.memory import Fact, Recollection, as_message
from greenroom.bots.assistant.greeting import is_unanswered, speaks_first

ASKED, ANSWERED = {"role": "user", "content": "hello?"}, {"role": "assistant", "content": "Hi."}
CALLED = {"role": "assistant", "tool_calls": [{"id": "1"}]}
FOUND = {"role": "tool", "content": "a star", "tool_call_id": "1"}
TOLD = {"role": "developer", "content": "A technical fault interrupted the conversation here."}


@pytest.mark.parametrize(
    ("messages", "waits"),
    [
        ([], False),
        ([ASKED], True),
        ([ASKED, ANSWERED], False),
        ([ASKED, TOLD], True),
        ([ASKED, ANSWERED, TOLD], False),
        ([ASKED, CALLED], True),
        ([ASKED, CALLED, FOUND, TOLD], True),
        ([ASKED, CALLED, FOUND, ANSWERED], False),
    ],
)
def test_who_was_not_answered_waits(messages, waits):
    assert is_unanswered(messages) is waits


def test_whoever_is_new_is_greeted_and_whoever_was_answered_is_not():
    assert speaks_first([], {})
    assert not speaks_first([ASKED, ANSWERED, TOLD], {"conversation": [ASKED, ANSWERED, TOLD]})


def test_whoever_is_known_from_earlier_conversations_is_greeted_as_well():
    known = as_message(Recollection(facts=[Fact("name", "Alice")]).as_text())

    assert speaks_first([known], {"conversation": []})
    assert not speaks_first([known, ASKED, ANSWERED], {"conversation": [ASKED, ANSWERED]})
    assert speaks_first([known, ASKED, ANSWERED], {"conversation": [ASKED, ANSWERED], "owes_an_answer": True})


def test_an_answer_that_was_cut_short_is_finished_unless_more_was_said_meanwhile():
    about = {"conversation": [ASKED, ANSWERED, TOLD], "owes_an_answer": True}

    assert speaks_first([ASKED, ANSWERED, TOLD], about)
    assert not speaks_first([ASKED, ANSWERED, TOLD, ASKED, ANSWERED], about)
