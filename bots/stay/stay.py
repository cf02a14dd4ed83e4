"""A stay: one bot in one room, from the adoption of its claim until it gives the room up, and why it ended."""

import asyncio
from typing import Any

from greenroom.app.rooms.failures import BotCrashed, EndUnwritten
from greenroom.app.rooms.sessions import Reason, Session, State
from greenroom.app.rooms.timings import BOT_STARTS_WITHIN
from greenroom.bots.body import body_of
from greenroom.bots.stay.background import first_of
from greenroom.bots.stay.carrying_out import WRITTEN_WITHIN
from greenroom.bots.stay.ending import REPLACED, Ending
from greenroom.bots.stay.parts import Parts


class Stay:
    """The life of one bot in one room."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._adopted = parts.adopted
        self._end = parts.end
        self._journal = parts.journal
        self._rooms = parts.rooms
        self._helpers = parts.helpers
        self._hand_over = parts.hand_over
        self._take_over = parts.take_over

    @property
    def session(self) -> Session:
        return self._journal.session

    async def run(self) -> Reason:
        """Live until something ends the session here.

        Whatever happens, the room is free afterwards, or has another bot.  Raises BotCrashed if it needs one, and
        EndUnwritten if nobody could be told that it needs none.
        """
        self._parts.watchdog.watch()  # before the bot: what it does first may block already
        ending = Ending.by_our_fault("broke on our side; the worker's log says how")
        self._parts.definition.read()
        self._parts.taking_up.read()
        self._rooms.now.bot_run.begin(self._prepare)
        self._parts.time_limit.wind()
        check = asyncio.get_running_loop().call_later(BOT_STARTS_WITHIN.total_seconds(), self._check_started)
        try:
            if self._adopted.is_next and not await self._take_over.run():
                ending = REPLACED
                return ending.reason
            self._begin_helpers()
            if not self._adopted.is_next:
                await self._journal.enter(State.JOINING, host=self._adopted.host)
            await first_of(self._rooms.run_is_over(), self._end.wait(), *self._helpers.tasks)
            await self._parts.moves.cancel()
            if self._hand_over.has_begun:  # where a bot that said its last words is done
                await first_of(self._end.wait(), self._hand_over.over())
            ending = await self._end_bot_run()
        finally:
            check.cancel()
            self._parts.time_limit.stop()
            self._parts.carry_out.stop_clock()
            self._parts.watchdog.watch_end()
            await self._parts.moves.cancel()
            await self._parts.turns.written(WRITTEN_WITHIN)
            await self._rooms.now.bot_run.cancel()
            await self._hand_over.cancel()
            await self._helpers.cancel()
            await self._parts.chores.cancel()
            is_written = await self._parts.closing.leave_room(ending)
        if ending.failure is not None:
            raise BotCrashed.of(ending.failure)
        if not is_written:
            raise EndUnwritten.of(ending.reason)
        return ending.reason

    def end(self, ending: Ending) -> None:
        """Begin the end.  The first reason counts."""
        self._end.begin(ending)

    def exit(self, error: BaseException) -> None:
        """The bot has called sys.exit in one of its tasks, or was interrupted."""
        self._end.begin(self._rooms.now.bot_run.exited(error))

    def hand_over(self) -> None:
        """The session goes on with another worker, the call with it."""
        self._hand_over.begin()

    async def _prepare(self) -> dict[str, Any]:
        """Get the bot's settings ready; returns what it is told of its session."""
        self._parts.open_things.make_current()  # in the bot's own task
        self._parts.at_hand.make_current()
        session = self._adopted.session
        if session.pause is not None:
            self._parts.silence.begin(session.pause)
        await self._rooms.now.controls.prepare(self._adopted.config)
        turns = self._parts.turns
        turns.remembering.read(
            session.conversation_user
        )  # while the conversation is read: a bot waits for both
        await self._parts.taking_up.done()
        if self._adopted.resumes:
            turns.resume()
        if self._parts.memories.are_kept and turns.are_for_one:
            self._parts.listener.is_told_of(session.conversation_user)
        return body_of(
            self._rooms.now.controls.session,
            conversation=turns.before(),
            by_person=turns.by_person(),
            owes_an_answer=turns.owe_an_answer,
            owed_to=turns.owed_to() if self._adopted.resumes else (),
            remembered=await turns.remembering.of(session.conversation_user),
            equipment=self._rooms.now.controls.equipment,
        )

    async def _end_bot_run(self) -> Ending:
        """End it, if it has not ended by itself; says why it is over."""
        if not self._end.has_begun and (failure := self._helpers.failure(self._parts.target)):
            self.end(Ending.by(failure))
        bot_run = self._rooms.now.bot_run
        if bot_run.is_over:
            return self._end.ending or bot_run.ended_by_itself()
        ending = self._end.ending or Ending.by_our_fault("was stopped, and nobody said why")
        self.end(ending)
        await self._parts.closing.end_bot_run(ending)
        return ending

    def _begin_helpers(self) -> None:
        self._helpers.begin(
            {
                "heartbeat": self._parts.heartbeat.run(),
                "inbox": self._parts.inbox.read(self._rooms.now.bot_run.started),
                "answering": self._parts.inbox.obey(),
                "writing of turns": self._parts.turns.write(),
                "writing of what is open": self._parts.open_things.write(),
                "telling of what is heard": self._parts.telling.run(),
                "watching for silence": self._parts.quiet.run(),
            }
        )

    def _check_started(self) -> None:
        if not self._rooms.now.bot_run.started.is_set() and not self._take_over.is_ready_to_enter:
            detail = f"its pipeline had not started after {BOT_STARTS_WITHIN.seconds} seconds"
            self.end(Ending(Reason.LAUNCH_FAILED, politely=False, detail=detail))
