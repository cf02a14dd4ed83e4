"""Who is in a session's room, and what follows from it.

Plain rules: whoever runs a bot says what happens in its room (`Attendance.on`), and carries out the consequences in
their order.  Here it is decided how long a bot waits in an empty room: the session's persistence, which is
`SESSION_PERSISTENCE` (five minutes) where the join did not ask for another.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from greenroom.app.rooms.sessions import (
    NO_APPEARANCE,
    Appearance,
    Happened,
    LeaveAt,
    Pause,
    Reason,
    Session,
    State,
)

# A session that nobody ever came to ends, so that its slot is free again
NO_SHOW_AFTER = timedelta(minutes=2)
# A person whose bot was replaced needs this long to reconnect, however short their session's persistence is
COMES_BACK_WITHIN = timedelta(seconds=30)


# What happens in a room.  `people` are those who are there after it.


@dataclass(frozen=True)
class Started:
    """The bot's pipeline runs, and the room is its own."""

    people: frozenset[str]
    after: timedelta  # since this bot's process adopted the session


@dataclass(frozen=True)
class TookOver:
    """The room is the bot's now; another bot of its session had it until this moment.  `Started` comes after it."""

    session: Session  # as the other bot left it
    known: frozenset[str]  # whose words are in the conversation


@dataclass(frozen=True)
class Arrived:
    """A person has come into the room, or come back."""

    user_id: str
    people: frozenset[str]
    appearance: Appearance = NO_APPEARANCE


@dataclass(frozen=True)
class Departed:
    """A person has left the room."""

    user_id: str
    people: frozenset[str]


@dataclass(frozen=True)
class Paused:
    """The bot shall be silent until it is resumed; for a call of its user's, only while nobody else is with it."""

    people: frozenset[str]
    pause: Pause


@dataclass(frozen=True)
class Resumed:
    """The bot shall speak again."""

    people: frozenset[str]


@dataclass(frozen=True)
class SlotWanted:
    """The bot's slot is wanted, if nobody is there."""

    people: frozenset[str]


@dataclass(frozen=True)
class NoOtherSlot:
    """The bot's worker stops, and no other worker has a slot for the session."""


@dataclass(frozen=True)
class LeaveAsked:
    """Whoever is there leaves now, by their own word; the bot shall wait so long for somebody to come back."""

    teardown_delay: timedelta
    detail: str  # who asked
    after: timedelta = timedelta(0)  # since this bot's process adopted the session


@dataclass(frozen=True)
class Expected:
    """Somebody has asked for the room's bot, and is on their way to it."""

    people: frozenset[str]


@dataclass(frozen=True)
class Moving:
    """The bot makes ready to go to another room.  Until it has moved, or stays, the session is in neither for long."""


@dataclass(frozen=True)
class Stays:
    """The bot does not move after all."""

    people: frozenset[str]


@dataclass(frozen=True)
class Moved:
    """The session is in another room."""

    session: Session
    people: frozenset[str]
    after: timedelta  # since this bot's process adopted the session


Happening = (
    Started
    | TookOver
    | Arrived
    | Departed
    | Paused
    | Resumed
    | SlotWanted
    | NoOtherSlot
    | LeaveAsked
    | Expected
    | Moving
    | Stays
    | Moved
)


# What follows from it.


@dataclass(frozen=True)
class SetClock:
    """End the session for this reason after this time, unless the clock is stopped or set anew before."""

    after: timedelta
    reason: Reason
    detail: str | None = None


@dataclass(frozen=True)
class KeepLeave:
    """Write down when the session ends as somebody asked, or that it does not, for a bot that comes after this one."""

    leave: LeaveAt | None


@dataclass(frozen=True)
class StopClock:
    """Somebody is there: the session does not end for want of people."""


@dataclass(frozen=True)
class Enter:
    """The session is in this state now."""

    state: State


@dataclass(frozen=True)
class BeginConversation:
    """Another person is here: they must not hear what was said before, nor may it be written down as theirs."""

    person: str


@dataclass(frozen=True)
class ShowOpenThings:
    """Tell the clients what is open in the room, for one that has just come."""


@dataclass(frozen=True)
class CleanUp:
    """Nobody is left for whom the bot says, thinks or looks up anything."""


@dataclass(frozen=True)
class ReadAnew:
    """Somebody is back: what the bot knows of them, and what it is, may have changed meanwhile."""


@dataclass(frozen=True)
class CancelAnswer:
    """What the bot is saying is not to be said."""


@dataclass(frozen=True)
class FallSilent:
    """Neither speak nor hear nor think from now on; the bot stays connected."""


@dataclass(frozen=True)
class SpeakAgain:
    """Hear, think and speak as before."""


@dataclass(frozen=True)
class WriteEvent:
    """Put into the session's history that a person came or went; who came is the session's person from now on."""

    event: Happened
    person: str
    appearance: Appearance = NO_APPEARANCE


@dataclass(frozen=True)
class End:
    """End the session."""

    reason: Reason
    detail: str | None = None


@dataclass(frozen=True)
class Park:
    """Let the session wait without a bot; it gets its next one when there is a slot."""


Consequence = (
    SetClock
    | KeepLeave
    | StopClock
    | Enter
    | BeginConversation
    | ShowOpenThings
    | CleanUp
    | ReadAnew
    | CancelAnswer
    | FallSilent
    | SpeakAgain
    | WriteEvent
    | End
    | Park
)


MOVES = Enter(State.TRANSITIONING)


class Attendance:
    """Who is with one bot, and who was with its session before."""

    def __init__(
        self, session: Session, *, known: Iterable[str | None] = (), age: timedelta, is_next: bool = False
    ) -> None:
        """`age` is the session's when this bot adopted it; `known` are those whose words are in the conversation.

        A bot that `is_next` takes the room over from another one.
        """
        self._session = session
        self._age = age
        self._is_next = is_next
        # Here since the conversation began: what is kept of it is theirs
        known = tuple(known)
        self._met = {person for person in (session.person, *known) if person is not None}
        if known and session.person is None:  # a conversation that was taken up is its user's alone
            self._met.add(session.brief.user_id)
        self._last_person = session.person
        self._is_on = False  # it has the room, and can talk
        self._is_waiting = False  # the last person has left
        self._pause = session.pause
        self._is_paused = session.pause is not None  # it is silent
        self._is_clock_set = False
        self._leave: LeaveAsked | None = None  # that is to happen, unless somebody comes
        self._is_moving = False
        self._has_moved_alone = False  # and nobody whom it knew has followed it yet

    def is_told_of(self, person: str) -> None:
        """The bot knows this person from before: whoever else comes is another one, although nobody has come yet."""
        self._met.add(person)

    @property
    def anybody_came(self) -> bool:
        """Whether a person has been with the session, with this bot or one before it."""
        return self._last_person is not None

    def on(self, happening: Happening) -> list[Consequence]:
        """What follows, in the order in which it must be done."""
        consequences = self._what_follows(happening)
        if not self._is_moving:
            return consequences
        # Neither does a session end for want of people while it moves, nor does its state tell of them
        self._is_clock_set = False
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
        kept = self._session.leave  # that the bot before this one was asked for
        if self._leave is None and kept is not None:
            left_ms = kept.at_ms - self._session.created_ms
            left = timedelta(milliseconds=left_ms) - self._age - started.after
            self._leave = LeaveAsked(max(timedelta(0), left), kept.detail)
        clock = self._expect_person(started.people, started.after)
        if not self._is_next:
            silence = self._settle_pause(started.people)
            self._is_on = True
            return [*clock, *silence, *self._on_stage()]
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
        self._is_clock_set = False
        return [
            StopClock(),
            *self._forget_leave(),
            *([BeginConversation(person)] if is_another else []),
            ShowOpenThings(),
            *([ReadAnew()] if self._is_waiting and not is_another else []),
            *self._settle_pause(arrival.people),
            *self._comes_back(),
            WriteEvent(Happened.PERSON_ARRIVED, person, arrival.appearance),
        ]

    def _departed(self, departure: Departed) -> list[Consequence]:
        has_left = WriteEvent(Happened.PERSON_LEFT, departure.user_id)
        was_told = self._leave is not None  # that they go: the clock runs
        if departure.people or not self._is_on or was_told:
            return [*self._settle_pause(departure.people), has_left]
        # The clock first: whoever comes while the rest is done stops it
        clock = self._set_clock(self._session.brief.persistence, Reason.IDLE)
        return [clock, *self._is_empty(), has_left]

    def _is_empty(self) -> list[Consequence]:
        self._is_waiting = True
        return [*self._settle_pause(frozenset()), CleanUp(), Enter(State.WAITING)]

    def _leave_asked(self, asked: LeaveAsked) -> list[Consequence]:
        """As if they had gone: a connection takes seconds to be seen to be closed."""
        self._leave = asked
        clock = self._set_clock(asked.teardown_delay, Reason.LEFT, asked.detail)
        in_all = self._age + asked.after + asked.teardown_delay
        at_ms = self._session.created_ms + int(in_all.total_seconds() * 1000)
        kept = KeepLeave(LeaveAt(at_ms, asked.detail))
        if self._is_waiting or not self._is_on:
            return [clock, kept]
        return [clock, kept, *self._is_empty()]

    def _forget_leave(self) -> list[Consequence]:
        """Somebody has come, or comes."""
        was_kept, self._leave = self._leave is not None or self._session.leave is not None, None
        self._session = replace(self._session, leave=None)
        return [KeepLeave(None)] if was_kept else []

    def _expected(self, expected: Expected) -> list[Consequence]:
        """Whoever joins a moment before the bot's time is over finds it when they get there."""
        forgotten = self._forget_leave()
        if not self._is_clock_set:
            return forgotten
        if expected.people:  # they have come back before they were seen to go
            self._is_clock_set = False
            back = [ReadAnew()] if self._is_waiting else []
            return [
                StopClock(),
                *forgotten,
                *back,
                *self._settle_pause(expected.people),
                *self._comes_back(),
            ]
        if not self.anybody_came:
            return [self._set_clock(NO_SHOW_AFTER, Reason.NO_SHOW), *forgotten]
        persistence = max(self._session.brief.persistence, COMES_BACK_WITHIN)
        return [self._set_clock(persistence, Reason.IDLE), *forgotten]

    def _stays(self, stays: Stays) -> list[Consequence]:
        self._is_moving = False
        self._is_waiting = not stays.people and self.anybody_came
        clock = self._expect_person(stays.people, timedelta(0))
        return [*clock, *([Enter(State.WAITING)] if self._is_waiting else self._on_stage())]

    def _moved(self, moved: Moved) -> list[Consequence]:
        self._is_moving = self._is_waiting = False
        self._session, self._has_moved_alone = moved.session, True
        return [*self._expect_person(moved.people, moved.after), *self._on_stage()]

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
        if wanted.people or not self._is_clock_set:
            return []
        reason = Reason.IDLE if self.anybody_came else Reason.NO_SHOW
        return [End(reason, "nobody was there, and its slot was wanted")]

    def _no_other_slot(self) -> list[Consequence]:
        if self._is_on and not self.anybody_came:  # nobody would miss it, and others wait for slots
            return [End(Reason.NO_SHOW, "nobody had come when its worker stopped")]
        return [Park()]

    def _on_stage(self) -> list[Consequence]:
        return [Enter(State.LIVE), *([Enter(State.PAUSED)] if self._is_paused else [])]

    def _expect_person(self, people: frozenset[str], after: timedelta) -> list[Consequence]:
        """Somebody will come, or come back."""
        if self._leave is not None:
            return [self._set_clock(self._leave.teardown_delay, Reason.LEFT, self._leave.detail)]
        if people:
            return []
        alone_for, persistence = self._alone_for(after), self._session.brief.persistence
        if self._last_person is None:
            return [self._set_clock(NO_SHOW_AFTER - alone_for, Reason.NO_SHOW)]
        if self._is_next and alone_for:  # a call that was handed over: they had gone before
            return [self._set_clock(persistence - alone_for, Reason.IDLE)]
        return [self._set_clock(max(persistence - alone_for, COMES_BACK_WITHIN), Reason.IDLE)]

    def _set_clock(self, after: timedelta, reason: Reason, detail: str | None = None) -> SetClock:
        self._is_clock_set = True
        return SetClock(max(timedelta(0), after), reason, detail)

    def _alone_for(self, after: timedelta) -> timedelta:
        """How long nobody has been with the session's bots, this one and those before it."""
        session = self._session
        if not session.alone_ms:
            return timedelta(0)
        before = self._age - timedelta(milliseconds=session.alone_ms - session.created_ms)
        return max(timedelta(0), before + after)
