"""The other side of a hand-over: a bot prepares, waits until the room is its own, and learns what it has missed."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from pipecat.frames.frames import LLMMessagesUpdateFrame

from greenroom.app.rooms.conversations import ReadTurns
from greenroom.app.rooms.failures import BotCrashed, BotFailure, FailureKind
from greenroom.app.rooms.leases import ReadRoom, Release
from greenroom.app.rooms.resuming import as_messages
from greenroom.app.rooms.room_states import ReadState
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Succeed
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay.background import first_of
from greenroom.bots.stay.ending import End
from greenroom.bots.stay.in_room import Rooms
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.listener import RoomListener
from greenroom.bots.stay.succession import turn_comes
from greenroom.bots.stay.time_limit import TimeLimit
from greenroom.bots.turns import Turns

log = structlog.get_logger(__name__)


class TakeOver:
    """How one bot takes its session over from another worker's bot."""

    def __init__(
        self,
        ledger: AsyncRedisLedger,
        *,
        owner: str,
        token: str,
        config: Mapping[str, Any],
        journal: Journal,
        rooms: Rooms,
        listener: RoomListener,
        turns: Turns,
        open_things: RoomState,
        time_limit: TimeLimit,
        end: End,
    ) -> None:
        """`config` is what the bot was prepared with."""
        self._ledger = ledger
        self._owner = owner
        self._token = token
        self._config = config
        self._journal = journal
        self._rooms = rooms
        self._listener = listener
        self._turns = turns
        self._open_things = open_things
        self._time_limit = time_limit
        self._end = end
        self.is_ready_to_enter = (
            False  # whether the pipeline waits to enter the room, whose server then bounds the wait
        )

    async def run(self) -> bool:
        """False if the room's bot does not yield, or the session is over.

        Raises BotCrashed if this bot cannot start: then nobody yields to it.
        """
        await self._prepare()
        session = self._journal.session
        if not await turn_comes(self._ledger, session, token=self._token, owner=self._owner):
            return False
        self._journal.has_room = True
        bot_run = self._rooms.now.bot_run
        self._rooms.now.stage.enter()
        if not await self._learn_what_happened():
            return False
        await first_of(bot_run.over(), bot_run.started.wait(), self._end.wait())
        await self._listener.started()
        log.info("session_handed_over", session_id=session.id, room=str(session.room), epoch=session.epoch)
        return True

    async def _prepare(self) -> None:
        bot_run = self._rooms.now.bot_run
        ready_to_enter = asyncio.create_task(self._rooms.now.stage.ready_to_enter())
        await first_of(bot_run.over(), bot_run.started.wait(), self._end.wait(), ready_to_enter)
        self.is_ready_to_enter = ready_to_enter.done()
        ready_to_enter.cancel()
        if not (bot_run.started.is_set() or self.is_ready_to_enter) or self._end.has_begun:
            session, failure = self._journal.session, bot_run.failure
            log.error("successor_failed", session_id=session.id, epoch=session.epoch, exc_info=failure)
            raise BotCrashed.of(BotFailure(FailureKind.NOT_READY, "could not take the session over"))

    async def _learn_what_happened(self) -> bool:
        """False if the session has ended."""
        session, retry = self._journal.session, self._journal.retry
        succession = await retry(Succeed(session.id, session.epoch, Happened.HANDED_OVER, host=session.host))
        if succession.session.epoch != session.epoch:
            await self._journal.attempt(Release(session.room, session.epoch, self._owner))
            return False
        self._journal.take_over(succession.session)
        self._time_limit.wind()  # it may have been extended meanwhile
        brief, conversation_id = self._journal.session.brief, self._journal.session.conversation_id
        if brief != session.brief:  # it has become another assistant meanwhile, or its assistant was changed
            self._turns.remembering.follow(brief)
            await self._rooms.now.controls.take(brief)
        conversation = await retry(ReadTurns(conversation_id))
        known = frozenset(said.person for said in conversation if said.person is not None)
        await self._listener.took_over(self._journal.session, known)
        is_another = conversation_id != self._turns.conversation_id
        owner = self._journal.session.conversation_owner
        if not self._turns.catch_up(conversation, conversation_id, owner):  # another person came meanwhile
            frame = LLMMessagesUpdateFrame(messages=as_messages(conversation), run_llm=False)
            await self._rooms.now.bot_run.say(frame)
        if is_another:
            self._turns.remembering.load(self._journal.session.conversation_user)
        self._open_things.catch_up(await retry(ReadState(session.room)))
        room = await retry(ReadRoom(session.room))
        if room.config != self._config:
            await self._rooms.now.controls.become(room.config)
        return True
