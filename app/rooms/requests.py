"""What a session's bot can be asked: each request with its fields, its answer, who sends it, and its time limit.

`messages.ask` puts a request into the session's inbox and waits for the answer.  A bot reads its
inbox once its pipeline runs, or a second after it has taken the session up if that is earlier, and handles requests in
order; a request that is older than its time limit when it is read is answered with `expired`
and not handled.  So is a request that was for the session's bot before; `ask` sends it again to this one.

To let a bot be asked something new, add a class here and to REQUESTS, and a handler for it in the bot.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import timedelta
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from greenroom.app.errors import (
    CandidatesRefused,
    GreenroomError,
    OfferRefused,
    OthersThere,
    RoomFull,
)
from greenroom.app.rooms.sessions import ON_STAGE, Reason, Session

Body = Mapping[str, object]  # as JSON has it

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

    @classmethod
    def limit_for(cls, session: Session) -> timedelta:
        if cls.within_of_start is None or session.state in ON_STAGE:
            return cls.within
        return cls.within_of_start

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


@dataclass(frozen=True)
class Configure(Request[Done]):
    """Change how a bot speaks and thinks, from its next answer on.

    The API sends it for `POST /config`, once the change is in the room's record: a bot that takes the session over
    finds it there.
    """

    name = "config"
    answer = Done
    within = timedelta(seconds=5)
    CHANGEABLE: ClassVar = frozenset({"personality", "voice", "language", "mode", "prompt"})

    changes: Mapping[
        str, str | None
    ]  # None: back to what the session was joined with, else to its personality's

    def body(self) -> Body:
        return dict(self.changes)

    @classmethod
    def of_body(cls, body: Body) -> "Configure":
        if unknown := body.keys() - cls.CHANGEABLE:
            raise ValueError(f"cannot be changed: {sorted(unknown)}")
        return of_body(cls, {"changes": body})


@dataclass(frozen=True)
class GiveWay(Request[GivesWay]):
    """Leave, if nobody is in the room: somebody waits for the slot.

    The reaper sends it to the bots that have been alone for longest, as many as people wait, and awaits no answer.
    """

    name = "give_way"
    answer = GivesWay
    within = timedelta(seconds=10)


@dataclass(frozen=True)
class Leave(Request[Done]):
    """Say goodbye, and end the session.

    The API sends it for `POST /leave`.  The bot answers when it has left.  Asked `by` a person of the room it refuses
    while others are there.
    """

    name = "leave"
    answer = Done
    refusals = (OthersThere,)
    within = timedelta(seconds=12)  # a bot says goodbye for at most 8 of them

    reason: Reason
    by: str | None = None


REQUESTS: Mapping[str, type[Request[Any]]] = {
    each.name: each for each in (Offer, Candidates, Configure, GiveWay, Leave)
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


# JSON, for requests and answers alike: the names of fields are those of the body

T = TypeVar("T")


def to_body(data: Any) -> Body:
    """The fields of a dataclass, without those that are None."""
    named = {each.name: getattr(data, each.name) for each in fields(data)}
    return {
        name: value.value if isinstance(value, Enum) else value
        for name, value in named.items()
        if value is not None
    }


def of_body(cls: type[T], body: Body) -> T:
    """A dataclass from a body.  Raises ValueError where a field is missing, or of another type."""
    hints = get_type_hints(cls)
    facts = {}
    for each in fields(cls):  # type: ignore[arg-type]
        if each.name in body:
            facts[each.name] = _value(each.name, hints[each.name], body[each.name])
        elif each.default is MISSING:
            raise ValueError(f"missing: {each.name}")
    return cls(**facts)


def _value(name: str, hint: Any, value: Any) -> Any:
    kind, of = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, types.UnionType):
        if value is None and type(None) in of:
            return None
        (rest,) = (each for each in of if each is not type(None))
        return _value(name, rest, value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind is object:
        return value
    if kind is Mapping and isinstance(value, Mapping):
        return {str(key): _value(name, of[1], item) for key, item in value.items()}
    if kind is Sequence and isinstance(value, list | tuple):
        return [_value(name, of[0], item) for item in value]
    if kind in (str, int, bool, float) and type(value) is kind:
        return value
    raise ValueError(f"{name} is {type(value).__name__}")
