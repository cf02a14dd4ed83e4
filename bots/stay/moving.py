"""What a bot does itself when its session moves: a second run of its code, in the other room, beside the first.

Both are in this process, so a move needs no second slot.  The second run is apart until the session has moved: it is in
the other room, and neither hears nor is heard.  Nothing of the first is touched before that, so a move that cannot be
made leaves no trace in the old room.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from pipecat.frames.frames import InterruptionFrame

from greenroom.app.rooms.moves import MoveFailure
from greenroom.app.rooms.moving import CannotMove, MovingBot
from greenroom.app.rooms.resuming import owes_an_answer
from greenroom.app.rooms.sessions import Reason, Session
from greenroom.bots.at_hand import AtHand
from greenroom.bots.body import body_of
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay.background import Chores, first_of
from greenroom.bots.stay.bot_run import CLOSES_WITHIN
from greenroom.bots.stay.in_room import InRoom, Rooms
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.last_moment import LastMoment
from greenroom.bots.stay.listener import RoomListener
from greenroom.bots.turns import Turns

QUIET_WITHIN = timedelta(
    seconds=3
)  # a moment in which nobody speaks: whoever asked for the move waits for it
PREPARES_WITHIN = timedelta(seconds=8)  # the second run; a bot that takes longer cannot be run twice
ENTERS_WITHIN = timedelta(seconds=8)  # the other room; together less than a move may take
INTERRUPTED_WITHIN = timedelta(seconds=1)  # an answer in the old room; what was heard of it is known then
TOOLS_RETURN_WITHIN = timedelta(seconds=2)  # that were called there; then they are cancelled
FAREWELL_WITHIN = timedelta(seconds=6)  # to those who are left behind
TOLD_WITHIN = timedelta(milliseconds=100)  # a message on its way to a page, before its line is closed

Connect = Callable[[Session], Awaitable[Mapping[str, Any]]]

log = structlog.get_logger(__name__)


class Moving(MovingBot):
    """The deeds of one bot's moves, one move after the other."""

    def __init__(
        self,
        *,
        rooms: Rooms,
        in_another: Callable[[Session], InRoom],
        journal: Journal,
        turns: Turns,
        open_things: RoomState,
        at_hand: AtHand,
        listener: RoomListener,
        last_moment: LastMoment,
        connect: Connect,
    ) -> None:
        """`in_another` makes what the bot has in another room; `connect` is the way in there for the session's user."""
        self._rooms = rooms
        self._in_another = in_another
        self._journal = journal
        self._turns = turns
        self._open_things = open_things
        self._at_hand = at_hand
        self._listener = listener
        self._last = last_moment
        self._connect = connect
        self._about: dict[str, Any] = {}  # what the second run was told
        self._known: frozenset[str] = frozenset()  # ids of the turns that it was told
        self._is_silent = False
        self._leaving = Chores()
        self._old: InRoom | None = None  # which the session has left, and the bot has not

    async def prepare(self, there: Session, config: Mapping[str, Any]) -> None:
        self._rooms.next = room = self._in_another(there)
        room.outbox.hold()
        room.bot_run.begin(partial(self._tell_all, room, there, config))
        ready = asyncio.create_task(room.stage.ready_to_enter())
        try:
            ways_on = (room.bot_run.started.wait(), ready, room.bot_run.over(), room.doorway.was_put_out())
            await first_of(*ways_on, within=PREPARES_WITHIN)
            if room.bot_run.is_over or not (ready.done() or room.bot_run.started.is_set()):
                log.warning("second_run_failed", session_id=there.id, exc_info=room.bot_run.failure)
                raise CannotMove(MoveFailure.NOT_TWICE, "its bot cannot run twice in one process")
        finally:
            ready.cancel()

    async def enter(self) -> None:
        room = self._next
        room.stage.enter()
        ways_on = (room.bot_run.started.wait(), room.bot_run.over(), room.doorway.was_put_out())
        await first_of(*ways_on, within=ENTERS_WITHIN)
        if (why := room.doorway.put_out_by) is not None:
            raise CannotMove(MoveFailure.UNREACHABLE, f"the bot {why.detail}")
        if not room.bot_run.started.is_set() or room.bot_run.is_over:
            raise CannotMove(MoveFailure.UNREACHABLE, "the bot did not get into the room in time")

    async def fall_silent(self) -> bool:
        self._is_silent = True
        return await self._last.fall_silent() is not None

    def writes_nothing_else(self) -> AbstractAsyncContextManager[Any]:
        return self._journal.in_order

    async def speak_again(self) -> None:
        if self._is_silent:
            self._is_silent = False
            await self._last.speak_again()

    async def go_on(self, there: Session) -> None:
        old, new = self._rooms.now, self._next
        self._journal.move(there)  # before anything is awaited: what waits in the journal goes on then
        self._turns.go_on_in(new.hearing, there.epoch)
        self._open_things.move(there.room, there.epoch)
        self._rooms.now, self._rooms.next, self._old = new, None, old
        self._is_silent = False
        old.doorway.close()
        if not self._left_behind(old):
            old.stage.silence()
        await self._let_user_follow(old)
        await self._settle(old, new)
        new.stage.take_part()
        await new.outbox.release()
        await self._listener.moved(self._journal.session)
        await new.doorway.open()

    async def leave_old(self) -> None:
        """Begin to: who is left behind is told a sentence, for which the next move need not wait."""
        old, self._old = self._old, None
        if old is not None:
            self._leaving.begin(self._leave(old))

    async def left(self) -> None:
        """Wait until the bot has left each room that its session has left."""
        await self._leaving.done()

    async def _leave(self, old: InRoom) -> None:
        try:
            await self._say_farewell(old)
            await asyncio.sleep(TOLD_WITHIN.total_seconds())
        finally:  # also where the stay ends meanwhile: the room would keep a bot that nobody has
            old.stage.silence()  # before its pipeline ends: a client that hears "peer left" does not follow
            await _close(old, Reason.MOVED_OUT)

    async def _say_farewell(self, old: InRoom) -> None:
        if self._left_behind(old) and not old.bot_run.is_over:
            await old.outbox.release()  # they read the sentence as well
            old.bot_run.fell_silent.clear()
            if await old.controls.say_that_it_moves():
                await first_of(old.bot_run.fell_silent.wait(), old.bot_run.over(), within=FAREWELL_WITHIN)

    async def give_up(self) -> None:
        await self.speak_again()
        room, self._rooms.next = self._rooms.next, None
        if room is not None:
            await _close(room, Reason.MOVED_OUT)

    @property
    def _next(self) -> InRoom:
        assert self._rooms.next is not None, "nothing was prepared"
        return self._rooms.next

    async def _tell_all(self, room: InRoom, there: Session, config: Mapping[str, Any]) -> dict[str, Any]:
        """What the second run is told of its session: all that the first one knows."""
        self._open_things.make_current()  # in the task of the second run
        self._at_hand.make_current()
        await room.controls.prepare(config)
        conversation = self._turns.carry()
        self._known = frozenset(said.id for said in self._turns.said)
        self._about = body_of(
            room.controls.session,
            conversation=conversation,
            by_person=self._turns.by_person(),
            owes_an_answer=False,
            remembered=await self._turns.remembering.of(there.conversation_user, room.hearing),
            equipment=room.controls.equipment,
        )
        return self._about

    def _left_behind(self, old: InRoom) -> frozenset[str]:
        return old.stage.people - {self._journal.session.brief.user_id}

    async def _let_user_follow(self, old: InRoom) -> None:
        """Tell the user's client where their bot is, and how to get there; nobody else, since their pass is in it."""
        session = self._journal.session
        user = session.brief.user_id
        if user not in old.stage.people:
            return
        try:
            connect = await self._connect(session)
        except Exception:  # they can join the room themselves
            log.exception("session_follow_failed", session_id=session.id)
            return
        old.stage.tell("transition", only=user, room_url=str(session.room), connect=connect)

    async def _settle(self, old: InRoom, new: InRoom) -> None:
        """End what is under way in the old room, and let the new one know of it, and of what came since it was told."""
        if old.hearing.floor.is_answering:
            await old.bot_run.say(InterruptionFrame())
            await old.hearing.floor.silence(INTERRUPTED_WITHIN)
        if old.hearing.uses_tools:
            await self._let_tools_return(old)
        old.hearing.end()
        new.hearing.take_in([said for said in self._turns.said if said.id not in self._known])
        self._about |= {
            "conversation": self._turns.before(),
            "participant_contexts": self._turns.by_person(),
            "owes_an_answer": owes_an_answer(self._turns.said),
            "owed_to": self._turns.owed_to(),
        }

    async def _let_tools_return(self, old: InRoom) -> None:
        deadline = asyncio.get_running_loop().time() + TOOLS_RETURN_WITHIN.total_seconds()
        while old.hearing.uses_tools and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  at rest
            await asyncio.sleep(0.02)
        await old.hearing.cancel_tools(INTERRUPTED_WITHIN)


async def _close(room: InRoom, reason: Reason) -> None:
    """End a run of the bot, and leave its room.  Neither may keep the other from happening."""
    try:
        async with asyncio.timeout(2 * CLOSES_WITHIN.total_seconds()):
            if room.bot_run.started.is_set():
                await room.bot_run.stop(reason)
            else:
                await room.bot_run.cancel()
    except Exception:
        log.exception("second_run_failed")
    try:
        async with asyncio.timeout(CLOSES_WITHIN.total_seconds()):
            await room.stage.disconnect()
    except TimeoutError:
        log.warning("room_close_failed")
    except Exception:
        log.exception("room_close_failed")
