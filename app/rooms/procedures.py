"""Procedures of several steps that a bot begins and the reaper may finish: each is written once.

A procedure is a generator: it yields a step, gets its result, or the error that the step was refused with, and returns
what came of it all.  The reaper runs it on a ledger that waits, a bot on one that is awaited.  Who runs it may die
between any two steps, so a procedure keeps where it stands in the room's lease and the session's record only, and
whoever goes on reads it there.
"""

from collections.abc import Generator
from typing import Any, TypeVar

from greenroom.app.errors import GreenroomError
from greenroom.app.rooms.ledger import AsyncLedger, Ledger, Step

R = TypeVar("R")
Procedure = Generator[Step[Any], Any, R]


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
