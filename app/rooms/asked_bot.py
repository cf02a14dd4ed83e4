"""What every request to a bot has, and what it may do with the bot that is asked.

The requests themselves are in `requests.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import ClassVar, Generic, Protocol, TypeVar

from greenroom.app.errors import GreenroomError
from greenroom.app.rooms.bodies import Body, of_body, to_body
from greenroom.app.rooms.bot_answers import BotAnswer, Cleaned
from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.sessions import ON_STAGE, Reason, Session


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
