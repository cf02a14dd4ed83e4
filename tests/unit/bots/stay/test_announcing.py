"""What the people's clients are told of their session."""

import pytest

from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Reason, State
from greenroom.bots.stay.announcing import Announcing


@pytest.fixture
def told():
    return []


@pytest.fixture
def announcing(told):
    return Announcing(lambda event, **facts: told.append((event, facts)))


@pytest.mark.parametrize("state", [State.PENDING, State.JOINING, State.LOST, State.ENDED])
def test_of_a_state_in_which_nobody_is_there_nothing_is_told(announcing, told, state):
    announcing.state(state, Reason.LEFT)

    assert told == []


def test_a_call_begins_with_live_and_ends_with_leaving(announcing, told):
    announcing.state(State.LIVE, None)
    announcing.state(State.WAITING, None)
    announcing.state(State.LEAVING, Reason.IDLE)

    assert told == [
        ("session.live", {}),
        ("voice.session.start", {}),
        ("session.waiting", {}),
        ("session.leaving", {"reason": "idle"}),
        ("voice.session.end", {"reason": "idle"}),
    ]


def test_who_comes_and_goes_is_told_and_nothing_else_of_a_history(announcing, told):
    announcing.note(Happened.PERSON_ARRIVED, "ann")
    announcing.note(Happened.CLEANED, None)
    announcing.note(Happened.PERSON_LEFT, "ann")

    assert told == [("participant.joined", {"person": "ann"}), ("participant.left", {"person": "ann"})]


def test_of_a_turn_its_place_is_told_and_not_its_words(announcing, told):
    announcing.turn("c-1", Turn("t-1", "user", "a secret", sequence=3, person="ann"))

    (event, facts) = told[0]
    assert (event, facts["conversation"], facts["turn"], facts["role"], facts["person"]) == (
        "conversation.turn",
        "c-1",
        3,
        "user",
        "ann",
    )
    assert "a secret" not in str(told)
