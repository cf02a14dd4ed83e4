"""A session's history as a story: who came, where the bot went, what happened to it, and how it ended.

A change that only begins something, as `joining` or `transitioning`, is left out once it is told what came of it.
Rooms go by their names, and people by theirs, where a room has told one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from greenroom.app.errors.rooms import BadRoom
from greenroom.app.operate.story.endings import ENDINGS
from greenroom.app.operate.story.history import WORDS, extra_of
from greenroom.app.rooms.cleaning import worth_telling
from greenroom.app.rooms.moves import rooms_told
from greenroom.app.rooms.room import FORUM, Room
from greenroom.app.rooms.session_events import Event, Happened
from greenroom.app.rooms.sessions import Reason, Session, State

# What comes of a change that only begins something
OUTCOMES: Mapping[str, frozenset[str]] = {
    State.JOINING: frozenset({State.LIVE, State.WAITING, State.PAUSED}),
    State.TRANSITIONING: frozenset({Happened.MOVED, Happened.MOVE_FAILED}),
    State.LEAVING: frozenset({State.ENDED}),
    Happened.PAUSE_ASKED: frozenset({State.PAUSED}),
    Happened.RESUME_ASKED: frozenset({State.LIVE, State.WAITING}),
}
OF_A_CALL = frozenset({State.PAUSED, Happened.PAUSE_ASKED, Happened.RESUME_ASKED})
BESIDE = frozenset({Happened.PERSON_ARRIVED, Happened.PERSON_LEFT, Happened.CLEANED})  # and change no state
# As a pass makes them up; the page shows the same four
GUEST = re.compile(r"(?<![\w-])talk-[0-9a-f]{12}([0-9a-f]{4})(?![\w-])")


class Names:
    """What rooms and people are called in a story."""

    def __init__(self, session: Session, events: Sequence[Event]) -> None:
        self.rooms = _rooms_of(session, events)  # in the order in which they are told of
        self._people = {event.person: event.appearance.name for event in events if event.appearance.name}
        self._introduced: set[str] = set()

    def room(self, room: Room) -> str:
        """Its name alone, unless two servers have a room of that name."""
        is_clear = all(other == room or other.name != room.name for other in self.rooms)
        name = "the forum" if room.name == FORUM else room.name
        return name if is_clear else f"{name} ({room.provider})"

    def text(self, text: str) -> str:
        """A text with the names of its rooms in place of their URLs, and guests as they are called."""
        for room in self.rooms:
            text = re.sub(rf"{re.escape(str(room))}(?![\w-])", self.room(room), text)
        return GUEST.sub(r"guest \1", text)

    def person(self, identity: str | None) -> str:
        """Their name, the first time with their id; without one, their id."""
        if identity is None:
            return "a person"
        called = GUEST.sub(r"guest \1", identity)
        name = self._people.get(identity) or called
        is_new = name != called and identity not in self._introduced
        self._introduced.add(identity)
        return f"{name} ({called})" if is_new else name


class Tale:
    """Tells one session's history, event by event."""

    def __init__(self, session: Session, events: Sequence[Event]) -> None:
        self.names = Names(session, events)
        self._user = session.brief.user_id
        self._events = _in_order(events)
        self._room = self.names.rooms[0]
        self._been_in: set[Room] = set()
        self._there: set[str] = set()
        self._known: set[str] = set()  # who was there before
        self._follows: set[str] = set()  # who was there as the bot moved
        self._before: str | None = None  # the state before
        self._was_on_stage = False
        self._was_started = False
        self._asked = ""  # why a pause is to begin, or to be over

    def sentences(self) -> Iterator[tuple[Event, str]]:
        """Each event of which something is to be told, with that."""
        for number, event in enumerate(self._events):
            if not _is_outdone(event, self._events[number + 1 :]) and (told := self._told(event)):
                yield event, f"{told[0].upper()}{told[1:]}."
            if event.event in {*State}:
                self._before = event.event
                self._was_started = self._was_started or event.event == State.JOINING
            elif event.event in (Happened.PAUSE_ASKED, Happened.RESUME_ASKED):
                self._asked = self.names.text(event.detail or "")

    def _told(self, event: Event) -> str | None:
        extra = self.names.text(event.detail or "")
        match event.event:
            case State.PENDING:
                return self._asked_for()
            case State.JOINING:
                return f"a worker started {'another' if self._was_started else 'the'} bot"
            case State.LIVE:
                return self._on_stage()
            case State.WAITING:
                self._there.clear()
                return f"the bot was alone in {self._here}, and waited"
            case State.PAUSED:
                return _because("the bot was paused", extra or self._asked)
            case State.LOST:
                return _because("the bot was lost", extra or event.reason or "")
            case State.ENDED:
                return self._ended(event, extra)
            case Happened.MOVED:
                return self._moved(event)
            case Happened.MOVE_FAILED:
                return _because(f"the bot could not go to another room and stayed in {self._here}", extra)
            case Happened.PERSON_ARRIVED:
                return self._came(event)
            case Happened.PERSON_LEFT:
                self._there.discard(event.person or "")
                return f"{self.names.person(event.person)} left"
            case Happened.CLEANED:
                return _cleaned(extra)
            case Happened.CONVERSATION_BEGUN:
                return f"a conversation of {self.names.person(event.person)}'s own began"
            case Happened.SWITCHED:
                return f"it became the assistant {extra}, and a conversation with that began"
            case Happened.QUEUED:
                return _because("no slot was free, and it waited for one", extra)
            case Happened.PARKED:
                return "the bot's worker stopped, and no other had a slot: it waited for one in front of the others"
            case Happened.HANDED_OVER:
                return "the bot's worker stopped, and another worker's bot went on"
            case Happened.EXTENDED:
                return f"it was extended, to {extra}"
            case Happened.ADMIN_ACTED:
                return f"the bot was made to do something: {extra}"
            case Happened.ENDS_SOON:
                return f"the people were told that it ends in {extra}"
            case Happened.SERVICE_FAILED:
                return _because("a speech service of the bot failed", extra)
            case Happened.QUIET:
                return f"nobody had said anything for {extra}: the bot asked whether they were there"
            case Happened.MESSAGE_EXPIRED:
                return _because(
                    "the bot read too late what it was asked for, and did not do it", _asked(extra)
                )
            case Happened.SENT_TO_PEOPLE:
                return _because("nobody had asked for it", extra)
        more = self.names.text(extra_of(event))
        return _because(WORDS.get(event.event, event.event.replace("_", " ")), more)

    @property
    def _here(self) -> str:
        return self.names.room(self._room)

    def _asked_for(self) -> str | None:
        if self._before is None:
            return f"the bot of {self.names.person(self._user)} was on its way to {self._here}"
        return None  # what it follows says why there is to be another one

    def _on_stage(self) -> str | None:
        if self._before == State.PAUSED:
            return _because("the bot listened again", self._asked.replace("for the call", "after the call"))
        if self._before == State.JOINING:
            goes_on, self._was_on_stage = self._was_on_stage, True
            return f"{'another bot went on' if goes_on else 'the bot was on stage'} in {self._here}"
        return None  # it has moved, or somebody has come

    def _moved(self, event: Event) -> str:
        rooms = _ends_of(event)
        if not rooms:
            return "the bot moved to another room"
        self._been_in.add(rooms[0])
        self._room, self._follows, self._there = rooms[1], self._there, set()
        goes = "went back to" if self._room in self._been_in else "moved to"
        return f"the bot {goes} {self._here}"

    def _came(self, event: Event) -> str:
        person = event.person or ""
        verb = "came back" if person in self._known else "came"
        if person in self._follows:
            verb = "followed"
        elif person in self._there:  # only another bot meets somebody who has not left
            verb = "was still there"
        self._there.add(person)
        self._known.add(person)
        self._follows.discard(person)
        return f"{self.names.person(event.person)} {verb}"

    def _ended(self, event: Event, extra: str) -> str:
        why = ENDINGS[Reason(event.reason)][1] if event.reason else extra
        return _because(_because("it ended", why), f"({extra})" if event.reason and extra else "")


def _cleaned(detail: str) -> str | None:
    """What a soft reset ended or read anew; nothing where it was only a matter of course."""
    told = worth_telling(detail)
    if not detail or told.startswith("cancelled "):
        return _because("what the bot had under way was ended", told)
    return told or None


def _asked(kind: str) -> str:
    """What a bot was asked for, by the name of the request."""
    return "a browser that offered to connect" if kind == "offer" else kind.replace("_", " ")


def _because(told: str, why: str) -> str:
    """A sentence and its reason, each as it is written in a history."""
    if not why:
        return told
    return f"{told} {why}" if why.startswith(("for ", "after ", "(")) else f"{told}: {why}"


def _in_order(events: Sequence[Event]) -> list[Event]:
    """That somebody left before what came of it, which is written first."""
    ordered: list[Event] = []
    for event in events:
        at = len(ordered)
        if event.event == Happened.PERSON_LEFT:
            while at and ordered[at - 1].event in (State.WAITING, Happened.CLEANED):
                at -= 1
        ordered.insert(at, event)
    return ordered


def _is_outdone(event: Event, later: Iterable[Event]) -> bool:
    """Whether an event only begins what a later one tells the outcome of."""
    outcomes = OUTCOMES.get(event.event)
    if outcomes is None:
        return False
    return next((each.event for each in later if each.event not in BESIDE), None) in outcomes


def _rooms_of(session: Session, events: Sequence[Event]) -> tuple[Room, ...]:
    """The rooms of which a story tells, the one in which it begins first."""
    moves = [_ends_of(event) for event in events if event.event == Happened.MOVED]
    calls = [_last_word(event) for event in events if event.event in OF_A_CALL]
    return tuple(
        dict.fromkeys([*(room for move in moves for room in move), session.room, *filter(None, calls)])
    )


def _ends_of(event: Event) -> Sequence[Room]:
    """From which room to which a bot moved."""
    try:
        return rooms_told(event.detail or "") or ()
    except BadRoom:
        return ()


def _last_word(event: Event) -> Room | None:
    """The room of the call for which a bot was paused, as in `for the call in local:club`."""
    try:
        return Room.parse((event.detail or "").rpartition(" ")[2])
    except BadRoom:
        return None
