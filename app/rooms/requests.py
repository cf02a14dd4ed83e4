"""What a session's bot can be asked: each request with its fields, its answer, who sends it, its time limit, and what
the bot does then.

`messages.ask` puts a request into the session's inbox and waits for the answer.  A bot reads its
inbox once its pipeline runs, or a second after it has taken the session up if that is earlier, and handles requests in
order; a request that is older than its time limit when it is read is answered with `expired`
and not handled.  So is a request that was for the session's bot before; `ask` sends it again to this one.

To let a bot be asked something new, add a class here, and to REQUESTS.  Where it does what no request has needed yet,
`AskedBot` gets a method, and `bots/stay/requests.py` says how that is done to a pipecat bot.  The API sends it where it
is `for_callers`; one that needs more than its own fields has a view of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from greenroom.app.errors import (
    CandidatesRefused,
    GreenroomError,
    NotMovable,
    OfferRefused,
    OthersThere,
    RoomFull,
)
from greenroom.app.rooms.bodies import Body, of_body, to_body
from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.precedence import MERGED
from greenroom.app.rooms.providers import Source, Track
from greenroom.app.rooms.sessions import ON_STAGE, Reason, Session

# What a bot may answer to any request instead of its answer: {"error": one of these, or a kind of `refusals`}
EXPIRED = "expired"  # it came too late, or was for the session's bot before
UNKNOWN = "unknown"  # this bot's version knows no such request
MALFORMED = "malformed"  # this bot's version knows such a request with other fields
FAILED = "failed"  # a defect: the worker's log has the traceback


class BadRequest(Exception):
    """A message that cannot be read as a request; its only argument is what the bot answers: UNKNOWN or MALFORMED."""


@dataclass(frozen=True)
class BotAnswer:
    """What a bot answers to a request."""


@dataclass(frozen=True)
class Done(BotAnswer):
    """It has done what it was asked."""


@dataclass(frozen=True)
class OfferAnswer(BotAnswer):
    """The bot's half of a connection: an SDP answer, and the id of the connection."""

    answer: Mapping[str, str]


@dataclass(frozen=True)
class GivesWay(BotAnswer):
    """Whether it leaves: it stays where somebody has come meanwhile."""

    gives_way: bool


@dataclass(frozen=True)
class Cleaned(BotAnswer):
    """What a bot had under way, and has not any more."""

    answer: bool = False  # it said something, or thought of what to say
    tools: int = 0  # calls that had no result yet
    tasks: int = 0  # reads that went on beside the conversation
    is_awaited: bool = True  # all of it has ended; else it had not a second later
    is_written: bool = True  # everything that was said is in the ledger
    read_anew: Sequence[str] = ()  # from its source: memory, assistant


@dataclass(frozen=True)
class PeopleSeen(BotAnswer):
    """Who is with the bot: for each `identity`, `seconds`, and `tracks` by source, whether they are muted."""

    people: Sequence[Mapping[str, object]]

    @classmethod
    def of(cls, seen: Sequence[Seen]) -> "PeopleSeen":
        return cls([_told_of(each) for each in seen])

    def read(self) -> list[Seen]:
        return [_seen(each) for each in self.people]


def _told_of(seen: Seen) -> Mapping[str, object]:
    tracks = [{"source": track.source.value, "muted": track.muted} for track in seen.tracks]
    return {"identity": seen.identity, "seconds": seen.here_for.total_seconds(), "tracks": tracks}


def _seen(told: Mapping[str, Any]) -> Seen:
    tracks = tuple(Track(Source(each["source"]), each["muted"]) for each in told["tracks"])
    return Seen(told["identity"], timedelta(seconds=told["seconds"]), tracks)


class AskedBot(Protocol):
    """What a request may use of the bot that is asked, whose pipeline may not run yet."""

    def look(self) -> Sequence[Seen]:
        """The people beside it, where their room's server does not tell what they send."""
        ...

    @property
    def people(self) -> frozenset[str]:
        """Who is in the room."""
        ...

    def tell(self, event: str, **facts: str) -> None:
        """Send the people's clients a message."""
        ...

    async def connect(self, user_id: str, offer: Mapping[str, object]) -> Mapping[str, str]:
        """Connect a person's browser; returns the bot's half of it.  Raises OfferRefused, RoomFull."""
        ...

    async def add_candidates(self, pc_id: str, candidates: Sequence[Mapping[str, object]]) -> None:
        """Raises CandidatesRefused, OfferRefused."""
        ...

    async def change(self, changes: Mapping[str, object]) -> None:
        """Change how it speaks, thinks and is seen, from its next answer on."""
        ...

    async def heed_record(self) -> None:
        """Do what the session's record says of its pause, and of its time."""
        ...

    def give_way(self) -> bool:
        """Leave, if nobody is in the room; returns whether it does."""
        ...

    def leave(self, reason: Reason, detail: str) -> None:
        """Say goodbye, and end the session."""
        ...

    async def leave_later(self, teardown_delay: timedelta, detail: str) -> None:
        """Wait so long for somebody to come back, as in an empty room, and end the session if nobody does."""
        ...

    async def expect(self) -> None:
        """Wait for somebody who is on their way, as long as for one who has just left."""
        ...

    async def clean_up(self, wish: str | None) -> Cleaned:
        """Cancel what is under way, and read anew what it knows; the same wish is done once."""
        ...

    async def move(self, epoch: int) -> None:
        """Begin the move that the session's record has, to the claim of that epoch; asked twice it begins once.

        Raises NotMovable, OthersThere.
        """
        ...


A = TypeVar("A", bound=BotAnswer)


class Request(Generic[A]):
    """The base of all.  A field that is None is left out of the message."""

    name: ClassVar[
        str
    ]  # in the message; it stays when the class is renamed, since bots of two versions read it
    answer: ClassVar[type[BotAnswer]]
    refusals: ClassVar[tuple[type[GreenroomError], ...]] = ()  # what else the bot may answer
    within: ClassVar[timedelta]  # then nobody waits for the answer any more, and the bot does not handle it
    within_of_start: ClassVar[timedelta | None] = (
        None  # the same of a bot that is still starting, where it differs
    )
    # Whether the holder of the API key sends it as it is, by `POST /sessions/{id}/requests/{name}`
    for_callers: ClassVar[bool] = False

    @classmethod
    def limit_for(cls, session: Session) -> timedelta:
        if cls.within_of_start is None or session.state in ON_STAGE:
            return cls.within
        return cls.within_of_start

    async def carry_out(self, bot: AskedBot) -> A | None:
        """What the bot does; returns its answer, or None where that is given once the bot has left.

        Raises one of the `refusals`; whatever else is raised is logged, and answered as `failed`.
        """
        raise NotImplementedError

    def body(self) -> Body:
        return to_body(self)

    @classmethod
    def of_body(cls, body: Body) -> "Request[A]":
        """Raises ValueError where the body has other fields than this class."""
        if unknown := body.keys() - {each.name for each in fields(cls)}:  # type: ignore[arg-type]
            raise ValueError(f"no such field: {sorted(unknown)}")
        return of_body(cls, body)


@dataclass(frozen=True)
class Offer(Request[OfferAnswer]):
    """Connect a browser to a bot in a room of this installation.

    The API sends it for `POST /sessions/{id}/api/offer`.  The bot answers with its own half of the connection; the one
    that the same person had before is closed.
    """

    name = "offer"
    answer = OfferAnswer
    refusals = (OfferRefused, RoomFull)
    within = timedelta(seconds=10)
    # As long as /join waits: pipecat's clients offer three times, and give up for good at the first 4xx
    within_of_start = timedelta(seconds=30)

    user_id: str
    offer: Mapping[str, object]  # sdp, type, pc_id, restart_pc

    async def carry_out(self, bot: AskedBot) -> OfferAnswer:
        return OfferAnswer(await bot.connect(self.user_id, self.offer))


@dataclass(frozen=True)
class Candidates(Request[Done]):
    """Tell the bot of more ways to reach a browser that it is connecting with.

    The API sends it for `PATCH /sessions/{id}/api/offer`.
    """

    name = "candidates"
    answer = Done
    refusals = (CandidatesRefused, OfferRefused)
    within = timedelta(seconds=10)

    pc_id: str
    candidates: Sequence[Mapping[str, object]]

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.add_candidates(self.pc_id, self.candidates)
        return Done()


@dataclass(frozen=True)
class Configure(Request[Done]):
    """Change how a bot speaks and thinks, from its next answer on.

    The API sends it for `POST /config`, once the change is in the room's record: a bot that takes the session over
    finds it there.
    """

    name = "config"
    answer = Done
    within = timedelta(seconds=5)
    CHANGEABLE: ClassVar = frozenset(
        {"personality", "persona", "instructions", "voice", "voice_parameters", "language", "mode", "prompt"}
    )

    changes: Mapping[str, object]  # None: back to what the session was joined with, else to its personality's

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.change(self.changes)
        return Done()

    def body(self) -> Body:
        return dict(self.changes)

    @classmethod
    def of_body(cls, body: Body) -> "Configure":
        if unknown := body.keys() - cls.CHANGEABLE:
            raise ValueError(f"cannot be changed: {sorted(unknown)}")
        for name, value in body.items():
            if value is not None and not isinstance(value, Mapping if name in MERGED else str):
                raise ValueError(f"{name} is {type(value).__name__}")
        return cls(body)


@dataclass(frozen=True)
class HeedRecord(Request[Done]):
    """Look at what the session's record says now: whether its bot is paused, and how long it may last.

    Whoever changes that sends it, once the change is in the record.  Of two changes at once the record decides, in
    whichever order their messages are read.
    """

    name = "heed_record"
    answer = Done
    within = timedelta(seconds=5)
    within_of_start = timedelta(seconds=30)

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.heed_record()
        return Done()


@dataclass(frozen=True)
class GiveWay(Request[GivesWay]):
    """Leave, if nobody is in the room: the slot is wanted.

    The reaper sends it to the bots that have been alone for longest, as many as people wait, and awaits no answer.
    So may the holder of the API key, who is told whether the bot leaves.
    """

    name = "give_way"
    answer = GivesWay
    within = timedelta(seconds=10)
    for_callers = True

    async def carry_out(self, bot: AskedBot) -> GivesWay:
        return GivesWay(bot.give_way())


@dataclass(frozen=True)
class Leave(Request[Done]):
    """Say goodbye, and end the session; a bot whose user has another one in another room says nothing.

    The API sends it for `POST /leave`.  The bot answers when it has left.  Asked `by` a person of the room it refuses
    while others are there.
    """

    name = "leave"
    answer = Done
    refusals = (OthersThere,)
    within = timedelta(seconds=12)  # a bot says goodbye for at most 8 of them

    reason: Reason
    by: str | None = None

    async def carry_out(self, bot: AskedBot) -> None:
        check_alone(bot.people, self.by)
        moves_out = self.reason is Reason.MOVED_OUT
        bot.leave(self.reason, detail=ANOTHER_CAME if moves_out else ended_by(self.by))


@dataclass(frozen=True)
class LeaveLater(Request[Done]):
    """Let whoever is there go, and wait so long for somebody to come back; then end the session.

    The API sends it for `POST /leave` with a `teardown_delay`.  Whoever comes, and whoever joins, cancels it.  Asked
    `by` a person of the room the bot refuses while others are there.
    """

    name = "leave_later"
    answer = Done
    refusals = (OthersThere,)
    within = timedelta(seconds=5)

    seconds: float
    by: str | None = None

    async def carry_out(self, bot: AskedBot) -> Done:
        check_alone(bot.people, self.by)
        detail = f"{ended_by(self.by)}, and nobody came back in {self.seconds:g} s"
        await bot.leave_later(timedelta(seconds=self.seconds), detail)
        return Done()


@dataclass(frozen=True)
class Expect(Request[Done]):
    """Wait for somebody who is on their way.

    `POST /join` sends it to a bot that waits in an empty room, and awaits no answer: without it the bot could end
    between the join and the person's coming.
    """

    name = "expect"
    answer = Done
    within = timedelta(seconds=10)

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.expect()
        return Done()


@dataclass(frozen=True)
class CleanUp(Request[Cleaned]):
    """Cancel what is under way, and wait until it has ended; the session and its conversation go on.

    The API sends it for `POST /sessions/{id}/cleanup`.  The bot answers when it is done, and the same wish twice with
    what came of the first one.  Asked `by` a person of the room it refuses while others are there.
    """

    name = "cleanup"
    answer = Cleaned
    refusals = (OthersThere,)
    within = timedelta(seconds=8)  # a second to cancel, one more to read anew, two to write

    by: str | None = None
    timestamp: str | None = None  # by which a client knows its wish

    async def carry_out(self, bot: AskedBot) -> Cleaned:
        check_alone(bot.people, self.by)
        return await bot.clean_up(wish_of(self.by, self.timestamp))


def wish_of(person: str | None, timestamp: str | None) -> str | None:
    """What tells a client's wish from another; None where it does not say."""
    return None if timestamp is None else f"{person or ''} {timestamp}"


def check_alone(people: frozenset[str], person: str | None) -> None:
    """Raises OthersThere where a person asks, and is not alone with the bot; the holder of the key may ask always."""
    if person is not None and people - {person}:
        raise OthersThere


@dataclass(frozen=True)
class MoveTo(Request[Done]):
    """Move to another room, which is claimed for the session already.

    The control worker sends it.  The bot reads in the record where to, and answers once it has begun; what came of it
    is in the history.  It refuses where the move would leave others without it who shall not be.
    """

    name = "move"
    answer = Done
    refusals = (NotMovable, OthersThere)
    within = timedelta(seconds=10)
    within_of_start = timedelta(seconds=30)

    epoch: str  # of the claim; a number of so many digits is not kept everywhere

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.move(int(self.epoch))
        return Done()


ANOTHER_CAME = "its user's next bot is in another room"


def ended_by(person: str | None) -> str:
    """Who ended a call by asking for it, for its record: a person of the room, or the holder of the key."""
    return f"{person} hung up" if person is not None else "POST /leave, with the key"


@dataclass(frozen=True)
class Notice(Request[Done]):
    """Show the people's clients some words, as of a change that is coming; nobody says them aloud.

    The holder of the API key sends it.
    """

    name = "notice"
    answer = Done
    within = timedelta(seconds=5)
    for_callers = True
    LONGEST: ClassVar = 500

    text: str

    async def carry_out(self, bot: AskedBot) -> Done:
        bot.tell("notice", text=self.text)
        return Done()

    @classmethod
    def of_body(cls, body: Body) -> "Request[Done]":
        text = body.get("text")
        if not isinstance(text, str) or not 0 < len(text) <= cls.LONGEST or not text.isprintable():
            raise ValueError(f"text is 1 to {cls.LONGEST} printable characters on one line")
        return super().of_body(body)


@dataclass(frozen=True)
class Look(Request[PeopleSeen]):
    """Say who is there, since when, and what they send.

    The API sends it for `GET /rooms/{room}`, where the room's server does not tell that, or there is none.
    """

    name = "look"
    answer = PeopleSeen
    within = timedelta(seconds=2)

    async def carry_out(self, bot: AskedBot) -> PeopleSeen:
        return PeopleSeen.of(bot.look())


REQUESTS: Mapping[str, type[Request[Any]]] = {
    each.name: each
    for each in (
        Offer,
        Candidates,
        Configure,
        HeedRecord,
        GiveWay,
        Leave,
        LeaveLater,
        Expect,
        CleanUp,
        MoveTo,
        Look,
        Notice,
    )
}


def read(name: str, body: Body) -> Request[Any]:
    """The request of a message.  Raises BadRequest."""
    if name not in REQUESTS:
        raise BadRequest(UNKNOWN)
    try:
        if not isinstance(body, Mapping):
            raise ValueError(f"no object: {type(body).__name__}")
        return REQUESTS[name].of_body(body)
    except ValueError as error:
        raise BadRequest(MALFORMED) from error
