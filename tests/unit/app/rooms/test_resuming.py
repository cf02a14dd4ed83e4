"""What a bot's model reads of a conversation that it goes on with, and that no provider refuses it."""

from dataclasses import replace

import pytest

from greenroom.app.rooms import resuming
from greenroom.app.rooms.conversations import SUMMARY, SumsUp, ToolCall, ToolStatus, Turn
from greenroom.app.rooms.resuming import (
    NO_RESULT,
    as_messages,
    as_resumed,
    as_summary,
    in_order_of_talk,
    open_calls,
    owes_an_answer,
    summary_in,
)

ASKED = Turn("1", "user", "what is there?", started_ms=10, ended_ms=20)
LOOK, LISTEN = ToolCall("look-1", "look", "{}"), ToolCall("listen-1", "listen", "{}")
CALLED = Turn("2", "assistant", "", tool_calls=(LOOK,), started_ms=30, ended_ms=30)
SEEN = Turn("3", "tool", "a star", tool_call_id="look-1", started_ms=30, ended_ms=35)
TOLD = Turn("4", "assistant", "A star.", started_ms=40, ended_ms=50)
CUT_OFF = Turn("5", "tool", NO_RESULT, tool_call_id="look-1", tool_status=ToolStatus.CUT_OFF)
CUT_SHORT = Turn("6", "assistant", "A", interrupted=True, started_ms=40, ended_ms=60)


def contents(messages):
    return [message.get("content") for message in messages]


def test_a_conversation_with_tools_is_read_as_it_was():
    assert as_messages([ASKED, CALLED, SEEN, TOLD]) == [
        {"role": "user", "content": "what is there?"},
        {"role": "assistant", "tool_calls": [LOOK.as_message_part()]},
        {"role": "tool", "content": "a star", "tool_call_id": "look-1"},
        {"role": "assistant", "content": "A star."},
    ]


def test_a_result_stands_behind_its_call_whatever_was_said_meanwhile():
    meanwhile = Turn("7", "user", "hello?", started_ms=32, ended_ms=33)
    both = Turn("2", "assistant", "", tool_calls=(LOOK, LISTEN))
    heard = Turn("8", "tool", "the wind", tool_call_id="listen-1")

    messages = as_messages([ASKED, both, meanwhile, heard, TOLD, SEEN])

    assert contents(messages) == ["what is there?", None, "a star", "the wind", "hello?", "A star."]


@pytest.mark.parametrize("cut_off", [[], [CUT_OFF]])
def test_a_call_that_was_cut_off_has_a_result_that_says_so(cut_off):
    *_, result = as_messages([ASKED, CALLED, *cut_off])

    assert result == {"role": "tool", "content": NO_RESULT, "tool_call_id": "look-1"}


def test_a_result_that_came_after_all_counts():
    assert contents(as_messages([CALLED, SEEN, CUT_OFF])) == [None, "a star"]
    assert contents(as_messages([CALLED, CUT_OFF, SEEN])) == [None, "a star"]


def test_a_result_whose_call_is_not_kept_any_more_is_left_out():
    assert contents(as_messages([SEEN, TOLD])) == ["A star."]


def test_the_calls_without_a_result_are_known():
    assert open_calls([ASKED, CALLED]) == [(CALLED, LOOK)]
    assert open_calls([ASKED, CALLED, SEEN]) == open_calls([CALLED, CUT_OFF]) == []


@pytest.mark.parametrize(
    ("turns", "talk"),
    [
        ([TOLD, ASKED], ["what is there?", "A star."]),  # the model answered before it had the words
        ([CALLED, SEEN, TOLD, ASKED], ["what is there?", "", "a star", "A star."]),
        (
            [ASKED, Turn("7", "user", "wait", started_ms=45, ended_ms=46), CUT_SHORT],
            ["what is there?", "A", "wait"],
        ),
        (
            [ASKED, TOLD, Turn("7", "user", "I see", started_ms=41, ended_ms=55)],
            ["what is there?", "A star.", "I see"],
        ),
        ([Turn("7", "assistant", "Hi"), Turn("8", "user", "Hello")], ["Hi", "Hello"]),  # nobody knows when
        (
            [replace(TOLD, epoch=7), replace(ASKED, epoch=8)],
            ["A star.", "what is there?"],
        ),  # by another bot's clock
    ],
)
def test_what_was_said_stands_in_the_order_of_the_talk(turns, talk):
    assert [turn.content for turn in in_order_of_talk(turns)] == talk


@pytest.mark.parametrize(
    ("turns", "where"),
    [
        ([ASKED], resuming.UNANSWERED),
        ([TOLD, ASKED], resuming.NOTHING_OPEN),
        ([ASKED, CALLED], resuming.UNTOLD),
        ([ASKED, CALLED, SEEN], resuming.UNTOLD),
        ([ASKED, CUT_SHORT], resuming.UNFINISHED),
        ([ASKED, CALLED, SEEN, TOLD], resuming.NOTHING_OPEN),
    ],
)
def test_a_replacement_is_told_once_where_the_conversation_was_cut_off(turns, where):
    *before, told = as_resumed(turns)

    assert before == as_messages(turns)
    assert told["role"] == "developer"
    assert where in told["content"] and "Do not greet" in told["content"]
    assert owes_an_answer(turns) is (where is not resuming.NOTHING_OPEN)


def test_of_a_conversation_in_which_nothing_was_said_nothing_is_told():
    assert as_resumed([]) == []
    assert not owes_an_answer([])


def test_a_summary_stands_in_the_place_of_what_it_tells_of():
    said = [replace(turn, sequence=at) for at, turn in enumerate([ASKED, CALLED, SEEN, TOLD], 1)]
    more = [Turn("9", "user", "more", sequence=6, epoch=7), Turn("10", "assistant", "new", epoch=7)]
    summary = Turn("8", SUMMARY, "a star was seen", sequence=5, sums_up=SumsUp(4, "m"))

    talk = [*said, summary, *more]
    assert as_messages(talk) == [as_summary("a star was seen"), *(turn.as_message() for turn in more)]
    newer = replace(summary, id="11", content="all of it", sums_up=SumsUp(6, "m"), sequence=8)
    assert contents(as_messages([*talk, newer])) == [as_summary("all of it")["content"], "new"]
    assert not owes_an_answer([*said, summary])
    assert summary_in(as_summary("all of it")) == "all of it"
    assert summary_in(more[0].as_message()) is None


def test_of_several_in_a_room_a_summary_tells_of_one():
    people = enumerate(("ann", "bob") * 2, 1)
    said = [Turn(str(at), "user", f"{who} {at}", person=who, sequence=at) for at, who in people]
    summary = Turn("8", SUMMARY, "ann spoke", person="ann", sequence=5, sums_up=SumsUp(3, "m"))

    assert contents(as_messages([*said, summary])) == [as_summary("ann spoke")["content"], "bob 2", "bob 4"]
