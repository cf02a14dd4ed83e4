"""What is known of the people in a room from earlier conversations, loaded once for each of their conversations here.

It is read in a thread, beside everything else.  Whoever waits for it waits no longer than LOADED_WITHIN, and goes on
without: no voice waits for a database.  What is late comes into the conversation when it is there.
"""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog

from greenroom.app.errors.families import GreenroomError
from greenroom.app.rooms import minds
from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.memory import Memory
from greenroom.app.rooms.minds import MemoryIs
from greenroom.app.rooms.providers import is_guest
from greenroom.app.rooms.sessions import Session

LOADED_WITHIN = timedelta(milliseconds=250)  # it takes about 10; a bot that has none by then begins without

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Memories:
    """Of the people of one session."""

    def __init__(self, memory: Memory | None, session: Session) -> None:
        """Without a memory, or for a session that shall have none, nothing is known of anybody."""
        self._kept = memory
        self._memory = memory if session.brief.memory else None
        self._session = session
        self._loading: dict[tuple[str, str], asyncio.Future[str]] = {}
        self.health = minds.Memory()  # of what was read last

    def follow(self, brief: Brief) -> None:
        """The bot is another assistant, which may know its people, or may not."""
        self.forget()
        self._memory = self._kept if brief.memory else None
        self.health = minds.Memory()

    @property
    def are_kept(self) -> bool:
        """Whether anything is known of anybody here."""
        return self._memory is not None

    def load(self, person: str, conversation_id: str, then: Callable[[str], None] | None = None) -> None:
        """Load what is known of a person in this conversation; `then` gets it, in words, once it could be had."""
        loading = self._begin(person, conversation_id)

        def loaded(_: asyncio.Future[str]) -> None:
            if then is not None and loading is not None and (remembered := self._result(loading)) is not None:
                then(remembered)

        if loading is not None and then is not None:
            loading.add_done_callback(loaded)

    async def of(self, person: str, conversation_id: str, late: Callable[[str], None] | None = None) -> str:
        """What is known of a person, in words; empty if it is nothing, or cannot be had in time.

        `late` gets it where it comes after that.
        """
        loading = self._begin(person, conversation_id)
        if loading is None:
            return ""
        remembered = await self._in_time(loading)
        if remembered is None and not loading.done():
            self.load(person, conversation_id, late)
        return remembered or ""

    async def anew(self, person: str, conversation_id: str) -> str | None:
        """What is known of a person now, whatever was known of them before; None if it cannot be had in time."""
        self._loading.pop((person, conversation_id), None)
        loading = self._begin(person, conversation_id)
        if loading is None:
            return None
        return await self._in_time(loading)

    def forget(self) -> int:
        """Read everything anew from now on; returns how many reads are given up that are still under way."""
        under_way = [loading for loading in self._loading.values() if loading.cancel()]
        self._loading.clear()
        if under_way:
            self.health = minds.Memory()
        return len(under_way)

    async def _in_time(self, loading: asyncio.Future[str]) -> str | None:
        await asyncio.wait({loading}, timeout=LOADED_WITHIN.total_seconds())
        if not loading.done():
            self._say_failed("it took too long")
            return None
        return self._result(loading)

    def _begin(self, person: str, conversation_id: str) -> asyncio.Future[str] | None:
        """None for somebody who has no memory."""
        memory, tenant = self._memory, self._session.brief.tenant
        if memory is None or is_guest(person):
            return None
        which = person, conversation_id
        if which not in self._loading:
            recall = partial(memory.recall, tenant, person, besides=conversation_id)
            self._loading[which] = in_a_thread(recall)
            self.health = minds.Memory(MemoryIs.LOADING)
            self._loading[which].add_done_callback(self._note)
        return self._loading[which]

    def _result(self, loading: asyncio.Future[str]) -> str | None:
        """None if it cannot be had: what was known before stays."""
        if loading.cancelled():
            return None
        error = loading.exception()
        if error is None:
            return loading.result()
        self._say_failed(_kind(error))
        return None

    def _note(self, loading: asyncio.Future[str]) -> None:
        if loading.cancelled():
            return  # as it was forgotten: another may be under way
        if (error := loading.exception()) is not None:
            self.health = minds.Memory(MemoryIs.FAILED, minds.short(_kind(error)))
        else:
            self.health = minds.Memory(MemoryIs.LOADED)

    def _say_failed(self, because: str) -> None:
        log.warning("memory_load_failed", session_id=self._session.id, because=because)


def _kind(error: BaseException) -> str:
    """An error's words may be those of a conversation: its kind has to do."""
    if isinstance(error, GreenroomError):
        return str(error.facts.get("because", error.kind))
    return type(error).__name__


def in_a_thread(call: Callable[[], T]) -> asyncio.Future[T]:
    """A thread of its own, which holds up no end of the process, as one of the loop's would."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
            future.exception()  # else asyncio complains where everybody has given up waiting
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except Exception as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(tell, result, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            pass

    threading.Thread(target=run, name="memory", daemon=True).start()
    return future
