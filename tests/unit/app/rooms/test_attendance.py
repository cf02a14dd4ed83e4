"""Who is in a room, and what follows: each rule, without a room."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.attendance import Attendance
from greenroom.app.rooms.consequences import (
    BeginConversation,
    CancelAnswer,
    CleanUp,
    End,
    Enter,
    FallSilent,
    KeepLeave,
    Park,
    ReadAnew,
    SetClock,
    ShowOpenThings,
    SpeakAgain,
    StopClock,
    WriteEvent,
)
from greenroom.app.rooms.happenings import (
    Arrived,
    Departed,
    Expected,
    LeaveAsked,
    NoOtherSlot,
    Paused,
    Resumed,
    SlotWanted,
    Started,
    TookOver,
)
from greenroom.app.rooms.session_events import Appearance
from greenroom.app.rooms.sessions import Call, LeaveAt, Pause, Reason, State
from greenroom.app.rooms.waiting import COMES_BACK_WITHIN, NO_SHOW_AFTER
from tests.rigs.makers import CELLAR, a_session

NOBODY = frozenset()
AT_ONCE = timedelta(0)
PERSISTENCE = a_session().brief.persistence
MINUTE_MS = 60_000


def an_attendance(*, age=AT_ONCE, known=(), is_next=False, **facts):
    return Attendance(a_session(**facts), known=known, age=age, is_next=is_next)


def begins_conversation(consequences):
    return any(isinstance(each, BeginConversation) for each in consequences)


def on_stage(*people, **facts):
    """A bot that has started, and that these people have come to."""
    attendance = an_attendance(**facts)
    attendance.on(Started(NOBODY, AT_ONCE))
    for number, person in enumerate(people, 1):
        attendance.on(Arrived(person, frozenset(people[:number])))
    return attendance


def test_a_bot_that_has_started_is_live_and_waits_two_minutes_for_its_first_person():
    assert an_attendance().on(Started(NOBODY, AT_ONCE)) == [
        SetClock(NO_SHOW_AFTER, Reason.NO_SHOW),
        Enter(State.LIVE),
    ]


def test_a_bot_whose_person_is_there_already_sets_no_clock():
    assert an_attendance().on(Started(frozenset({"ann"}), AT_ONCE)) == [Enter(State.LIVE)]


def test_whoever_arrives_stops_the_clock_and_is_the_session_s_person():
    attendance = on_stage()

    assert attendance.on(Arrived("ann", frozenset({"ann"}))) == [
        StopClock(),
        ShowOpenThings(),
        WriteEvent("person_arrived", "ann"),
    ]


def test_the_last_one_who_leaves_starts_the_clock_before_anything_else_and_cancels_the_answer():
    assert on_stage("ann").on(Departed("ann", NOBODY)) == [
        SetClock(PERSISTENCE, Reason.IDLE),
        CleanUp(),
        Enter(State.WAITING),
        WriteEvent("person_left", "ann"),
    ]


def test_while_one_of_several_is_there_it_is_only_written_who_leaves():
    assert on_stage("ann", "ben").on(Departed("ann", frozenset({"ben"}))) == [
        WriteEvent("person_left", "ann")
    ]


def test_what_the_room_tells_of_a_person_is_written_with_their_coming():
    appearance = Appearance("Ann", {"team": "red"})

    assert on_stage().on(Arrived("ann", frozenset({"ann"}), appearance))[-1] == WriteEvent(
        "person_arrived", "ann", appearance
    )


def test_whoever_leaves_before_the_bot_has_started_is_waited_for_as_one_who_comes_back():
    attendance = an_attendance(persistence=timedelta(seconds=1))
    attendance.on(Arrived("ann", frozenset({"ann"})))

    assert attendance.on(Departed("ann", NOBODY)) == [WriteEvent("person_left", "ann")]
    assert attendance.on(Started(NOBODY, AT_ONCE)) == [
        SetClock(COMES_BACK_WITHIN, Reason.IDLE),
        Enter(State.LIVE),
        CleanUp(),
        Enter(State.WAITING),
    ]


def test_a_bot_that_follows_one_that_died_waiting_waits_as_well():
    """The session was `live` from then on, with nobody in the room."""
    attendance = an_attendance(person="ann", was_empty=True)

    assert attendance.on(Started(NOBODY, AT_ONCE)) == [
        SetClock(PERSISTENCE, Reason.IDLE),
        Enter(State.LIVE),
        CleanUp(),
        Enter(State.WAITING),
    ]
    assert Enter(State.LIVE) in attendance.on(Arrived("ann", frozenset({"ann"})))


def test_a_bot_that_follows_one_that_died_waiting_is_live_where_its_person_is_back_before_it():
    attendance = an_attendance(person="ann", was_empty=True)

    assert attendance.on(Started(frozenset({"ann"}), AT_ONCE)) == [Enter(State.LIVE)]


def test_who_comes_again_before_the_bot_has_started_finds_it_live():
    attendance = an_attendance()
    attendance.on(Arrived("ann", frozenset({"ann"})))
    attendance.on(Departed("ann", NOBODY))
    attendance.on(Arrived("ann", frozenset({"ann"})))

    assert attendance.on(Started(frozenset({"ann"}), AT_ONCE)) == [Enter(State.LIVE)]


def test_who_leaves_and_comes_again_while_the_bot_starts_is_seen_to_be_there():
    """Its room tells of those who are there more slowly than of those who go."""
    attendance = an_attendance()
    attendance.on(Departed("ann", NOBODY))

    assert Enter(State.WAITING) not in attendance.on(Started(frozenset({"ann"}), AT_ONCE))


def test_who_comes_back_finds_the_bot_and_their_conversation():
    attendance = on_stage("ann")
    attendance.on(Departed("ann", NOBODY))

    assert attendance.on(Arrived("ann", frozenset({"ann"}))) == [
        StopClock(),
        ShowOpenThings(),
        ReadAnew(),
        Enter(State.LIVE),
        WriteEvent("person_arrived", "ann"),
    ]


def test_another_person_finds_an_empty_conversation():
    attendance = on_stage("ann")
    attendance.on(Departed("ann", NOBODY))

    consequences = attendance.on(Arrived("ben", frozenset({"ben"})))

    assert consequences.index(BeginConversation("ben")) < consequences.index(Enter(State.LIVE))
    assert ReadAnew() not in consequences  # what is known of them is loaded with their conversation
    assert consequences[-1] == WriteEvent("person_arrived", "ben")


def test_whoever_was_here_before_another_person_is_another_person_then():
    attendance = on_stage("ann")
    for person in ("ben", "ann"):
        attendance.on(Departed("ann", NOBODY))
        assert BeginConversation(person) in attendance.on(Arrived(person, frozenset({person})))


def test_the_second_of_several_joins_the_conversation():
    assert not begins_conversation(on_stage("ann").on(Arrived("ben", frozenset({"ann", "ben"}))))


def test_each_of_several_who_comes_back_alone_has_been_in_the_conversation():
    attendance = on_stage("ann", "ben")
    attendance.on(Departed("ann", NOBODY))

    assert not begins_conversation(attendance.on(Arrived("ann", frozenset({"ann"}))))


@pytest.mark.parametrize("facts", [{"person": "ann"}, {"person": "ben", "known": ["ann", None]}])
def test_a_person_of_the_session_s_bot_before_is_no_other(facts):
    assert not begins_conversation(on_stage(**facts).on(Arrived("ann", frozenset({"ann"}))))


def test_a_conversation_that_was_taken_up_is_its_user_s_alone():
    user, others = a_session().brief.user_id, "ben"

    assert not begins_conversation(on_stage(known=[None]).on(Arrived(user, frozenset({user}))))
    assert begins_conversation(on_stage(known=[None]).on(Arrived(others, frozenset({others}))))


def test_the_first_person_of_all_begins_no_conversation_anew():
    assert not begins_conversation(on_stage().on(Arrived("ann", frozenset({"ann"}))))


# Taking over


def a_successor(state, *, known=(), **facts):
    """A bot to which the room was given by another one."""
    attendance = an_attendance(is_next=True)
    attendance.on(TookOver(a_session(state=state, **facts), frozenset(known)))
    return attendance


def test_a_bot_that_takes_over_leaves_the_session_what_it_is():
    with_person = a_successor(State.LIVE, person="ann").on(Started(frozenset({"ann"}), AT_ONCE))
    alone = a_successor(State.WAITING, person="ann").on(Started(NOBODY, AT_ONCE))

    assert with_person == []
    assert alone == [SetClock(PERSISTENCE, Reason.IDLE)]


def test_who_came_while_a_bot_took_over_is_not_waited_for():
    attendance = a_successor(State.WAITING, person="ann")

    assert attendance.on(Started(frozenset({"ann"}), AT_ONCE)) == [Enter(State.LIVE)]


def test_the_persons_of_the_bot_before_are_known_to_the_one_that_takes_over():
    for person, is_another in (("ann", False), ("ben", False), ("eve", True)):
        attendance = a_successor(State.LIVE, person="ben", known=["ann"])
        assert begins_conversation(attendance.on(Arrived(person, frozenset({person})))) is is_another
    attendance = a_successor(State.LIVE, known=["ann"])
    assert begins_conversation(attendance.on(Arrived("eve", frozenset({"eve"}))))


def test_who_was_there_before_another_person_is_unknown_to_the_bot_that_takes_over():
    """They had another conversation; the bot was prepared while that was on."""
    attendance = an_attendance(is_next=True, person="ann", conversation_id="hers")
    attendance.on(TookOver(a_session(state=State.LIVE, person="ben", conversation_id="his"), frozenset()))

    assert begins_conversation(attendance.on(Arrived("ann", frozenset({"ann"}))))


# Pausing

ASKED = Pause()
FOR_A_CALL = Pause(Call("another-session", CELLAR))


def ada(*others):
    """Whose session it is, and others."""
    return frozenset({"ada", *others})


def test_a_bot_is_paused_and_resumed():
    attendance = on_stage("ann")

    assert attendance.on(Paused(ada(), ASKED)) == [FallSilent(), CancelAnswer(), Enter(State.PAUSED)]
    assert attendance.on(Paused(ada(), ASKED)) == []
    assert attendance.on(Resumed(ada())) == [SpeakAgain(), Enter(State.LIVE)]
    assert attendance.on(Resumed(ada())) == []


def test_a_paused_bot_is_paused_still_when_its_person_comes_back():
    attendance = on_stage("ann")
    attendance.on(Paused(frozenset({"ann"}), ASKED))
    assert Enter(State.WAITING) in attendance.on(Departed("ann", NOBODY))

    back = attendance.on(Arrived("ann", frozenset({"ann"})))
    assert [each for each in back if isinstance(each, Enter)] == [Enter(State.LIVE), Enter(State.PAUSED)]
    assert SpeakAgain() not in back


def test_a_bot_that_is_paused_in_an_empty_room_falls_silent_and_its_state_says_so_when_somebody_comes():
    attendance = on_stage("ann")
    attendance.on(Departed("ann", NOBODY))
    assert attendance.on(Paused(NOBODY, ASKED)) == [FallSilent(), CancelAnswer()]

    assert Enter(State.PAUSED) in attendance.on(Arrived("ann", frozenset({"ann"})))


def test_a_bot_that_was_resumed_in_an_empty_room_is_live_when_its_person_comes_back():
    attendance = on_stage("ann")
    attendance.on(Paused(frozenset({"ann"}), ASKED))
    attendance.on(Departed("ann", NOBODY))
    assert attendance.on(Resumed(NOBODY)) == [SpeakAgain()]

    back = attendance.on(Arrived("ann", frozenset({"ann"})))
    assert Enter(State.LIVE) in back and Enter(State.PAUSED) not in back


def test_a_bot_that_is_paused_before_it_has_started_starts_paused():
    attendance = an_attendance()
    assert attendance.on(Paused(ada(), ASKED)) == [FallSilent(), CancelAnswer()]

    assert attendance.on(Started(ada(), AT_ONCE)) == [Enter(State.LIVE), Enter(State.PAUSED)]


def test_the_bot_of_a_session_that_was_paused_when_it_was_lost_starts_paused():
    attendance = an_attendance(state=State.PENDING, person="ada", pause=ASKED)

    assert attendance.on(Started(ada(), AT_ONCE)) == [Enter(State.LIVE), Enter(State.PAUSED)]


def test_a_session_that_is_handed_over_paused_is_paused_there():
    attendance = a_successor(State.PAUSED, person="ann", pause=ASKED)

    assert attendance.on(Started(frozenset({"ann"}), AT_ONCE)) == []
    assert attendance.on(Resumed(frozenset({"ann"}))) == [SpeakAgain(), Enter(State.LIVE)]


def test_a_pause_that_the_other_bot_did_not_live_to_hear_of_is_kept_by_the_one_that_takes_over():
    attendance = an_attendance(is_next=True, person="ann")
    assert attendance.on(TookOver(a_session(state=State.LIVE, person="ann", pause=ASKED), NOBODY)) == [
        FallSilent()
    ]

    assert attendance.on(Started(frozenset({"ann"}), AT_ONCE)) == [Enter(State.PAUSED)]


def test_a_bot_that_was_prepared_paused_speaks_when_its_session_was_resumed_meanwhile():
    attendance = an_attendance(is_next=True, person="ann", pause=ASKED)

    assert attendance.on(TookOver(a_session(state=State.LIVE, person="ann"), NOBODY)) == [SpeakAgain()]
    assert attendance.on(Started(frozenset({"ann"}), AT_ONCE)) == []


def test_a_call_of_its_user_s_pauses_a_bot_only_while_nobody_else_is_with_it():
    attendance = on_stage("ada", "ben")
    assert attendance.on(Paused(ada("ben"), FOR_A_CALL)) == []

    assert attendance.on(Departed("ada", frozenset({"ben"})))[:-1] == []
    left = attendance.on(Departed("ben", NOBODY))
    assert FallSilent() in left and Enter(State.PAUSED) not in left
    assert SpeakAgain() in attendance.on(Arrived("ben", frozenset({"ben"})))


def test_what_somebody_asked_for_silences_a_bot_for_everybody():
    assert FallSilent() in on_stage("ada", "ben").on(Paused(ada("ben"), ASKED))


# Slots


@pytest.mark.parametrize(("person", "reason"), [(None, Reason.NO_SHOW), ("ann", Reason.IDLE)])
def test_a_bot_that_is_alone_gives_its_slot_to_who_waits(person, reason):
    (end,) = on_stage(person=person).on(SlotWanted(NOBODY))

    assert (end.reason, type(end)) == (reason, End)


def test_a_bot_keeps_its_slot_while_somebody_is_there_or_was_a_moment_ago():
    assert on_stage("ann").on(SlotWanted(frozenset({"ann"}))) == []
    assert on_stage("ann").on(SlotWanted(NOBODY)) == []  # the room has yet to tell that they left


def test_a_session_that_nobody_ever_visited_is_not_parked():
    (end,) = on_stage().on(NoOtherSlot())

    assert end.reason is Reason.NO_SHOW
    assert on_stage("ann").on(NoOtherSlot()) == [Park()]
    assert on_stage(person="ann").on(NoOtherSlot()) == [Park()]
    assert an_attendance().on(NoOtherSlot()) == [Park()]  # it has not started: its caller is on the way


# Leaving with a delay, and joining meanwhile

A_MINUTE = timedelta(minutes=1)
LEAVE = LeaveAsked(A_MINUTE, "POST /leave, with the key")
LEAVES_THEN = SetClock(A_MINUTE, Reason.LEFT, "POST /leave, with the key")
KEPT = KeepLeave(LeaveAt(60_000, "POST /leave, with the key"))


def test_a_bot_that_leaves_later_waits_as_in_an_empty_room_although_nobody_was_seen_to_go():
    assert on_stage("ann").on(LEAVE) == [LEAVES_THEN, KEPT, CleanUp(), Enter(State.WAITING)]


def test_a_bot_that_is_alone_already_leaves_after_the_delay_and_no_more_changes():
    attendance = on_stage("ann")
    attendance.on(Departed("ann", NOBODY))

    assert attendance.on(LEAVE) == [LEAVES_THEN, KEPT]


def test_whoever_is_seen_to_go_after_they_asked_to_leave_does_not_lengthen_the_delay():
    attendance = on_stage("ann")
    attendance.on(LEAVE)

    assert attendance.on(Departed("ann", NOBODY)) == [WriteEvent("person_left", "ann")]


def test_a_bot_that_is_asked_to_leave_later_before_it_has_started_does_so_after_that():
    attendance = an_attendance()
    attendance.on(LEAVE)

    assert attendance.on(Started(NOBODY, AT_ONCE)) == [LEAVES_THEN, Enter(State.LIVE)]


def test_whoever_comes_within_the_delay_cancels_it():
    attendance = on_stage("ann")
    attendance.on(LEAVE)
    came = attendance.on(Arrived("ann", frozenset({"ann"})))
    gone = attendance.on(Departed("ann", NOBODY))

    assert came[:2] == [StopClock(), KeepLeave(None)] and Enter(State.LIVE) in came
    assert gone[0] == SetClock(PERSISTENCE, Reason.IDLE)


@pytest.mark.parametrize("persistence", [AT_ONCE, PERSISTENCE])
def test_whoever_joins_within_the_delay_cancels_it_and_has_time_to_come(persistence):
    attendance = on_stage("ann", persistence=persistence)
    attendance.on(Departed("ann", NOBODY))
    attendance.on(LEAVE)

    clock = SetClock(max(persistence, COMES_BACK_WITHIN), Reason.IDLE)
    assert attendance.on(Expected(NOBODY)) == [clock, KeepLeave(None)]


def test_whoever_joins_before_they_were_seen_to_go_has_come_back():
    attendance = on_stage("ann")
    attendance.on(LEAVE)

    assert attendance.on(Expected(frozenset({"ann"}))) == [
        StopClock(),
        KeepLeave(None),
        ReadAnew(),
        Enter(State.LIVE),
    ]


def test_a_join_while_nobody_has_come_yet_waits_as_long_as_the_first_did():
    attendance = on_stage()
    attendance.on(LEAVE)

    assert attendance.on(Expected(NOBODY)) == [SetClock(NO_SHOW_AFTER, Reason.NO_SHOW), KeepLeave(None)]


HALF = timedelta(seconds=30)


@pytest.mark.parametrize("is_next", [False, True])
def test_a_bot_that_comes_within_the_delay_leaves_when_the_one_before_it_would_have(is_next):
    """A crash or a deploy meanwhile, and the session went on for as long as its persistence."""
    kept = LeaveAt(60_000, "POST /leave, with the key")
    attendance = an_attendance(person="ann", state=State.WAITING, leave=kept, age=HALF, is_next=is_next)
    started = attendance.on(Started(NOBODY, timedelta(seconds=5)))

    assert started[0] == SetClock(timedelta(seconds=25), Reason.LEFT, kept.detail)


def test_one_that_comes_after_it_leaves_at_once_unless_somebody_comes():
    kept = LeaveAt(60_000, "POST /leave, with the key")
    attendance = an_attendance(person="ann", leave=kept, age=2 * A_MINUTE)

    assert attendance.on(Started(NOBODY, AT_ONCE))[0] == SetClock(AT_ONCE, Reason.LEFT, kept.detail)
    assert KeepLeave(None) in attendance.on(Arrived("ann", frozenset({"ann"})))
    assert attendance.on(Departed("ann", NOBODY))[0] == SetClock(PERSISTENCE, Reason.IDLE)


def test_a_join_that_finds_somebody_there_changes_nothing():
    assert on_stage("ann").on(Expected(frozenset({"ann"}))) == []
