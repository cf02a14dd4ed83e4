"""A conversation that goes on after Redis has forgotten it, with somebody's own backend."""

import json
import time

import pytest

from greenroom.app.backend.taking_up import BackendEarlier
from greenroom.app.errors.storage import BackendAway
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.taking_up import TOKENS_AT_MOST, Earlier


def a_turn(sequence, content="words", **facts):
    return {"id": f"7-{sequence}", "role": "user", "content": content, "sequence": sequence, **facts}


@pytest.fixture
def found(fake, backend):
    def after(answer, status=200):
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        fake.answers = lambda call: (status, body)
        return BackendEarlier(backend, "ada").find("main", "a-talk")

    return after


def test_its_turns_are_asked_for_as_one_user_and_stand_in_order(fake, found):
    told = [a_turn(4, "Yes.", role="assistant", interrupted=True, person="ada"), a_turn(3, "Tea?")]

    assert found({"turns": told, "user_id": "ada"}) == Earlier(
        "ada",
        [
            Turn("7-3", "user", "Tea?", sequence=3),
            Turn("7-4", "assistant", "Yes.", sequence=4, interrupted=True, person="ada"),
        ],
        4,
    )
    assert fake.to("/conversation") == [{"tenant": "main", "user_id": "ada", "conversation_id": "a-talk"}]
    assert fake.calls[0].is_signed


def test_one_that_it_knows_to_be_new_begins_at_its_first_place(found):
    assert found({"turns": []}) is None


def test_one_of_which_it_says_nothing_goes_on_behind_all_that_may_have_been_said(found):
    """A sequence that began at 1 again would put what is said now in front of what was said last week."""
    earlier = found({})

    assert earlier.turns == () and earlier.user_id == ""
    assert time.time() - 60 < earlier.last_sequence <= time.time()


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_backend_that_has_no_such_call_says_nothing_of_it_and_that_is_no_failure(found, status):
    """Each bot's start was a warning in the log of whoever had a backend from before there was this call."""
    earlier = found(b"<h1>Not Found</h1>", status)

    assert earlier.turns == () and time.time() - 60 < earlier.last_sequence <= time.time()


@pytest.mark.parametrize("status", [401, 500, 503])
def test_a_backend_that_fails_is_a_failure(found, status):
    with pytest.raises(BackendAway):
        found({}, status)


def test_tools_stay_away_and_their_places_count(found):
    """A call without its result, or a result without its call, is refused by models."""
    call = {"id": "call-1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    told = [
        a_turn(1, "Is it raining?"),
        a_turn(2, "", role="assistant", tool_calls=[call]),
        a_turn(3, '"no"', role="tool", tool_call_id="call-1"),
    ]
    earlier = found({"turns": told})

    assert [turn.content for turn in earlier.turns] == ["Is it raining?"] and earlier.last_sequence == 3


def test_as_much_is_told_as_a_model_may_read_and_the_newest_of_it(found):
    earlier = found({"turns": [a_turn(number, "w" * TOKENS_AT_MOST) for number in range(1, 11)]})

    assert [turn.sequence for turn in earlier.turns] == [7, 8, 9, 10]


def test_halves_of_characters_reach_no_model(found):
    earlier = found(b'{"turns": [{"id": "1", "role": "user", "content": "a\\ud800b", "sequence": 1}]}')

    assert earlier.turns[0].content == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    "turns",
    [
        None,
        7,
        {"id": "1"},
        "words",
        [None],
        ["words"],
        [{"role": "user", "content": "words", "sequence": 1}],
        [a_turn(0)],
        [a_turn(-1)],
        [a_turn(2**60)],
        [a_turn("1")],
        [a_turn(1.5)],
        [a_turn(1, None)],
        [a_turn(1, role=None)],
    ],
)
def test_what_is_no_list_of_turns_is_no_answer(found, turns):
    with pytest.raises(BackendAway):
        found({"turns": turns})


def test_a_backend_that_is_away_is_told(found):
    with pytest.raises(BackendAway):
        found({}, status=503)
