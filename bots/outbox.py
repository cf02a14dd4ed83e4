"""What a bot writes to the people's clients: sent at once, or held back while it gives its room up."""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import structlog
from pipecat.pipeline.worker import PipelineWorker

from greenroom.bots.seam.diversions import divert_outgoing

log = structlog.get_logger(__name__)


class Outbox:
    """The messages of one bot's pipeline.

    An answer that leaves after the room was given to another bot answers a line that is refused when it is
    written down: the person would have read it, and the next bot would know nothing of it.  That a typed line has come
    is said once it is written: a page says a line again to the next bot until it hears that.
    """

    def __init__(
        self,
        written: Callable[[str], Awaitable[None]],
        later: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._written = written  # waits until a typed line is
        self._later = later  # does it beside the rest
        self._is_held = False
        self._unsent: deque[Callable[[], Awaitable[None]]] = deque()  # the first one may be on its way

    def follow(self, pipeline: PipelineWorker) -> None:
        """Let every message of a pipeline go through here."""
        divert_outgoing(pipeline.pipeline, self._send)

    def hold(self) -> None:
        """Keep from now on what is to be sent."""
        self._is_held = True

    async def release(self) -> None:
        """Send what was kept, and all that comes, in the order in which it came."""
        self._is_held = False
        while self._unsent and not self._is_held:
            try:
                await self._unsent[0]()
            except Exception as error:  # one that cannot be sent holds up no other
                log.warning("message_send_failed", because=type(error).__name__)
            self._unsent.popleft()

    async def _send(self, send: Callable[[Any], Awaitable[None]], frame: Any) -> None:
        if line := _typed_line(frame.message):
            self._later(self._acknowledge(line, send, frame))
        else:
            await self._pass(send, frame)

    async def _acknowledge(self, line: str, send: Callable[[Any], Awaitable[None]], frame: Any) -> None:
        await self._written(line)
        await self._pass(send, frame)

    async def _pass(self, send: Callable[[Any], Awaitable[None]], frame: Any) -> None:
        if self._is_held or self._unsent:
            self._unsent.append(partial(send, frame))
        else:
            await send(frame)


def _typed_line(message: Any) -> str | None:
    """The words of a line whose receipt a message of RTVI's tells: it has the id that the client gave the line."""
    if not isinstance(message, dict) or message.get("type") != "user-input":
        return None
    about = message.get("data") or {}
    return about.get("text") if about.get("msg_id") else None
