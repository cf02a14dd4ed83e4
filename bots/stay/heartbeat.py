"""Says every three seconds that the bot lives, and learns whether the room is still its own."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.leases import BEAT_EVERY, Beat, Beaten
from greenroom.app.rooms.minds import Mind
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Reason
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay.ending import REPLACED, End, Ending
from greenroom.bots.stay.inbox import Inbox
from greenroom.bots.stay.journal import Journal
from greenroom.bots.turns import Turns

ALONE_AT_MOST = timedelta(minutes=10)  # how long a call goes on without Redis
BEAT_WITHIN = timedelta(seconds=2)  # the connection included
# After a beat without a reply: several beats must fall into the 4 s of a doubt, even if one of them comes late
BEAT_AGAIN_AFTER = timedelta(seconds=1)
AT_LEAST_BETWEEN_BEATS = 0.2  # seconds


class Heartbeat:
    """The beats of one bot; what is sent to it meanwhile comes back with them."""

    def __init__(
        self,
        pulse: AsyncRedisLedger,
        journal: Journal,
        inbox: Inbox,
        *,
        owner: str,
        turns: Turns,
        open_things: RoomState,
        end: End,
        silence: Callable[[], None],
        begin: Callable[[Coroutine[Any, Any, None]], object],
        mind: Callable[[], Mind | None] = lambda: None,
        may_have_moved: Callable[[], bool] = lambda: False,
    ) -> None:
        """`pulse` is a connection of its own, so that a beat never queues behind anything.

        `begin` does something beside the beats; `silence` keeps the bot from being heard, at once.  `may_have_moved`
        says whether the bot waits to be told in which of two rooms its session is.
        """
        self._pulse = pulse
        self._journal = journal
        self._inbox = inbox
        self._owner = owner
        self._turns = turns
        self._open_things = open_things
        self._end = end
        self._silence = silence
        self._begin = begin
        self._mind = mind
        self._may_have_moved = may_have_moved

    async def run(self) -> None:
        """Beat until the room is another bot's."""
        loop = asyncio.get_running_loop()
        asked = heard = loop.time()  # the adoption was the first beat
        is_heard = True
        while True:
            # Counted from when the last one was sent: one that gets no reply does not delay the next
            due = asked + seconds_to_next_beat(is_heard)
            await asyncio.sleep(max(AT_LEAST_BETWEEN_BEATS, due - loop.time()))
            asked, is_heard = loop.time(), False
            try:
                async with asyncio.timeout(BEAT_WITHIN.total_seconds()):
                    beaten = await self.beat()
            except (RedisAway, TimeoutError):
                self._journal.doubt()
                if loop.time() - heard > ALONE_AT_MOST.total_seconds():
                    self._end.begin(Ending(Reason.ERROR, detail="Redis was away for too long"))
                continue
            heard, is_heard = asked, True
            if beaten is Beaten.SUPERSEDED:
                return

    async def beat(self) -> Beaten:
        """Beat once, and do what follows.  Raises RedisAway."""
        beat = self.next_beat()
        beaten, messages = await self._pulse.run(beat)
        if beat.epoch != self._journal.session.epoch:
            beaten = Beaten.KEPT  # the session has moved meanwhile: this is of its old room
        if beaten is Beaten.SUPERSEDED and self._may_have_moved():
            beaten = (
                Beaten.KEPT
            )  # by its own move, it may be: the move is told, and else the next beat ends this bot
        if beaten is Beaten.SUPERSEDED:
            self._silence()
            self._end.begin(REPLACED)
            return beaten
        if beaten is Beaten.REGISTERED or self._journal.may_be_lost:
            self._begin(self._write_again())
        self._inbox.take_in(messages)
        return beaten

    def next_beat(self) -> Beat:
        session = self._journal.session
        return Beat.of(
            session,
            owner=self._owner,
            host=session.host or "",
            state=session.state,
            after=self._inbox.last_read,
            mind=self._mind(),
        )

    async def _write_again(self) -> None:
        """Write again what is lost if Redis had lost the room: the record, the turns, what is open in it.

        Where they are there, nothing is changed.
        """
        self._inbox.read_from_start()
        kept = await self._journal.write_again()
        if kept is not None:
            restored = self._turns.restore(kept)
            self._open_things.restore()
            if restored:
                await self._journal.note(
                    Happened.TURNS_RESTORED,
                    str(len(restored)),
                    conversation_id=self._turns.conversation_id,
                    sequence=restored[-1].sequence,
                )
            else:
                await self._journal.write()


def seconds_to_next_beat(is_heard: bool) -> float:
    """How long to wait after a beat that was heard, or got no reply."""
    usual = BEAT_EVERY if is_heard else BEAT_AGAIN_AFTER
    return usual.total_seconds() * random.uniform(0.9, 1.1)
