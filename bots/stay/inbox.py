"""What a session's bot is asked for: each message is read once, done in order, and answered.

A message that was sent while the bot was starting is read once its pipeline runs, or a second after the bot took the
session up if that is earlier.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

import structlog

from greenroom.app.errors.families import GreenroomError
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.inbox import Answer, Message, Receive
from greenroom.app.rooms.requests.answers import EXPIRED, FAILED
from greenroom.app.rooms.session_events import Happened
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.stay.background import first_of
from greenroom.bots.stay.journal import Journal

RECEIVE_WAIT = timedelta(seconds=1)  # a wait in Redis; shorter than the socket's timeout
REMEMBERED = 1000  # messages that were read; the inbox holds no more


async def _at_once() -> None:
    pass


Answering = Callable[[Message], Awaitable[Mapping[str, object] | None]]

log = structlog.get_logger(__name__)


class Inbox:
    """The inbox of a session, as its bot reads it."""

    def __init__(
        self,
        ledger: AsyncRedisLedger,
        journal: Journal,
        *,
        do: Answering,
        moved: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        """`do` does what a message asks for; it returns the answer, or None where that is the bot's end.

        `moved` waits until no move is under way: a message may be for the epoch that the session gets by it.
        """
        self._ledger = ledger
        self._journal = journal
        self._do = do
        self._moved = moved
        self._unread: asyncio.Queue[Message] = asyncio.Queue()
        self._read: dict[str, None] = {}  # ids of messages, the oldest first
        self._answered_at_end: list[str] = []
        self.last_read = "0"

    def read_from_start(self) -> None:
        """Read from the inbox's start, since Redis has lost it; a message that was read is not done again."""
        self.last_read = "0"

    def take_in(self, messages: Sequence[Message]) -> None:
        """Take messages that the inbox or a beat brought, each of them once."""
        for message in messages:
            self.last_read = message.id
            if message.id not in self._read:
                self._read[message.id] = None
                self._unread.put_nowait(message)
        while len(self._read) > REMEMBERED:
            del self._read[next(iter(self._read))]

    @property
    def is_empty(self) -> bool:
        """Whether everything that was read is done."""
        return self._unread.empty()

    async def read(self, started: asyncio.Event) -> None:
        """Read the inbox until it is cancelled."""
        # The bot starts first, or has had a second: a connection costs a millisecond, for which people would wait
        await first_of(started.wait(), within=RECEIVE_WAIT)
        while True:
            try:
                step = Receive(self._journal.session.id, self.last_read, RECEIVE_WAIT)
                messages = await self._ledger.run(step)
            except RedisAway:
                await asyncio.sleep(1)
                continue
            self.take_in(messages)

    async def obey(self) -> None:
        """Do what was read, in order, until it is cancelled."""
        while True:
            await self.obey_next()

    async def obey_next(self) -> None:
        """Do what the next message asks for, once there is one."""
        message = await self._unread.get()
        if message.epoch > self._journal.session.epoch:
            await self._moved()
        session = self._journal.session
        if message.epoch > session.epoch or not self._journal.has_room:
            return  # it is left to the bot that comes after this one
        if message.expired or message.epoch != session.epoch:
            await self._journal.note(Happened.MESSAGE_EXPIRED, message.kind)
            await self._answer(message, {"error": EXPIRED})
            return
        result = await self._result_of(message)
        if result is None:
            self._answered_at_end.append(message.id)
        else:
            await self._answer(message, result)

    async def answer_rest(self) -> None:
        """Answer those who asked for the end, now that the bot has left."""
        for message_id in self._answered_at_end:
            await self._journal.attempt(Answer(self._journal.session.id, message_id, {}))

    async def _result_of(self, message: Message) -> Mapping[str, object] | None:
        try:
            return await self._do(message)
        except GreenroomError as error:
            because = error.facts.get("reason") or error.facts.get("because")
            return {"error": error.kind} if because is None else {"error": error.kind, "reason": because}
        except Exception:
            log.exception("message_failed", session_id=self._journal.session.id, kind=message.kind)
            return {"error": FAILED}

    async def _answer(self, message: Message, result: Mapping[str, object]) -> None:
        try:
            await self._journal.retry(Answer(self._journal.session.id, message.id, result))
        except RedisAway:
            log.warning("step_write_failed", session_id=self._journal.session.id, step="Answer")
