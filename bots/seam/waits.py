"""`asyncio.wait_for` as pipecat has it before Python 3.12, so that an `asyncio.timeout` around it is still kept.

pipecat puts wait_for2's in the place of asyncio's, for the whole process.  Where something is done in the moment
in which the wait for it is cancelled, that one raises an error of its own kind, which `asyncio.timeout` does not take
for its own doing: who was to be told that the time is over is cancelled instead, and a bot loses its heartbeat.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pipecat  # noqa: F401  it puts wait_for2's there, unless it has already

WAIT_FOR: Any = asyncio.wait_for


async def wait_for(awaitable: Awaitable[Any], timeout: float | None, **more: Any) -> Any:
    """pipecat's, cancelled as everything else is."""
    try:
        return await WAIT_FOR(awaitable, timeout, **more)
    except asyncio.CancelledError as error:
        if type(error) is asyncio.CancelledError:
            raise
        raise asyncio.CancelledError from error


def install() -> None:
    """Put ours in the place of pipecat's.  Safe to repeat; where pipecat leaves asyncio's there, that stays."""
    if asyncio.wait_for is WAIT_FOR and WAIT_FOR.__module__.startswith("wait_for2"):
        asyncio.wait_for = wait_for  # type: ignore[assignment]  # it is called by place
