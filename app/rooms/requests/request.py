"""What every request to a bot has."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import ClassVar, Generic, TypeVar

from greenroom.app.errors.families import GreenroomError
from greenroom.app.rooms.bodies import Body, of_body, to_body
from greenroom.app.rooms.requests.answers import BotAnswer
from greenroom.app.rooms.requests.asked_bot import AskedBot
from greenroom.app.rooms.sessions import ON_STAGE, Session

A = TypeVar("A", bound=BotAnswer)


class Request(Generic[A]):
    """The base of all.  A field that is None is left out of the message."""

    # In the message; it stays when the class is renamed, since bots of two versions read it
    name: ClassVar[str]
    answer: ClassVar[type[BotAnswer]]
    refusals: ClassVar[tuple[type[GreenroomError], ...]] = ()  # what else the bot may answer
    within: ClassVar[timedelta]  # then nobody waits for the answer any more, and the bot does not handle it
    # The same of a bot that is still starting, where it differs
    within_of_start: ClassVar[timedelta | None] = None
    # How long the bot carries it out, where that is longer than anybody waits for its answer
    lasts: ClassVar[timedelta | None] = None
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
class Changing(Request[A]):
    """The base of those whose body is what changes, by its name; None takes a change back."""

    CHANGEABLE: ClassVar[frozenset[str]]

    changes: Mapping[str, object]

    @classmethod
    def kind_of(cls, name: str) -> type:
        """What a change of that name may be, besides None."""
        raise NotImplementedError

    def body(self) -> Body:
        return dict(self.changes)

    @classmethod
    def of_body(cls, body: Body) -> "Request[A]":
        if unknown := body.keys() - cls.CHANGEABLE:
            raise ValueError(f"cannot be changed: {sorted(unknown)}")
        for name, value in body.items():
            if value is not None and not isinstance(value, cls.kind_of(name)):
                raise ValueError(f"{name} is {type(value).__name__}")
        return cls(body)
