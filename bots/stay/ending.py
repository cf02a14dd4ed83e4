"""Why a stay ends, and that it does."""

import asyncio
from dataclasses import dataclass

from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.sessions import Reason


@dataclass(frozen=True)
class Ending:
    """Why a session ends, and whether there is time to say goodbye."""

    reason: Reason
    politely: bool = True
    detail: str | None = None
    goes_on: bool = False  # it is this stay that ends; the session has another bot, or will have
    failure: BotFailure | None = None  # the bot's, where that is why; then its session needs another bot

    @classmethod
    def by(cls, failure: BotFailure) -> "Ending":
        """The bot failed, and nobody can be told goodbye."""
        return cls(Reason.ERROR, politely=False, detail=str(failure), goes_on=True, failure=failure)

    @classmethod
    def by_our_fault(cls, detail: str) -> "Ending":
        """Greenroom failed, not the bot; the detail's words follow "its bot"."""
        return cls.by(BotFailure(FailureKind.OURS, detail))


REPLACED = Ending(
    Reason.SUPERSEDED, politely=False, goes_on=True
)  # another bot has the room, or will have it


class End:
    """The end of one stay.  Whoever begins it first says why; the others come too late."""

    def __init__(self) -> None:
        self._has_begun = asyncio.Event()
        self.ending: Ending | None = None

    def begin(self, ending: Ending) -> None:
        if self.ending is None:
            self.ending = ending
            self._has_begun.set()

    @property
    def has_begun(self) -> bool:
        return self.ending is not None

    async def wait(self) -> None:
        """Wait until it has begun."""
        await self._has_begun.wait()
