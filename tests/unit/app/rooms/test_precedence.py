"""Which of several has the say: one order, fact by fact."""

import pytest

from greenroom.app.rooms.precedence import decide

STRONGEST_FIRST = ("config", "call", "assistant", "personality", "installation")


@pytest.mark.parametrize("which", range(len(STRONGEST_FIRST)))
def test_a_fact_is_as_the_first_has_it_who_names_it(which):
    silent, speaking = STRONGEST_FIRST[:which], STRONGEST_FIRST[which:]
    nothing = {who: {"voice": None, "language": ""} for who in silent}

    decided = decide(**nothing, **{who: {"voice": who, "language": f"of-{who}"} for who in speaking})

    assert decided == {"voice": speaking[0], "language": f"of-{speaking[0]}"}


def test_what_is_false_or_nought_is_named():
    assert decide(call={"memory": False, "persistence": 0}, assistant={"memory": True, "persistence": 9}) == {
        "memory": False,
        "persistence": 0,
    }


@pytest.mark.parametrize("fact", ["voice_parameters", "prompts"])
def test_of_a_fact_with_entries_each_is_decided_by_itself(fact):
    decided = decide(
        call={fact: {"one": "call"}},
        assistant={fact: {"one": "assistant", "two": "assistant"}},
        personality={fact: {"two": "personality", "three": "personality"}},
    )

    assert decided == {fact: {"one": "call", "two": "assistant", "three": "personality"}}


def test_metadata_is_whole():
    assert decide(call={"metadata": {"a": 1}}, assistant={"metadata": {"b": 2}}) == {"metadata": {"a": 1}}


def test_nothing_is_decided_where_nobody_names_anything_and_nobodys_facts_are_changed():
    parameters = {"speed": 1}

    assert decide() == {}
    decide(call={"voice_parameters": {"pitch": 3}}, assistant={"voice_parameters": parameters})
    assert parameters == {"speed": 1}
