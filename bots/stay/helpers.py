"""What runs beside a bot for as long as its session does.

A bot that does not beat, or does not hear, must not go on as if it did: that one of these is done is an end.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

import structlog

from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.bots.blame import failure_of
from greenroom.bots.stay.background import cancel

log = structlog.get_logger(__name__)


class Helpers:
    """Tasks with names, which stand in the failure of a bot that loses one of them."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self._are_over = False

    def begin(self, works: Mapping[str, Coroutine[Any, Any, None]]) -> None:
        for name, work in works.items():
            task = asyncio.create_task(self._watch(name, work), name=name)
            task.add_done_callback(partial(_close, work))
            self.tasks.append(task)

    async def _watch(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Log where a helper stood that somebody else cancels: its task keeps nothing of that."""
        try:
            await work
        except asyncio.CancelledError:
            if not self._are_over:
                log.exception("helper_cancelled", helper=name)
            raise

    def failure(self, target: str) -> BotFailure | None:
        """The failure of the first of them that has ended, with an error or without; `target` is the bot's."""
        for helper in self.tasks:
            if helper.done():
                name, error = helper.get_name(), None if helper.cancelled() else helper.exception()
                log.error("helper_ended", helper=name, exc_info=error)
                return _lost(name, error, target)
        return None

    async def cancel(self) -> None:
        self._are_over = True
        await cancel(self.tasks)


def _close(work: Coroutine[Any, Any, None], _task: asyncio.Task[None]) -> None:
    """Close the work of a task that was cancelled before its first step: it is never awaited, which is a warning."""
    work.close()


def _lost(name: str, error: BaseException | None, target: str) -> BotFailure:
    if error is None:
        return BotFailure(FailureKind.HELPER_ENDED, f"lost its {name}, which was stopped")
    cause = failure_of(error, target)
    return BotFailure(FailureKind.HELPER_ENDED, f"lost its {name}: it {cause.detail}", cause.file, cause.line)
