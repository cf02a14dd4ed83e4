"""A conversation as subtitles and as a play's script."""

from dataclasses import replace

import pytest

from greenroom.app.rooms.conversations import ToolCall, ToolStatus, Turn
from greenroom.app.rooms.reading import Conversation, Told
from greenroom.app.rooms.transcripts import as_script, as_vtt

BEGAN = 1_795_900_000_000
CONVERSATION = Conversation("c1", "ann", BEGAN, BEGAN + 9000, 4, assistant="pearl", room="local:hall")


def a_turn(number, role, content, **facts):
    at = BEGAN + number * 1000
    usual = {"sequence": number, "started_ms": at, "ended_ms": at + 500}
    return Turn(id=f"turn-{number}", role=role, content=content, **{**usual, **facts})


def told(*turns, conversation=CONVERSATION):
    return Told(conversation, turns)


SPOKEN = told(
    a_turn(1, "user", "What time is it?"),
    a_turn(2, "assistant", "", tool_calls=(ToolCall("call", "clock", '{"zone": "UTC"}'),)),
    a_turn(3, "tool", "noon", tool_call_id="call", tool_status=ToolStatus.COMPLETED),
    a_turn(4, "assistant", "It is", interrupted=True),
    a_turn(5, "user", "Thanks.", person="ben"),
)


def test_a_cue_is_at_its_time_from_the_beginning_and_has_a_voice():
    assert as_vtt(SPOKEN).split("\n\n") == [
        "WEBVTT",
        "1\n00:00:01.000 --> 00:00:01.500\n<v ann>What time is it?</v>",
        "4\n00:00:04.000 --> 00:00:04.500\n<v pearl>It is (interrupted)</v>",
        "5\n00:00:05.000 --> 00:00:05.500\n<v ben>Thanks.</v>\n",
    ]


def test_a_script_says_who_said_what_and_what_tools_did():
    assert as_script(SPOKEN).splitlines()[-5:] == [
        "00:00:01  ann: What time is it?",
        '00:00:02  [pearl calls clock {"zone": "UTC"}]',
        "00:00:03  [clock (completed): noon]",
        "00:00:04  pearl: It is (interrupted)",
        "00:00:05  ben: Thanks.",
    ]
    assert as_script(SPOKEN).splitlines()[:3] == ["Conversation c1", "with ann", "in local:hall"]


def test_a_script_in_which_nothing_was_said_says_so():
    assert as_script(told()).splitlines()[-2:] == ["", "Nothing was said."]


def test_a_cue_ends_after_it_began_and_a_long_conversation_has_more_than_a_day_s_hours():
    late = BEGAN + 100 * 3_600_000
    text = as_vtt(told(a_turn(1, "user", "x", started_ms=late, ended_ms=late + 1)))

    assert "100:00:00.000 --> 100:00:00.001" in text


@pytest.mark.parametrize(("words", "until"), [("Hi", "02.500"), ("x" * 50, "04.000"), ("x" * 5000, "08.000")])
def test_a_typed_line_can_be_read(words, until):
    """It is known in one moment, and was shown for a millisecond."""
    at = BEGAN + 1000

    assert f"00:00:01.000 --> 00:00:{until}" in as_vtt(told(a_turn(1, "user", words, ended_ms=at)))


def test_nothing_that_is_said_ends_a_cue_or_opens_a_mark():
    text = as_vtt(told(a_turn(1, "user", "a\n\n00:01 --> 00:02\r\n\x00<b> & c")))

    assert text.split("\n\n")[1:] == [
        "1\n00:00:01.000 --> 00:00:01.500\n<v ann>a\n00:01 --&gt; 00:02\n\ufffd&lt;b&gt; &amp; c</v>\n"
    ]


def test_what_is_said_does_nothing_to_a_terminal():
    text = as_script(told(a_turn(1, "user", "a\x1b[2Jb\u2028c\x9bd\ne")))

    assert text.splitlines()[-1] == "00:00:01  ann: a\ufffd[2Jb\ufffdc\ufffdd e"


def test_lines_are_as_wide_as_is_asked_for():
    lines = as_script(told(a_turn(1, "user", "word " * 60)), width=80).splitlines()[5:]

    assert len(lines) > 3 and max(map(len, lines)) <= 80
    assert all(line.startswith(" " * 10) for line in lines[1:])


def test_who_is_not_known_is_called_by_their_role():
    nobody = replace(CONVERSATION, user_id="", assistant=None)

    script = as_script(told(a_turn(1, "user", "x"), a_turn(2, "assistant", "y"), conversation=nobody))

    assert script.splitlines()[-2:] == ["00:00:01  user: x", "00:00:02  assistant: y"]
