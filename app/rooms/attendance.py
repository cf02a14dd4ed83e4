"""Who is in a session's room, and what follows from it.

Plain rules: whoever runs a bot says what happens in its room (`Attendance.on`), and carries out the consequences in
their order.  For how long a bot waits in an empty room is in `waiting.py`.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta

from greenroom.app.rooms.consequences import (
    BeginConversation,
    CancelAnswer,
    CleanUp,
    Consequence,
    End,
    Enter,
    FallSilent,
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
    Happening,
    LeaveAsked,
    Moved,
    Moving,
    NoOtherSlot,
    Paused,
    PersistenceChanged,
    Resumed,
    SlotWanted,
    Started,
    Stays,
    TookOver,
)
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Reason, Session, State
from greenroom.app.rooms.waiting import Waiting

MOVES = Enter(State.TRANSITIONING)


class Attendance:
    """Who is with one bot, and who was with its session before."""

    def __init__(
        self,
        session: Session,
        *,
        known: Iterable[str | None] = (),
        age: timedelta,
        is_next: bool = False,
        persistence: Callable[[], timedelta] | None = None,
    ) -> None:
        """`age` is the session's when this bot adopted it; `known` are those whose words are in the conversation.

        A bot that `is_next` takes the room over from another one.  `persistence` is as `Waiting` has it.
        """
        self._session = session
        self._is_next = is_next
        # Here since the conversation began: what is kept of it is theirs
        known = tuple(known)
        self._met = {person for person in (session.person, *known) if person is not None}
        if known and session.person is None:  # a conversation that was taken up is its user's alone
            self._met.add(session.brief.user_id)
        self._last_person = session.person
        self._waiting = Waiting(session, age=age, takes_over=is_next, persistence=persistence)
        self._is_on = False  # it has the room, and can talk
        self._is_waiting = False  # the last person has left
        self._was_left_early = False  # by the last person, before it could talk
        self._pause = session.pause
        self._is_paused = session.pause is not None  # it is silent
        self._is_moving = False
        self._has_moved_alone = False  # and nobody whom it knew has followed it yet

    def is_told_of(self, person: str) -> None:
        """The bot knows this person from before: whoever else comes is another one, although nobody has come yet."""
        self._met.add(person)

    @property
    def anybody_came(self) -> bool:
        """Whether a person has been with the session, with this bot or one before it."""
        return self._last_person is not None

    @property
    def may_be_talked_with(self) -> bool:
        """Whether people are with the bot, and it is neither paused nor on its way to another room."""
        is_elsewhere = self._is_waiting or self._is_moving or self._waiting.is_on
        return self._is_on and not is_elsewhere and not self._is_paused

    def on(self, happening: Happening) -> list[Consequence]:
        """What follows, in the order in which it must be done."""
        consequences = self._what_follows(happening)
        if not self._is_moving:
            return consequences
        # Neither does a session end for want of people while it moves, nor does its state tell of them
        self._waiting.suspend()
        is_moving = (SetClock, Enter)
        return [each for each in consequences if not isinstance(each, is_moving) or each == MOVES]

    def _what_follows(self, happening: Happening) -> list[Consequence]:
        match happening:
            case Started():
                return self._started(happening)
            case TookOver():
                return self._took_over(happening)
            case Arrived():
                return self._arrived(happening)
            case Departed():
                return self._departed(happening)
            case Paused(people, pause):
                self._pause = pause
                return self._settle_pause(people)
            case Resumed(people):
                self._pause = None
                return self._settle_pause(people)
            case SlotWanted():
                return self._slot_wanted(happening)
            case NoOtherSlot():
                return self._no_other_slot()
            case LeaveAsked():
                return self._leave_asked(happening)
            case PersistenceChanged():
                return [*self._waiting.begins_anew()] if self.anybody_came else []
            case Expected():
                return self._expected(happening)
            case Moving():
                self._is_moving = True
                return [StopClock(), MOVES]
            case Stays():
                return self._stays(happening)
            case Moved():
                return self._moved(happening)

    def _started(self, started: Started) -> list[Consequence]:
        self._waiting.take_up_leave(started.after)
        clock = self._waiting.for_somebody(started.people, started.after, last_person=self._last_person)
        if not self._is_next:
            silence = self._settle_pause(started.people)
            self._is_on = True
            is_left = not started.people and (self._was_left_early or self._session.was_empty)
            return [*clock, *silence, *self._on_stage(), *(self._is_empty() if is_left else [])]
        # It stays what it was, but for who came while the bot learned that
        self._is_on = True
        silence = self._settle_pause(started.people)
        if (
            not silence and self._is_paused and self._session.state is State.LIVE
        ):  # the other bot had not heard of it
            silence = [Enter(State.PAUSED)]
        return [*clock, *silence, *(self._comes_back() if started.people else [])]

    def _took_over(self, taken: TookOver) -> list[Consequence]:
        if taken.session.conversation_id != self._session.conversation_id:  # of another person
            self._met.clear()
        self._session, self._last_person = taken.session, taken.session.person
        self._waiting.goes_on_in(taken.session)
        self._met |= taken.known
        if taken.session.person is not None:
            self._met.add(taken.session.person)
        self._is_waiting = taken.session.state is State.WAITING
        self._pause = taken.session.pause
        was_silent, self._is_paused = self._is_paused, self._pause is not None
        return [] if was_silent is self._is_paused else [self._silence()]

    def _arrived(self, arrival: Arrived) -> list[Consequence]:
        person = arrival.user_id
        is_known = person in self._met
        # Where a bot has moved to, others may be before those who follow it: they are not the ones it now belongs to
        is_another = (
            bool(self._met) and not is_known and not self._has_moved_alone and arrival.people <= {person}
        )
        self._has_moved_alone = self._has_moved_alone and not is_known
        if is_another:
            self._met.clear()
        self._met.add(person)
        self._last_person = person
        self._was_left_early = False
        return [
            StopClock(),
            *self._waiting.end(),
            *([BeginConversation(person)] if is_another else []),
            ShowOpenThings(),
            *([ReadAnew()] if self._is_waiting and not is_another else []),
            *self._settle_pause(arrival.people),
            *self._comes_back(),
            WriteEvent(Happened.PERSON_ARRIVED, person, arrival.appearance),
        ]

    def _departed(self, departure: Departed) -> list[Consequence]:
        has_left = WriteEvent(Happened.PERSON_LEFT, departure.user_id)
        was_told = self._waiting.is_as_asked  # that they go: the clock runs
        self._was_left_early = not departure.people and not self._is_on
        if departure.people or not self._is_on or was_told:
            return [*self._settle_pause(departure.people), has_left]
        # The clock first: whoever comes while the rest is done stops it
        return [self._waiting.begins(), *self._is_empty(), has_left]

    def _is_empty(self) -> list[Consequence]:
        self._is_waiting = True
        return [*self._settle_pause(frozenset()), CleanUp(), Enter(State.WAITING)]

    def _leave_asked(self, asked: LeaveAsked) -> list[Consequence]:
        """As if they had gone: a connection takes seconds to be seen to be closed."""
        clock = self._waiting.begins_as_asked(asked)
        if self._is_waiting or not self._is_on:
            return [*clock]
        return [*clock, *self._is_empty()]

    def _expected(self, expected: Expected) -> list[Consequence]:
        """Whoever joins a moment before the bot's time is over finds it when they get there."""
        if self._waiting.is_on and expected.people:  # they have come back before they were seen to go
            back = [ReadAnew()] if self._is_waiting else []
            return [
                StopClock(),
                *self._waiting.end(),
                *back,
                *self._settle_pause(expected.people),
                *self._comes_back(),
            ]
        return [*self._waiting.goes_on_for_somebody(self.anybody_came)]

    def _stays(self, stays: Stays) -> list[Consequence]:
        self._is_moving = False
        self._is_waiting = not stays.people and self.anybody_came
        clock = self._waiting.for_somebody(stays.people, timedelta(0), last_person=self._last_person)
        return [*clock, *([Enter(State.WAITING)] if self._is_waiting else self._on_stage())]

    def _moved(self, moved: Moved) -> list[Consequence]:
        self._is_moving = self._is_waiting = False
        self._session, self._has_moved_alone = moved.session, True
        self._waiting.goes_on_in(moved.session)
        clock = self._waiting.for_somebody(moved.people, moved.after, last_person=self._last_person)
        return [*clock, *self._on_stage()]

    def _comes_back(self) -> list[Consequence]:
        if not self._is_waiting:
            return []
        self._is_waiting = False
        return self._on_stage()

    def _settle_pause(self, people: frozenset[str]) -> list[Consequence]:
        """Be silent, or speak again, as the pause says and who is there.

        In an empty room the state does not tell it: a paused bot is paused still when its person comes back.
        """
        others = people - {self._session.brief.user_id}
        is_paused = self._pause is not None and (self._pause.call is None or not others)
        if self._is_paused is is_paused:
            return []
        self._is_paused = is_paused
        is_seen = self._is_on and not self._is_waiting
        return [
            self._silence(),
            *([CancelAnswer()] if is_paused else []),
            *([Enter(State.PAUSED if is_paused else State.LIVE)] if is_seen else []),
        ]

    def _silence(self) -> Consequence:
        return FallSilent() if self._is_paused else SpeakAgain()

    def _slot_wanted(self, wanted: SlotWanted) -> list[Consequence]:
        if wanted.people or not self._waiting.is_on:
            return []
        reason = Reason.IDLE if self.anybody_came else Reason.NO_SHOW
        return [End(reason, "nobody was there, and its slot was wanted")]

    def _no_other_slot(self) -> list[Consequence]:
        if self._is_on and not self.anybody_came:  # nobody would miss it, and others wait for slots
            return [End(Reason.NO_SHOW, "nobody had come when its worker stopped")]
        return [Park()]

    def _on_stage(self) -> list[Consequence]:
        return [Enter(State.LIVE), *([Enter(State.PAUSED)] if self._is_paused else [])]
