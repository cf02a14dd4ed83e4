"""A session's history is told as a story, in sentences that name people and rooms as one speaks of them."""

from dataclasses import replace

import pytest

from greenroom.app.operate.story.endings import ENDINGS
from greenroom.app.operate.story.tale import Tale
from greenroom.app.rooms.moves import as_told
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Appearance, Event, Happened
from greenroom.app.rooms.sessions import Reason, State
from tests.rigs.makers import a_brief, a_session

HOME, FORUM, CLUB = (
    Room("local", "voice-ada"),
    Room("livekit", "forum", "wss://rooms.example.com"),
    "local:club",
)
ADA, GUEST = "ada", "talk-0123456789abcdef"


def told(*happened, room=HOME):
    """Each event is its name, or that with what it says besides."""
    events = []
    for number, each in enumerate(happened):
        event, facts = each if isinstance(each, tuple) else (each, {})
        events.append(Event(f"{number}-0", number, event, 1, **facts))
    session = replace(a_session(brief=a_brief(user_id=ADA)), room=room)
    return [sentence for _, sentence in Tale(session, events).sentences()]


def came(person, name=None):
    return Happened.PERSON_ARRIVED, {"person": person, "appearance": Appearance(name)}


def left(person):
    return Happened.PERSON_LEFT, {"person": person}


def moved(old, new):
    return Happened.MOVED, {"detail": as_told(old, new)}


ON_STAGE = (State.PENDING, State.JOINING, State.LIVE)


def test_a_call_that_goes_to_the_forum_and_back_reads_as_a_story():
    begins = (State.TRANSITIONING, {})
    cleaned = (Happened.CLEANED, {"detail": "cancelled the answer"})
    for_call = {"detail": f"for the call in {CLUB}"}
    happened = [
        *(*ON_STAGE, came(ADA, "Ada"), begins, moved(HOME, FORUM), State.LIVE, came(ADA, "Ada")),
        *(came(GUEST), left(ADA), left(GUEST), cleaned, State.WAITING, came(ADA), State.LIVE),
        *((Happened.PAUSE_ASKED, for_call), (State.PAUSED, for_call)),
        *((Happened.RESUME_ASKED, for_call), (State.LIVE, {})),
        *(begins, moved(FORUM, HOME), State.LIVE, came(ADA)),
        *(State.LEAVING, (State.ENDED, {"reason": Reason.LEFT, "detail": "POST /leave"})),
    ]

    assert told(*happened) == [
        "The bot of Ada (ada) was on its way to voice-ada.",
        "The bot was on stage in voice-ada.",
        "Ada came.",
        "The bot moved to the forum.",
        "Ada followed.",
        "Guest cdef came.",
        "Ada left.",
        "Guest cdef left.",
        "What the bot had under way was ended: cancelled the answer.",
        "The bot was alone in the forum, and waited.",
        "Ada came back.",
        "The bot was paused for the call in club.",
        "The bot listened again after the call in club.",
        "The bot went back to voice-ada.",
        "Ada followed.",
        "It ended: the call was ended (POST /leave).",
    ]


def test_who_left_is_told_before_what_came_of_it():
    assert told(*ON_STAGE, came(ADA), Happened.CLEANED, State.WAITING, left(ADA))[-3:] == [
        "Ada left.",
        "What the bot had under way was ended.",
        "The bot was alone in voice-ada, and waited.",
    ]


@pytest.mark.parametrize(
    ("detail", "sentences"),
    [
        ("nothing was under way; all turns are written", []),
        (
            "nothing was under way; some turns are still to be written",
            ["Some turns are still to be written."],
        ),
        ("nothing was under way; all turns are written; read anew: memory", ["Read anew: memory."]),
        (
            "cancelled the answer; all turns are written",
            ["What the bot had under way was ended: cancelled the answer."],
        ),
    ],
)
def test_of_a_cleaning_only_what_is_no_matter_of_course_is_told(detail, sentences):
    begun = told(*ON_STAGE)

    assert told(*ON_STAGE, (Happened.CLEANED, {"detail": detail})) == [*begun, *sentences]


def test_a_service_that_failed_is_told_by_its_part_and_name():
    failed = (Happened.SERVICE_FAILED, {"detail": "thinking: openai (server)"})
    assert told(*ON_STAGE, failed)[-1] == "A speech service of the bot failed: thinking: openai (server)."


def test_what_a_bot_was_asked_for_too_late_is_told_in_words():
    for kind, words in (("offer", "a browser that offered to connect"), ("clean_up", "clean up")):
        assert told(*ON_STAGE, (Happened.MESSAGE_EXPIRED, {"detail": kind}))[-1] == (
            f"The bot read too late what it was asked for, and did not do it: {words}."
        )


def test_who_waits_is_not_told_that_somebody_else_has_a_slot_where_there_is_none():
    assert told(State.PENDING, (Happened.QUEUED, {"detail": "position 1"}))[-1] == (
        "No slot was free, and it waited for one: position 1."
    )


def test_a_bot_that_fails_before_it_is_on_stage_is_started_again():
    lost = (State.LOST, {"reason": "raised", "detail": "raised KeyError"})
    gave_up = (State.ENDED, {"reason": Reason.CRASHED_TOO_OFTEN})

    assert told(State.PENDING, *([State.JOINING, lost, State.PENDING] * 2), gave_up) == [
        "The bot of ada was on its way to voice-ada.",
        "A worker started the bot.",
        "The bot was lost: raised KeyError.",
        "A worker started another bot.",
        "The bot was lost: raised KeyError.",
        f"It ended: {ENDINGS[Reason.CRASHED_TOO_OFTEN][1]}.",
    ]


def test_who_never_left_does_not_come_back_when_another_bot_meets_them():
    lost = (State.LOST, {"reason": "process_died", "detail": "killed by SIGKILL"})

    assert told(*ON_STAGE, came(GUEST), lost, *ON_STAGE, came(GUEST))[-1] == "Guest cdef was still there."
    assert told(*ON_STAGE, came(GUEST), lost, *ON_STAGE, State.WAITING, came(GUEST))[-1] == (
        "Guest cdef came back."
    )


def test_a_guest_has_one_name_in_reasons_too():
    assert told(*ON_STAGE, (State.PAUSED, {"detail": f"{GUEST} asked"}))[-1] == (
        "The bot was paused: guest cdef asked."
    )


def test_a_bot_that_dies_is_followed_by_another():
    lost = (State.LOST, {"reason": "process_died", "detail": "killed by SIGKILL"})

    assert told(*ON_STAGE, lost, *ON_STAGE)[-2:] == [
        "The bot was lost: killed by SIGKILL.",
        "Another bot went on in voice-ada.",
    ]


def test_a_bot_that_starts_anew_in_the_other_room_is_another_one():
    assert told(*ON_STAGE, State.TRANSITIONING, moved(HOME, FORUM), *ON_STAGE, room=FORUM)[-2:] == [
        "The bot moved to the forum.",
        "Another bot went on in the forum.",
    ]


def test_a_move_that_is_not_made_says_why_and_where_the_bot_is():
    failed = (Happened.MOVE_FAILED, {"reason": "unreachable", "detail": "the bot was not let in"})

    assert told(*ON_STAGE, State.TRANSITIONING, failed, State.LIVE)[-1] == (
        "The bot could not go to another room and stayed in voice-ada: the bot was not let in."
    )


@pytest.mark.parametrize(
    ("begins", "sentence"),
    [
        (State.TRANSITIONING, "On its way to another room."),
        (State.LEAVING, "Leaving."),
        (Happened.PAUSE_ASKED, "Its bot is to be silent."),
    ],
)
def test_what_has_only_begun_is_told_until_something_comes_of_it(begins, sentence):
    assert told(*ON_STAGE, begins)[-1] == sentence
    assert sentence in told(*ON_STAGE, begins, came(ADA), State.LOST)


def test_a_pause_says_who_asked_for_it():
    asked = {"detail": "ada asked"}
    happened = [(Happened.PAUSE_ASKED, asked), State.PAUSED, (Happened.RESUME_ASKED, asked), State.LIVE]

    assert told(*ON_STAGE, *happened)[-2:] == [
        "The bot was paused: ada asked.",
        "The bot listened again: ada asked.",
    ]


def test_two_rooms_of_one_name_are_told_apart():
    assert "The bot moved to the forum (livekit)." in told(
        *ON_STAGE, moved(Room("local", "forum"), FORUM), room=FORUM
    )


def test_of_a_long_history_whose_beginning_is_gone_the_rest_is_told():
    assert told(left(ADA), moved(HOME, FORUM), (Happened.MOVED, {"detail": "somehow"}), room=FORUM) == [
        "Ada left.",
        "The bot moved to the forum.",
        "The bot moved to another room.",
    ]


@pytest.mark.parametrize("event", [*State, *Happened])
def test_whatever_may_happen_is_told_in_a_sentence(event):
    before = [State.JOINING] if event is State.LIVE else []
    for facts in ({}, {"reason": "left", "detail": "because: of local:nothing", "person": "ben"}):
        last = told(*before, (event, facts))[-1]
        assert last[0].isupper() and last.endswith(".") and "_" not in last


@pytest.mark.parametrize("reason", Reason)
def test_every_end_is_told_in_words(reason):
    assert told((State.ENDED, {"reason": reason})) == [f"It ended: {ENDINGS[reason][1]}."]
