"""Sessions: their records, their histories, and which state may follow which."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from greenroom.app.errors.sessions import IllegalTransition, NoSuchSession
from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.creating import Create, Created, Launching, Limits
from greenroom.app.rooms.deadlines import OverdueRooms
from greenroom.app.rooms.failures import FailureKind
from greenroom.app.rooms.line import LeaveLine, Line, Place, Push, QueueLength
from greenroom.app.rooms.procedures import Underway
from greenroom.app.rooms.session_events import Appearance, Happened, Note, ReadEvents
from greenroom.app.rooms.session_lists import (
    Forget,
    LastSession,
    LiveSessions,
)
from greenroom.app.rooms.sessions import (
    CRASHES_COUNT_FOR,
    FOLLOWERS,
    KEPT_AFTER_END,
    Advance,
    CountLaunch,
    LeaveAt,
    ReadSession,
    Reason,
    SetBrief,
    SetLeave,
    State,
    Succeed,
    Transition,
)
from greenroom.app.rooms.workers import Host, Report
from greenroom.app.storage.session_events import METADATA_AT_MOST
from greenroom.app.storage.sessions import EVENTS_KEPT
from tests.rigs.makers import CELLAR, STAGE, a_session
from tests.rigs.ways import bring_to

PAIRS = [(before, after) for before, after in product(State, State) if before is not after]


def told(ledger, session_id="a-session"):
    return [event.event for event in ledger.run(ReadEvents(session_id))]


@pytest.fixture
def session(ledger):
    ledger.run(Create(a_session()))
    return ledger.run(ReadSession("a-session"))


def test_a_session_is_read_as_it_was_written(ledger):
    written = a_session(
        room=CELLAR,
        epoch=1790000000000001,
        persona="A pirate, “Ahoy”.\nSecond line",
        voice="deep",
        mode=Mode.FORUM,
        language="en-GB",
        persistence=timedelta(seconds=0),
        metadata={"a": [1, 2.5, None, True, {"b": "ü"}], "": {}, "list": []},
        link="0123456789abcdef",
    )
    ledger.run(Create(written))

    read = ledger.run(ReadSession("a-session"))

    for name in ("room", "brief", "epoch", "link"):
        assert getattr(read, name) == getattr(written, name)
    assert (read.state, read.reason, read.host, read.launches, read.version) == (
        State.PENDING,
        None,
        None,
        1,
        1,
    )
    assert abs(read.created_ms - ledger.run(Now())) < 10_000
    assert read.updated_ms == read.created_ms


def test_an_unknown_session_is_said_to_be_unknown(ledger):
    with pytest.raises(NoSuchSession):
        ledger.run(ReadSession("nobody"))
    with pytest.raises(NoSuchSession):
        ledger.run(Transition("nobody", State.LIVE, 7))
    assert ledger.run(ReadEvents("nobody")) == []


def test_a_new_session_is_pending_and_one_of_those_that_are_on(ledger, session):
    assert told(ledger) == ["pending"]
    assert ledger.run(LiveSessions()) == ["a-session"]


def launching(session_id="a-session", **more):
    return Launching(Push("a-queue", f"launch of {session_id}", session_id), **more)


def create(ledger, session_id, user_id="ada", **more):
    return ledger.run(Create(a_session(session_id, user_id=user_id), launching(session_id, **more))).outcome


def test_a_record_is_written_with_its_launch_its_place_in_line_and_a_look_at_its_room(world, ledger):
    assert create(ledger, "a-session", within=timedelta(seconds=10)) is Created.WRITTEN

    assert told(ledger) == ["pending"]
    assert ledger.run(Line()) == ledger.run(LiveSessions()) == ["a-session"]
    assert ledger.run(QueueLength("a-queue")) == 1
    assert ledger.run(LastSession(STAGE)) == "a-session"
    assert ledger.run(OverdueRooms()) == []
    world.pass_time(timedelta(seconds=10))
    assert ledger.run(OverdueRooms()) == [STAGE]


def test_creating_and_launching_twice_is_once(ledger):
    assert [create(ledger, "a-session") for _ in range(2)] == [Created.WRITTEN, Created.THERE]
    assert ledger.run(QueueLength("a-queue")) == 1


def test_a_record_that_is_left_alone_changes_nothing_of_its_room_either(ledger, session):
    ledger.run(Create(a_session("another-session", epoch=8)))
    assert ledger.run(Create(session)).outcome is Created.THERE
    assert ledger.run(LastSession(STAGE)) == "another-session"

    ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.LEFT))
    ledger.run(Forget("a-session"))
    assert ledger.run(Create(replace(session, epoch=9))).outcome is Created.THERE
    assert ledger.run(LiveSessions()) == ["another-session"]


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [
        (Limits(sessions=2), Created.SESSIONS),
        (Limits(line=2), Created.LINE),
        (Limits(user_sessions=2), Created.USER_SESSIONS),
        (Limits(user_line=2), Created.USER_LINE),
    ],
)
def test_what_would_be_more_than_a_limit_leaves_nothing_behind(ledger, limits, refusal):
    for number in range(2):
        assert create(ledger, f"session-{number}", limits=limits) is Created.WRITTEN

    assert create(ledger, "one-more", limits=limits) is refusal

    with pytest.raises(NoSuchSession):
        ledger.run(ReadSession("one-more"))
    assert ledger.run(Line()) == ledger.run(LiveSessions())
    assert ledger.run(QueueLength("a-queue")) == len(ledger.run(Line())) == 2
    assert create(ledger, "session-0", limits=limits) is Created.THERE  # what is on stays on
    ledger.run(Forget("session-0"))
    assert create(ledger, "one-more", limits=limits) is Created.WRITTEN


@pytest.mark.parametrize("limits", [Limits(user_sessions=2), Limits(user_line=2)])
def test_what_one_user_has_is_not_counted_for_another(ledger, limits):
    for number in range(2):
        create(ledger, f"session-{number}", limits=limits)

    assert create(ledger, "one-more", user_id="bob", limits=limits) is Created.WRITTEN


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [(Limits(user_sessions=2), Created.USER_SESSIONS), (Limits(user_line=2), Created.USER_LINE)],
)
def test_who_comes_by_one_link_is_counted_together_whatever_they_are_called(ledger, limits, refusal):
    def come(number, link):
        session = a_session(f"session-{number}", user_id=f"guest-{number}", link=link)
        return ledger.run(Create(session, launching(session.id, limits=limits))).outcome

    assert [come(number, "a-link") for number in range(3)] == [Created.WRITTEN, Created.WRITTEN, refusal]
    assert come(3, "another-link") is come(4, None) is Created.WRITTEN


def test_who_gets_a_slot_at_once_has_no_place_in_line(ledger):
    ledger.run(Report(Host("bots@here", "bots", slots=3, used=0, incarnation="1")))
    for number in range(3):
        assert create(ledger, f"session-{number}", limits=Limits(user_line=1)) is Created.WRITTEN
    assert create(ledger, "one-more", limits=Limits(user_line=1)) is Created.USER_LINE


def test_who_is_launched_learns_where_that_stands_and_keeps_its_place(ledger):
    ledger.run(Report(Host("bots@here", "bots", slots=1, used=0, incarnation="1")))
    first, second = (Create(a_session(name), launching(name)) for name in ("first", "second"))

    assert [ledger.run(each).place for each in (first, second)] == [Place(0, 1, 1), Place(1, 2, 1)]
    assert ledger.run(first).place == Place(0, 2, 1)
    ledger.run(LeaveLine("first"))
    assert ledger.run(first).place.position is None
    assert ledger.run(second).place == Place(0, 1, 1)


def test_creating_twice_does_not_begin_a_session_again(ledger, session):
    ledger.run(Transition("a-session", State.JOINING, 7))
    ledger.run(Create(a_session()))

    assert ledger.run(ReadSession("a-session")).state is State.JOINING
    assert told(ledger) == ["pending", "joining"]


def test_a_record_that_an_older_bot_wrote_again_becomes_that_of_the_later_one(ledger, session):
    later = replace(session, epoch=session.epoch + 1, state=State.LIVE)
    ledger.run(Create(later))
    ledger.run(Create(session))
    found = ledger.run(ReadSession(session.id))
    assert (found.epoch, found.state) == (later.epoch, State.LIVE)
    assert [event.event for event in ledger.run(ReadEvents(session.id))] == ["pending", "live"]

    ledger.run(Transition(session.id, State.ENDED, later.epoch, reason=Reason.LEFT))
    ledger.run(Create(replace(later, epoch=later.epoch + 1)))
    assert ledger.run(ReadSession(session.id)).state is State.ENDED


def test_a_bot_writes_its_record_again_as_it_is(world, ledger, session):
    world.wipe()
    ledger.run(Create(a_session(state=State.WAITING, host="bots@here")))

    again = ledger.run(ReadSession("a-session"))
    assert (again.state, again.host, again.epoch) == (State.WAITING, "bots@here", 7)
    assert told(ledger) == ["waiting"]
    assert ledger.run(LiveSessions()) == ["a-session"]


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=lambda state: str(state))
def test_only_what_the_table_allows_may_follow(ledger, session, before, after):
    bring_to(ledger, before)
    history = told(ledger)

    if after in FOLLOWERS[before]:
        assert ledger.run(Transition("a-session", after, 7)).state is after
        assert told(ledger) == [*history, after]
    else:
        with pytest.raises(IllegalTransition) as refused:
            ledger.run(Transition("a-session", after, 7))
        assert refused.value.facts["state"] == before
        assert told(ledger) == history
        assert ledger.run(ReadSession("a-session")).state is before


@pytest.mark.parametrize("state", State)
def test_a_transition_repeated_is_one(ledger, session, state):
    bring_to(ledger, state)
    version, history = ledger.run(ReadSession("a-session")).version, told(ledger)

    again = ledger.run(
        Transition("a-session", state, 7, reason=Reason.ERROR, detail="again", host="elsewhere")
    )

    assert (again.state, again.version, again.reason, again.host) == (state, version, None, None)
    assert told(ledger) == history


@pytest.mark.parametrize(("before", "expected"), list(product(State, State)), ids=lambda state: str(state))
def test_a_change_that_came_first_is_not_overwritten_by_who_had_read_another_state(
    ledger, session, before, expected
):
    """A sweep that had read `live` ended a session whose bot had said `waiting` meanwhile."""
    bring_to(ledger, before)
    history = told(ledger)
    change = Transition("a-session", State.LOST, 7, expected)

    if before is State.LOST or (before is expected and State.LOST in FOLLOWERS[before]):
        assert ledger.run(change).state is State.LOST
    else:
        with pytest.raises(IllegalTransition) as refused:
            ledger.run(change)
        assert refused.value.facts["state"] == before
        assert told(ledger) == history
        assert ledger.run(ReadSession("a-session")).state is before


def test_of_two_who_have_read_the_same_one_changes_it(ledger, session):
    bring_to(ledger, State.LIVE)

    first, second = ledger.run_all(
        [
            Transition("a-session", State.WAITING, 7, State.LIVE),
            Transition("a-session", State.PAUSED, 7, State.LIVE),
        ]
    )

    assert first.state is State.WAITING
    assert isinstance(second, IllegalTransition)
    assert second.facts["state"] == State.WAITING
    assert told(ledger)[-1] == "waiting"


def test_each_change_counts_in_the_version(ledger, session):
    bring_to(ledger, State.WAITING)

    assert ledger.run(ReadSession("a-session")).version == 4


def test_a_change_is_dated(world, ledger, session):
    world.pass_time(timedelta(seconds=60))
    changed = ledger.run(Transition("a-session", State.JOINING, 7))

    assert 60_000 <= changed.updated_ms - changed.created_ms < 70_000


def test_an_old_epoch_is_refused_and_a_later_one_is_not(ledger, session):
    with pytest.raises(IllegalTransition):
        ledger.run(Transition("a-session", State.JOINING, 6))
    assert told(ledger) == ["pending"]

    assert ledger.run(Transition("a-session", State.JOINING, 8)).state is State.JOINING


def test_an_old_epoch_is_refused_where_only_its_last_digit_differs(ledger):
    ledger.run(Create(a_session(epoch=1790000000000002)))

    with pytest.raises(IllegalTransition):
        ledger.run(Transition("a-session", State.JOINING, 1790000000000001))


def test_the_end_has_a_reason_and_a_detail(ledger, session):
    ended = ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.IDLE, detail="nobody came back"))

    assert ended.reason is Reason.IDLE
    event = ledger.run(ReadEvents("a-session"))[-1]
    assert (event.event, event.epoch, event.reason, event.detail) == ("ended", 7, "idle", "nobody came back")
    assert abs(event.at_ms - ledger.run(Now())) < 10_000


def test_the_first_reason_stays(ledger, session):
    ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.IDLE))
    ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.ERROR))

    assert ledger.run(ReadSession("a-session")).reason is Reason.IDLE


def test_the_host_is_remembered(ledger, session):
    ledger.run(Transition("a-session", State.JOINING, 7, host="bots@here"))
    ledger.run(Transition("a-session", State.LIVE, 7))

    assert ledger.run(ReadSession("a-session")).host == "bots@here"


def test_an_ended_session_is_kept_for_a_day_and_no_longer(world, ledger, session):
    ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.LEFT))
    world.pass_time(KEPT_AFTER_END - timedelta(minutes=1))
    assert ledger.run(ReadSession("a-session")).state is State.ENDED
    world.pass_time(timedelta(minutes=1))

    with pytest.raises(NoSuchSession):
        ledger.run(ReadSession("a-session"))
    assert told(ledger) == []


def test_a_session_that_nobody_ends_goes_a_day_after_its_longest_time(world, ledger, session):
    world.pass_time(session.brief.max_duration + KEPT_AFTER_END - timedelta(minutes=1))
    assert ledger.run(ReadSession("a-session")).state is State.PENDING
    world.pass_time(timedelta(minutes=1))

    with pytest.raises(NoSuchSession):
        ledger.run(ReadSession("a-session"))


def test_a_record_says_since_when_nobody_is_with_its_bot(world, ledger, session):
    def alone():
        found = ledger.run(ReadSession("a-session"))
        return (ledger.run(Now()) - found.alone_ms) // 1000 if found.alone_ms else None

    ledger.run(Transition("a-session", State.JOINING, 7))
    assert alone() is None
    ledger.run(Transition("a-session", State.LIVE, 7))
    world.pass_time(timedelta(seconds=40))
    assert alone() == 40  # nobody has come yet
    ledger.run(Note("a-session", "person_arrived", 6, person="ann"))
    assert alone() == 40  # says a bot that was superseded
    ledger.run(Note("a-session", "person_arrived", 7, person="ann"))
    assert alone() is None
    ledger.run(Transition("a-session", State.WAITING, 7))
    world.pass_time(timedelta(seconds=5))
    ledger.run(Note("a-session", "person_left", 7))
    ledger.run(Succeed("a-session", 8, "handed_over"))
    assert alone() == 5
    ledger.run(Transition("a-session", State.LIVE, 8))
    ledger.run(Note("a-session", "person_arrived", 8, person="ann"))
    assert alone() is None
    ledger.run(Succeed("a-session", 9, "lost", State.PENDING))
    world.pass_time(timedelta(seconds=3))
    ledger.run(Transition("a-session", State.JOINING, 9))
    ledger.run(Transition("a-session", State.LIVE, 9))
    assert alone() == 3  # who was there has to come back


def test_a_record_says_whether_anybody_was_with_the_bot_that_was_lost(ledger, session):
    def comes_back(epoch):
        for state in (State.JOINING, State.LIVE):
            ledger.run(Transition("a-session", state, epoch))
        return ledger.run(ReadSession("a-session")).was_empty

    assert comes_back(7) is False
    ledger.run(Succeed("a-session", 8, "lost", State.PENDING))
    assert comes_back(8) is False  # nobody has ever come: that is another wait
    ledger.run(Note("a-session", "person_arrived", 8, person="ann"))
    ledger.run(Succeed("a-session", 9, "lost", State.PENDING))
    assert comes_back(9) is False
    ledger.run(Note("a-session", "person_arrived", 9, person="ann"))
    ledger.run(Transition("a-session", State.WAITING, 9))
    ledger.run(Succeed("a-session", 10, "parked", State.PENDING))
    assert comes_back(10) is True
    ledger.run(Note("a-session", "person_arrived", 10, person="ann"))
    ledger.run(Succeed("a-session", 11, "lost", State.PENDING))
    assert comes_back(11) is False


def test_a_session_that_was_never_visited_is_alone_through_the_deaths_of_its_bots(world, ledger, session):
    for state in (State.JOINING, State.LIVE):
        ledger.run(Transition("a-session", state, 7))
    world.pass_time(timedelta(seconds=60))
    ledger.run(Succeed("a-session", 8, "lost", State.PENDING))
    for state in (State.JOINING, State.LIVE):
        ledger.run(Transition("a-session", state, 8))

    alone_ms = ledger.run(Now()) - ledger.run(ReadSession("a-session")).alone_ms
    assert 60_000 <= alone_ms < 70_000


def test_notes_are_told_between_changes_and_change_nothing(ledger, session):
    ledger.run(Note("a-session", "person_arrived", 7))
    ledger.run(Note("a-session", "message_expired", 7, "offer"))
    ledger.run(Transition("a-session", State.JOINING, 7))

    assert told(ledger) == ["pending", "person_arrived", "message_expired", "joining"]
    assert ledger.run(ReadEvents("a-session"))[2].detail == "offer"
    assert ledger.run(ReadSession("a-session")).version == 2


def test_who_came_and_who_went_is_told_and_who_came_is_the_session_s_person(ledger, session):
    appearance = Appearance("Ann", {"team": "“red”", "seat": {"row": 3}})
    ledger.run(Note("a-session", "person_arrived", 7, person="ann", appearance=appearance))
    ledger.run(Note("a-session", "person_arrived", 7, person="bob"))
    ledger.run(Note("a-session", "person_left", 7, person="ann"))

    found = [
        (event.event, event.person, event.appearance) for event in ledger.run(ReadEvents("a-session"))[1:]
    ]
    assert found == [
        ("person_arrived", "ann", appearance),
        ("person_arrived", "bob", Appearance()),
        ("person_left", "ann", Appearance()),
    ]
    assert ledger.run(ReadSession("a-session")).person == "bob"


def test_more_than_a_little_that_a_room_tells_of_a_person_is_left_out(ledger, session):
    appearance = Appearance("Ann", {"picture": "x" * METADATA_AT_MOST})
    ledger.run(Note("a-session", "person_arrived", 7, person="ann", appearance=appearance))

    assert ledger.run(ReadEvents("a-session"))[-1].appearance == Appearance("Ann")


def test_a_note_for_an_unknown_session_is_dropped(ledger):
    ledger.run(Note("nobody", "person_arrived", 7))

    assert told(ledger, "nobody") == []


def test_a_history_is_read_on_from_where_one_was(ledger, session):
    bring_to(ledger, State.LIVE)
    pending, joining, live = ledger.run(ReadEvents("a-session"))

    assert ledger.run(ReadEvents("a-session", after=pending.id)) == [joining, live]
    assert ledger.run(ReadEvents("a-session", after=live.id)) == []
    assert ledger.run(ReadEvents("a-session", after=live.id, wait=timedelta(milliseconds=10))) == []


@pytest.mark.parametrize("how", ["notes", "changes"])
def test_a_history_is_capped_and_loses_its_oldest(ledger, session, how):
    bring_to(ledger, State.LIVE)
    if how == "notes":
        more = [Note("a-session", f"note-{number}", 7) for number in range(EVENTS_KEPT + 200)]
    else:
        more = [
            Transition("a-session", (State.WAITING, State.LIVE)[number % 2], 7)
            for number in range(EVENTS_KEPT + 200)
        ]
    ledger.run_all(more)

    history = told(ledger)
    assert EVENTS_KEPT <= len(history) <= EVENTS_KEPT + 100  # Redis trims whole nodes of its stream
    assert history[0] != "pending"
    assert history[-1] == (f"note-{EVENTS_KEPT + 199}" if how == "notes" else "live")


def test_a_session_knows_who_its_person_is(ledger, session):
    assert session.person is None
    ledger.run(Note("a-session", "person_arrived", 7, person="ada"))
    ledger.run(Note("a-session", "person_left", 7))
    assert ledger.run(ReadSession("a-session")).person == "ada"
    ledger.run(Note("a-session", "person_arrived", 7, person="bob"))

    assert ledger.run(ReadSession("a-session")).person == "bob"


# Going on with another bot


def lose(ledger, epoch, *, is_crash=True):
    """A bot's death, as it is written down."""
    return ledger.run(
        Succeed(
            "a-session",
            epoch,
            State.LOST,
            State.PENDING,
            reason=FailureKind.PROCESS_DIED,
            detail="died with its process",
            is_crash=is_crash,
        )
    )


@pytest.mark.parametrize("state", sorted(set(State) - {State.LEAVING, State.ENDED}))
def test_a_session_goes_on_from_wherever_it_was(ledger, session, state):
    bring_to(ledger, state)
    ledger.run(CountLaunch("a-session"))
    before, history = ledger.run(ReadSession("a-session")), told(ledger)

    succession = lose(ledger, 8)

    after = succession.session
    assert (after.state, after.epoch, after.launches) == (State.PENDING, 8, 1)
    assert after.version == before.version + 1
    assert succession.crashes == len(after.crashes) == 1
    assert ledger.run(ReadSession("a-session")) == after
    assert told(ledger) == [*history, "lost", "pending"]
    lost, pending = ledger.run(ReadEvents("a-session"))[-2:]
    assert (lost.epoch, lost.reason, lost.detail) == (8, "process_died", "died with its process")
    assert after.reason is None  # it is the bot that was lost, and the session goes on
    assert (pending.epoch, pending.detail) == (8, None)


def test_going_on_twice_under_one_epoch_is_once(ledger, session):
    once = lose(ledger, 8)
    history = told(ledger)

    assert lose(ledger, 8) == once
    assert told(ledger) == history


@pytest.mark.parametrize("epoch", [6, 7])
def test_a_session_does_not_go_back_to_an_earlier_epoch(ledger, session, epoch):
    succession = lose(ledger, epoch)

    assert (succession.session, succession.crashes) == (session, 0)
    assert told(ledger) == ["pending"]


@pytest.mark.parametrize("state", [State.LEAVING, State.ENDED])
def test_a_session_that_has_ended_or_is_leaving_stays_so(ledger, session, state):
    gone = ledger.run(Transition("a-session", state, 7, reason=Reason.IDLE))

    succession = lose(ledger, 8)

    assert (succession.session, succession.crashes) == (gone, 0)
    assert told(ledger) == ["pending", state]
    assert ledger.run(Succeed("a-session", 9, "handed_over", host="bots@there")).session == gone


def test_an_unknown_session_does_not_go_on(ledger):
    with pytest.raises(NoSuchSession):
        lose(ledger, 8)
    with pytest.raises(NoSuchSession):
        ledger.run(ReadSession("a-session"))


def test_a_session_that_is_handed_over_stays_what_it_was(ledger, session):
    bring_to(ledger, State.WAITING)

    succession = ledger.run(Succeed("a-session", 8, "handed_over", detail="to bots@there"))

    assert (succession.session.state, succession.session.epoch, succession.crashes) == (State.WAITING, 8, 0)
    assert told(ledger)[-1] == "handed_over"


def test_where_its_bot_is_may_be_written_when_it_has_gone_on_already(ledger, session):
    """Its old bot writes the first, since the person's next offer comes at once, and its new one the second."""
    ledger.run(Transition("a-session", State.JOINING, 7, host="bots@here"))
    ledger.run(Succeed("a-session", 8, "handed_over"))
    assert ledger.run(ReadSession("a-session")).host == "bots@here"
    history = told(ledger)

    succession = ledger.run(Succeed("a-session", 8, "handed_over", host="bots@there"))

    assert succession.session.host == ledger.run(ReadSession("a-session")).host == "bots@there"
    assert told(ledger) == history
    ledger.run(Succeed("a-session", 7, "handed_over", host="bots@nowhere"))
    assert ledger.run(ReadSession("a-session")).host == "bots@there"


def test_the_bot_before_changes_nothing_any_more(ledger, session):
    bring_to(ledger, State.LIVE)
    lose(ledger, 8)

    with pytest.raises(IllegalTransition):
        ledger.run(Transition("a-session", State.LEAVING, 7))
    assert ledger.run(Transition("a-session", State.JOINING, 8)).state is State.JOINING


def test_epochs_are_compared_to_their_last_digit(ledger):
    ledger.run(Create(a_session(epoch=1790000000000001)))

    assert lose(ledger, 1790000000000002).session.epoch == 1790000000000002


def test_crashes_count_for_ten_minutes_and_nothing_else_does(world, ledger, session):
    assert [lose(ledger, 8 + number).crashes for number in range(3)] == [1, 2, 3]
    assert lose(ledger, 11, is_crash=False).crashes == 3
    world.pass_time(CRASHES_COUNT_FOR - timedelta(minutes=1))
    assert lose(ledger, 12).crashes == 4
    world.pass_time(timedelta(minutes=1))

    last = lose(ledger, 13)
    assert last.crashes == 2
    assert len(last.session.crashes) == 2


def test_a_history_of_crashes_is_capped(ledger, session):
    for number in range(EVENTS_KEPT):
        lose(ledger, 8 + number, is_crash=False)

    assert EVENTS_KEPT <= len(told(ledger)) <= EVENTS_KEPT + 100


BEGUN = Underway("a-procedure", "begun", {"token": "“ü”", "epoch": "1790000000000001"})
DONE_ONE = BEGUN.at("one", more="facts")


def test_where_a_procedure_stands_is_read_as_it_was_written(ledger, session):
    assert session.procedure is None
    assert ledger.run(Advance("a-session", 7, None, BEGUN)) is True
    assert ledger.run(ReadSession("a-session")).procedure == BEGUN
    assert ledger.run(Advance("a-session", 7, BEGUN, DONE_ONE)) is True
    assert ledger.run(ReadSession("a-session")).procedure == DONE_ONE
    assert ledger.run(Advance("a-session", 7, DONE_ONE, None)) is True
    assert ledger.run(ReadSession("a-session")) == session


@pytest.mark.parametrize(("before", "after"), [(None, BEGUN), (BEGUN, DONE_ONE), (DONE_ONE, None)])
def test_a_procedure_that_goes_on_twice_goes_on_once(ledger, session, before, after):
    steps = [Advance("a-session", 7, None, BEGUN), Advance("a-session", 7, BEGUN, DONE_ONE)]
    ledger.run_all(steps[: [None, BEGUN, DONE_ONE].index(before)])

    assert ledger.run_all([Advance("a-session", 7, before, after)] * 2) == [True, True]
    assert ledger.run(ReadSession("a-session")).procedure == after


@pytest.mark.parametrize("before", [None, BEGUN, DONE_ONE.at("one", more="other facts")])
def test_a_procedure_does_not_go_on_from_where_it_does_not_stand(ledger, session, before):
    ledger.run_all([Advance("a-session", 7, None, BEGUN), Advance("a-session", 7, BEGUN, DONE_ONE)])

    assert ledger.run(Advance("a-session", 7, before, BEGUN.at("two"))) is False
    assert ledger.run(ReadSession("a-session")).procedure == DONE_ONE


def test_a_bot_of_an_earlier_epoch_advances_nothing(ledger, session):
    assert ledger.run(Advance("a-session", 6, None, BEGUN)) is False
    assert ledger.run(ReadSession("a-session")).procedure is None


def test_a_procedure_of_an_unknown_session_is_refused(ledger):
    with pytest.raises(NoSuchSession):
        ledger.run(Advance("nobody", 7, None, BEGUN))
    with pytest.raises(NoSuchSession):
        ledger.run(ReadSession("nobody"))


def test_a_session_that_goes_on_is_in_no_procedure(ledger, session):
    ledger.run(Advance("a-session", 7, None, BEGUN))
    assert lose(ledger, 7).session.procedure == BEGUN  # it went on before

    assert lose(ledger, 8).session.procedure is None


def test_a_record_that_is_written_again_knows_its_procedure(world, ledger, session):
    world.wipe()
    ledger.run(Create(replace(session, procedure=BEGUN)))

    assert ledger.run(ReadSession("a-session")).procedure == BEGUN


def test_launches_are_counted(ledger, session):
    assert [ledger.run(CountLaunch("a-session")) for _ in range(3)] == [2, 3, 4]
    assert ledger.run(ReadSession("a-session")).launches == 4


def test_launches_of_an_unknown_session_are_not_counted(ledger):
    with pytest.raises(NoSuchSession):
        ledger.run(CountLaunch("nobody"))
    with pytest.raises(NoSuchSession):
        ledger.run(ReadSession("nobody"))


SOON = LeaveAt(90_000, "POST /leave, with the key")


def test_a_session_that_ends_in_a_moment_says_so_to_its_next_bot_until_somebody_comes(ledger):
    ledger.run(Create(a_session()))
    ledger.run(SetLeave("a-session", 7, SOON))
    next_one = ledger.run(Succeed("a-session", 9, Happened.HANDED_OVER)).session
    ledger.run(SetLeave("a-session", 7, None))  # the bot before it knows nothing better

    assert next_one.leave == ledger.run(ReadSession("a-session")).leave == SOON
    ledger.run(SetLeave("a-session", 9, None))
    assert ledger.run(ReadSession("a-session")).leave is None


def test_a_bot_that_has_become_another_assistant_says_so_to_its_next_one(ledger):
    ledger.run(Create(a_session(assistant="pearl", voice="deep")))
    ruby = a_session(assistant="ruby", voice="bright").brief
    ledger.run(SetBrief("a-session", 7, ruby))
    next_one = ledger.run(Succeed("a-session", 9, Happened.HANDED_OVER)).session
    ledger.run(SetBrief("a-session", 7, a_session(assistant="opal").brief))  # of the bot before it

    assert next_one.brief == ledger.run(ReadSession("a-session")).brief == ruby
    ledger.run(SetBrief("nobody", 7, ruby))
    with pytest.raises(NoSuchSession):
        ledger.run(ReadSession("nobody"))


def test_a_record_that_is_written_again_says_when_the_session_ends(ledger):
    ledger.run(SetLeave("a-session", 7, SOON))  # of a session that nobody knows
    ledger.run(Create(a_session(leave=SOON)))

    assert ledger.run(ReadSession("a-session")).leave == SOON
