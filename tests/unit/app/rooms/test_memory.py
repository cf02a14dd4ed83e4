"""What a bot is told of earlier conversations: facts and the newest first, and never more than fits."""

import pytest

from greenroom.app.rooms.conversations import ToolCall, Turn
from greenroom.app.rooms.memory import (
    CHARACTERS_A_TOKEN,
    HEADING,
    LONGEST_FACT,
    LONGEST_KEY,
    TOKENS,
    Fact,
    Forget,
    Recollection,
    Remember,
    Said,
    as_message,
    asked_of_memory,
    facts_in,
    is_memory,
    with_memory,
    without_memory,
)

ASKED = {"role": "user", "content": "hello?"}
FAULT = {"role": "developer", "content": "A technical fault interrupted the conversation here."}


def test_nobody_is_told_of_nothing():
    assert Recollection().as_text() == ""
    assert Recollection(turns=[Said("tool", "{}"), Said("user", "  ")]).as_text() == ""


def test_facts_come_first_and_what_was_said_stands_in_its_order():
    known = Recollection(
        facts=[Fact("name", "Alice"), Fact("dog", "Rex")],
        summary="They talked\nof dogs.",
        turns=[Said("assistant", "Goodbye."), Said("user", "Bye")],
    )

    assert known.as_text() == (
        f"{HEADING}\nFacts:\n- name: Alice\n- dog: Rex\nWhat was talked about, in short:\nThey talked of dogs.\n"
        "How the last conversation ended:\nPerson: Bye\nYou: Goodbye."
    )


@pytest.mark.parametrize("tokens", [0, 40, 60, 100, TOKENS])
def test_however_much_there_is_it_fits_and_what_is_newest_stays(tokens):
    known = Recollection(
        facts=[Fact(f"key {number}", "x" * 100) for number in range(50)],
        summary="y" * 10_000,
        turns=[Said("user", f"words {number} " * 20) for number in range(500)],
    )

    text = known.as_text(tokens)

    assert len(text) <= max(tokens * CHARACTERS_A_TOKEN, 0)
    facts = list(facts_in([as_message(text)]))
    assert facts == [f"key {number}" for number in range(len(facts))]


def test_what_was_said_last_stays_where_not_all_of_it_fits():
    known = Recollection(turns=[Said("user", f"words {number}") for number in range(1000)])

    lines = known.as_text(200).splitlines()[2:]

    assert len(lines) > 10
    assert lines == [f"Person: words {number}" for number in reversed(range(len(lines)))]


def test_a_fact_is_one_line_and_no_other_fact():
    text = Recollection(
        facts=[Fact("note", "this\n- name: Mallory\nFacts:"), Fact("long", "z" * 9999)]
    ).as_text()

    facts = facts_in([as_message(text)])
    assert facts["note"] == "this - name: Mallory Facts:"
    assert facts.keys() == {"note", "long"}
    assert len(facts["long"]) == LONGEST_FACT


def test_facts_are_those_that_the_product_tells_and_not_a_person():
    told = as_message(Recollection(facts=[Fact("name", "Alice")]).as_text())

    assert facts_in([told, ASKED, FAULT]) == {"name": "Alice"}
    assert facts_in([{**told, "role": "user"}, ASKED]) == {}
    assert facts_in([]) == {}


def calls(*named):
    asked = tuple(ToolCall(str(number), *call) for number, call in enumerate(named))
    return Turn("1", "assistant", "", tool_calls=asked)


def test_what_a_model_asks_of_memory_is_found_in_order_among_its_calls():
    turn = calls(
        ("remember", '{"key": " Favourite  Colour", "text": "deep\\nblue"}'),
        ("look", '{"key": "a", "text": "b"}'),
        ("forget", '{"key": "Dog"}'),
        ("forget", '{"key": "everything"}'),
        ("remember", '{"key": "age", "text": 36}'),
    )

    wishes = asked_of_memory(turn)
    assert wishes == [
        Remember("favourite colour", "deep blue"),
        Forget("dog"),
        Forget("everything"),
        Remember("age", "36"),
    ]
    assert [each.is_everything for each in wishes if isinstance(each, Forget)] == [False, True]
    assert asked_of_memory(Turn("1", "user", "remember me")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "no JSON",
        "[]",
        '"key"',
        "{}",
        '{"key": ""}',
        '{"key": "a"}',
        '{"key": ["a"], "text": "b"}',
        '{"key": "a", "text": " "}',
        '{"key": "a", "text": {}}',
        '{"key": "everything", "text": "b"}',
        "[" * 100_000,
    ],
)
def test_what_a_model_asks_amiss_is_left_out(arguments):
    assert (
        asked_of_memory(calls(("remember", arguments), ("forget", arguments.replace('"key"', '"kei"')))) == []
    )


def test_a_fact_is_as_long_as_it_may_be():
    (wish,) = asked_of_memory(calls(("remember", f'{{"key": "{"k" * 999}", "text": "{"t" * 9999}\\u0000"}}')))

    assert (len(wish.key), len(wish.text)) == (LONGEST_KEY, LONGEST_FACT)


def test_it_stands_at_the_head_and_takes_the_place_of_what_stood_there():
    first, second = (Recollection(facts=[Fact("name", name)]).as_text() for name in ("Alice", "Bob"))

    told = with_memory(first, [ASKED, FAULT])
    assert told == [as_message(first), ASKED, FAULT]
    assert with_memory(second, told) == [as_message(second), ASKED, FAULT]
    assert with_memory("", told) == without_memory(told) == [ASKED, FAULT]
    assert not is_memory(FAULT)
