"""Does what follows from who is there (`app/rooms/consequences.py`), and keeps the clock of an empty room."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog
from pipecat.frames.frames import InterruptionFrame, LLMMessagesUpdateFrame

from greenroom.app.rooms import consequences
from greenroom.app.rooms.consequences import Consequence
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Reason, State
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay.cleaning import Cleaning
from greenroom.bots.stay.controls import Say
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.mute import Mute
from greenroom.bots.stay.silence import Silence
from greenroom.bots.turns import Turns

INTERRUPTED_WITHIN = timedelta(seconds=1)  # how long it may take to cancel an answer
WRITTEN_WITHIN = timedelta(seconds=2)  # how long the last turns may take to be written

log = structlog.get_logger(__name__)


class CarryOut:
    """Carries out consequences for one stay's bot."""

    def __init__(
        self,
        *,
        people: Callable[[], frozenset[str]],
        journal: Journal,
        turns: Turns,
        open_things: RoomState,
        cleaning: Cleaning,
        change_conversation: Callable[[str], None],
        silence: Silence,
        mute: Mute,
        say: Say,
        end: End,
    ) -> None:
        self._people = people
        self._journal = journal
        self._turns = turns
        self._open_things = open_things
        self._cleaning = cleaning
        self._change_conversation = change_conversation  # in the room
        self._silence = silence
        self._mute = mute
        self._say = say
        self._end = end
        self._clock: asyncio.TimerHandle | None = None  # ends a session in an empty room

    def stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def at_once(self, consequence: Consequence) -> bool:
        """Carry it out, unless that takes time.  Returns whether it is done."""
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

    async def in_turn(self, consequence: Consequence) -> None:
        """Carry out one that takes time; whoever calls this does so one after the other, in their order."""
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
                self._mute.tell()
            case consequences.BeginConversation(person):
                await self._begin_conversation_of_another(person)
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

    async def _begin_conversation_of_another(self, person: str) -> None:
        await self.cut_off()
        self._open_things.close_all()
        await self.begin_conversation(person)
        begun = Happened.CONVERSATION_BEGUN
        await self._journal.note(begun, person=person, conversation_id=self._turns.conversation_id)

    async def cut_off(self) -> None:
        """End what is said and done: it would go on in the conversation that is about to begin."""
        if not self._turns.floor.is_quiet:
            await self._say(InterruptionFrame())
            await self._turns.floor.silence(INTERRUPTED_WITHIN)
        await self._turns.hearing.cancel_tools(INTERRUPTED_WITHIN)

    async def begin_conversation(self, person: str) -> None:
        """Begin another conversation with this person, of which the bot knows nothing but what it remembers of them."""
        if not self._turns.begin_another(person):
            await self._say(LLMMessagesUpdateFrame(messages=[], run_llm=False))
        self._turns.remembering.load(person)
        self._journal.change_conversation(self._turns.conversation_id)
        self._change_conversation(self._turns.conversation_id)
        await self._turns.written(WRITTEN_WITHIN)  # before the record names another person
