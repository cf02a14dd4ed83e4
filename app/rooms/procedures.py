"""Procedures of several steps that a bot begins and the reaper may finish: each is written once.

A procedure is a generator: it yields a step, gets its result, or the error that the step was refused with, and returns
what came of it all.  The reaper runs it on a ledger that waits, a bot on one that is awaited.

Who runs it may die between any two steps.  So it writes into the session's record which procedure is under way and
which of its steps was the last (`Underway`, by the step `Advance`), and whoever finds the bot dead reads that and goes
on there: `reviving.py` knows how each kind is finished.  A step that was done, and not yet written down, is done again:
each must be safe to repeat.  A session that goes on under a later epoch (`Succeed`) is in no procedure any more.
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from greenroom.app.errors.families import GreenroomError
from greenroom.app.rooms.ledger import AsyncLedger, Ledger, Step

R = TypeVar("R")
Procedure = Generator[Step[Any], Any, R]


@dataclass(frozen=True)
class Underway:
    """A procedure that a session is in, as its record tells it."""

    kind: str
    step: str  # the last one that is done
    facts: Mapping[str, str] = field(default_factory=dict)  # what the steps that follow need to know

    def at(self, step: str, **facts: str) -> "Underway":
        """The same, one step further; the facts are added to those that are known."""
        return replace(self, step=step, facts={**self.facts, **facts})

    def to_json(self) -> str:
        return json.dumps({"kind": self.kind, "step": self.step, "facts": dict(self.facts)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Underway":
        return cls(**json.loads(text))


def follow(ledger: Ledger, procedure: Procedure[R]) -> R:
    """Run a procedure where one waits."""
    try:
        step = next(procedure)
        while True:
            try:
                result = ledger.run(step)
            except GreenroomError as error:
                step = procedure.throw(error)
            else:
                step = procedure.send(result)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


async def follow_awaited(ledger: AsyncLedger, procedure: Procedure[R]) -> R:
    """Run a procedure where one awaits."""
    try:
        step = next(procedure)
        while True:
            try:
                result = await ledger.run(step)
            except GreenroomError as error:
                step = procedure.throw(error)
            else:
                step = procedure.send(result)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
