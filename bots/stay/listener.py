"""Hears from the stage who comes and goes, and carries out what `app/rooms/attendance.py` says follows from it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import structlog
from pipecat.frames.frames import InterruptionFrame, LLMMessagesUpdateFrame

from greenroom.app.errors import OthersThere
from greenroom.app.rooms import consequences, happenings
from greenroom.app.rooms.asking import check_alone, wish_of
from greenroom.app.rooms.attendance import Attendance
from greenroom.app.rooms.bodies import to_body
from greenroom.app.rooms.bot_answers import Cleaned
from greenroom.app.rooms.cleaning import CleanupMessage
from greenroom.app.rooms.consequences import Consequence
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.happenings import Happening
from greenroom.app.rooms.sessions import (
    NO_APPEARANCE,
    Appearance,
    Happened,
    Pause,
    Reason,
    Session,
    State,
)
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay.calls import Calls
from greenroom.bots.stay.cleaning import Cleaning
from greenroom.bots.stay.controls import Say
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.silence import Silence
from greenroom.bots.transports.stage import PutOut
from greenroom.bots.turns import Turns

INTERRUPTED_WITHIN = timedelta(seconds=1)  # how long it may take to cancel an answer
WRITTEN_WITHIN = timedelta(seconds=2)  # how long the last turns may take to be written

log = structlog.get_logger(__name__)


class RoomListener:
    """Told by the stage who comes and goes; keeps the clock that ends a session in an empty room."""

    def __init__(
        self,
        rules: Attendance,
        *,
        people: Callable[[], frozenset[str]],
        journal: Journal,
        turns: Turns,
        open_things: RoomState,
        cleaning: Cleaning,
        change_conversation: Callable[[str], None],
        silence: Silence,
        calls: Calls,
        say: Say,
        begin: Callable[[Coroutine[Any, Any, None]], object],
        end: End,
    ) -> None:
        """`begin` does something beside the rest."""
        self._rules = rules
        self._cleaning = cleaning
        self._people = people
        self._journal = journal
        self._turns = turns
        self._open_things = open_things
        self._change_conversation = change_conversation  # in the room
        self._silence = silence
        self._calls = calls
        self._say = say
        self._begin = begin
        self._end = end
        self._adopted_at = time.monotonic()
        self._clock: asyncio.TimerHandle | None = None  # ends a session in an empty room
        self._in_order = asyncio.Lock()
        self.gives_room_up = (
            False  # to the session's next bot, which then puts this one out: that is no end of the session
        )

    async def arrived(self, user_id: str, appearance: Appearance = NO_APPEARANCE) -> None:
        await self._follow(happenings.Arrived(user_id, self._people(), appearance))
        self._calls.came(user_id)

    async def departed(self, user_id: str) -> None:
        if self._journal.has_room:
            await self._follow(happenings.Departed(user_id, self._people()))
            self._calls.went(user_id)

    def put_out(self, why: PutOut) -> None:
        """End the stay, since the room's server has removed the bot."""
        if why.kind is Reason.SUPERSEDED and self.gives_room_up:
            return  # by the session's next bot; the hand-over ends this stay, or the next beat does
        if isinstance(why.kind, FailureKind):
            self._end.begin(Ending.by(BotFailure(why.kind, why.detail)))
        else:
            self._end.begin(Ending(why.kind, politely=False, detail=why.detail))

    def is_told_of(self, person: str) -> None:
        """The bot knows of this person what no other shall hear."""
        self._rules.is_told_of(person)

    async def started(self) -> None:
        """The bot's pipeline runs, and the room is its own."""
        await self._follow(happenings.Started(self._people(), self._since_adoption()))

    async def took_over(self, session: Session, known: frozenset[str]) -> None:
        """The room is the bot's now; `session` is as the bot before it left it."""
        self._change_conversation(session.conversation_id)
        await self._follow(happenings.TookOver(session, known))

    async def moves(self) -> None:
        """The bot makes ready to go to another room."""
        await self._follow(happenings.Moving())

    async def stays(self) -> None:
        """It does not go there after all."""
        await self._follow(happenings.Stays(self._people()))

    async def moved(self, session: Session) -> None:
        """It is in another room."""
        await self._follow(happenings.Moved(session, self._people(), self._since_adoption()))

    async def heed_pause(self, pause: Pause | None) -> None:
        """The session's record says that the bot is paused, or that it is not."""
        people = self._people()
        await self._follow(happenings.Paused(people, pause) if pause else happenings.Resumed(people))

    def give_way(self) -> bool:
        """End the session if nobody is here, since another waits for the slot; says whether it ends."""
        follows = self._rules.on(happenings.SlotWanted(self._people()))
        for consequence in follows:
            self._do_at_once(consequence)
        return bool(follows)

    async def asked_to_leave(self, teardown_delay: timedelta, detail: str) -> None:
        """The people go, and the bot waits so long for somebody to come back."""
        await self._follow(happenings.LeaveAsked(teardown_delay, detail, self._since_adoption()))

    async def expects_somebody(self) -> None:
        """Somebody has joined, and is on their way."""
        await self._follow(happenings.Expected(self._people()))

    async def clean_up(self, wish: str | None) -> Cleaned:
        """Cancel what the bot has under way, without the session's end; the same wish is done once."""
        return await self._cleaning.clean_up_for(wish)

    def asked_to_clean_up(
        self, by: str | None, message: CleanupMessage, answer: Callable[[dict[str, Any]], object]
    ) -> None:
        """A client's message asks for it; `answer` is called with what it is to be told, once it is done."""

        async def obey() -> None:
            try:
                check_alone(self._people(), by or "")
                cleaned = await self.clean_up(wish_of(by, message.timestamp))
            except OthersThere as error:
                answer(message.refusal(str(error)))
            else:
                answer(message.answer(to_body(cleaned)))

        self._begin(obey())

    def waits_for_slot(self) -> bool:
        """Whether the session waits for a slot, since no other worker has one; if not, it ends here."""
        follows = self._rules.on(happenings.NoOtherSlot())
        for consequence in follows:
            self._do_at_once(consequence)
        return consequences.Park() in follows

    def stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    async def _follow(self, happening: Happening) -> None:
        if self._end.has_begun:
            return
        follows = self._rules.on(happening)
        rest = [each for each in follows if not self._do_at_once(each)]
        async with self._in_order:
            for consequence in rest:
                await self._do(consequence)

    def _do_at_once(self, consequence: Consequence) -> bool:
        """False for a consequence that takes time: those are carried out one after the other, in order."""
        match consequence:
            case consequences.SetClock(after, reason, detail):
                self.stop_clock()
                is_asked_for = reason is Reason.LEFT  # then somebody may be there still, and hears goodbye
                loop, ending = asyncio.get_running_loop(), Ending(reason, is_asked_for, detail)
                self._clock = loop.call_later(after.total_seconds(), self._end.begin, ending)
            case consequences.StopClock():
                self.stop_clock()
                self._cleaning.let_people_be_answered()
            case consequences.FallSilent():
                self._silence.begin(self._journal.session.pause)
            case consequences.SpeakAgain():
                self._silence.end()
            case consequences.End(reason, detail):
                self._end.begin(Ending(reason, politely=False, detail=detail))
            case _:
                return False
        return True

    async def _do(self, consequence: Consequence) -> None:
        match consequence:
            case consequences.Enter(state):
                await self._journal.enter(state, detail=self._why(state))
            case consequences.WriteEvent(event, person, appearance):
                self._log(event, person)
                await self._journal.note(event, person=person, appearance=appearance)
            case consequences.KeepLeave(leave):
                await self._journal.keep_leave(leave)
            case consequences.ShowOpenThings():
                self._open_things.tell()
                self._silence.tell()
            case consequences.BeginConversation(person):
                await self._begin_conversation(person)
            case consequences.CancelAnswer():
                if self._turns.floor.is_answering:
                    await self._say(InterruptionFrame())
            case consequences.CleanUp():
                if not self._people():
                    self._cleaning.let_nobody_be_answered()
                await self._cleaning.clean_up()
            case consequences.ReadAnew():
                self._cleaning.begin_to_read_anew()

    def _why(self, state: State) -> str | None:
        """What stands beside a state in the history."""
        pause = self._journal.session.pause
        if state is not State.PAUSED or pause is None or pause.call is None:
            return None
        return f"for the call in {pause.call.room}"

    def _log(self, event: Happened, person: str) -> None:
        session = self._journal.session
        about = {"session_id": session.id, "epoch": session.epoch, "person": person}
        if event is Happened.PERSON_ARRIVED:
            log.info("person_arrived", **about)
        else:
            log.info("person_departed", **about)

    async def _begin_conversation(self, person: str) -> None:
        if not self._turns.floor.is_quiet:  # an answer that was under way would end in the new conversation
            await self._say(InterruptionFrame())
            await self._turns.floor.silence(INTERRUPTED_WITHIN)
        await self._turns.hearing.cancel_tools(INTERRUPTED_WITHIN)
        self._open_things.close_all()
        if not self._turns.begin_another(person):
            await self._say(LLMMessagesUpdateFrame(messages=[], run_llm=False))
        self._turns.remembering.load(person)
        self._journal.change_conversation(self._turns.conversation_id)
        self._change_conversation(self._turns.conversation_id)
        await self._turns.written(WRITTEN_WITHIN)  # before the record names another person
        begun = Happened.CONVERSATION_BEGUN
        await self._journal.note(begun, person=person, conversation_id=self._turns.conversation_id)

    def _since_adoption(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._adopted_at)
