"""What people's apps, and servers in their place, say to one stay's bot (`app/rooms/app_messages.py`)."""

import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any

import structlog
from pipecat.frames.frames import LLMMessagesAppendFrame
from pipecat.processors.frameworks.rtvi.frames import RTVISendTextFrame

from greenroom.app.errors.bots import BotPaused, NoContext, NotThere
from greenroom.app.errors.families import GreenroomError
from greenroom.app.rooms.app_events import as_told_to_model
from greenroom.app.rooms.app_messages import Rate, ToSession
from greenroom.app.rooms.bodies import to_body
from greenroom.app.rooms.conversations import whole
from greenroom.app.rooms.requests.answers import Done
from greenroom.app.rooms.requests.asked_bot import AskedBot
from greenroom.app.rooms.room_states import Open
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay.in_room import Rooms
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.quiet import QuietCall
from greenroom.bots.stay.silence import Silence

INTERRUPTED_WITHIN = timedelta(seconds=1)  # what the bot says when a text comes that is to be answered
TEXTS_REMEMBERED = 100  # by their timestamps, so that one that is sent twice is said once
FAILED = "That could not be done; the worker's log says why."

log = structlog.get_logger(__name__)


class App:
    """The apps of the people in one stay's room."""

    def __init__(
        self,
        *,
        journal: Journal,
        rooms: Callable[[], Rooms],
        open_things: RoomState,
        quiet: QuietCall,
        silence: Silence,
        asked: Callable[[], AskedBot],
        begin: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """`rooms` are where the bot is, `asked` is it as requests see it; `begin` does something beside the rest."""
        self._journal = journal
        self._rooms = rooms
        self._open_things = open_things
        self._quiet = quiet
        self._silence = silence
        self._asked = asked
        self._begin = begin
        self._rate = Rate()
        self._texts: OrderedDict[tuple[str, str], None] = OrderedDict()

    def sent(self, person: str, message: ToSession, answer: Callable[[dict[str, Any]], object]) -> None:
        """A person's client has sent this; `answer` is called with what it is to be told."""
        self._begin(self._obey(person, message, answer))

    async def _obey(
        self, person: str, message: ToSession, answer: Callable[[dict[str, Any]], object]
    ) -> None:
        try:
            done = await message.request(person).carry_out(self._asked())
        except ValueError as error:
            answer(message.refusal(f"That is not how {message.name} is sent: {error}."))
        except GreenroomError as error:
            answer(message.refusal(str(error)))
        except Exception:
            log.exception("message_failed", session_id=self._journal.session.id, kind=message.name)
            answer(message.refusal(FAILED))
        else:
            answer(message.answer(to_body(done or Done())))

    # What requests do

    def open(self, place: Open, value: object, person: str | None) -> Mapping[str, Any]:
        """Raises TooMuchState, TooManyAppMessages."""
        owner = self._counted(person)
        self._open_things.open(place, value, owner=owner)
        return self._open_things.told

    def close(self, place: Open, person: str | None) -> Mapping[str, Any]:
        self._counted(person)
        self._open_things.close(place)
        return self._open_things.told

    def tell_of_event(self, event: str, data: object, person: str | None) -> None:
        """Raises EventNotListed, UnreadableEvent, NoContext, NotThere, BotPaused, TooManyAppMessages."""
        here = self._rooms().now
        told = as_told_to_model(event, data, here.controls.app_events)
        whose = self._counted(self._there(person))
        if not here.hearing.contexts.note(whose, told):
            raise NoContext

    async def take_text(self, content: str, person: str | None, timestamp: str | None) -> None:
        """Raises NotThere, BotPaused, TooManyAppMessages."""
        whose = self._there(person)
        if timestamp is not None and (whose, timestamp) in self._texts:
            return
        self._counted(whose)
        if timestamp is not None:
            self._texts[whose, timestamp] = None
            if len(self._texts) > TEXTS_REMEMBERED:
                self._texts.popitem(last=False)
        here, text = self._rooms().now, whole(content)
        if here.hearing.floor.is_answering or here.voices.bot_speaks:
            await here.bot_run.interrupt(INTERRUPTED_WITHIN)
        line = LLMMessagesAppendFrame(messages=[{"role": "user", "content": text}], run_llm=True)
        await here.bot_run.say(line, RTVISendTextFrame(msg_id="", text=text, user_id=whose))

    def _there(self, person: str | None) -> str:
        """Whose message it is, who must be with the bot, and be heard by it.  Raises NotThere, BotPaused."""
        if self._silence.is_on:
            raise BotPaused
        people = self._rooms().now.stage.people
        whose = person or self._journal.session.brief.user_id
        if whose not in people:
            raise NotThere
        return whose

    def _counted(self, person: str | None) -> str:
        whose = person or self._journal.session.brief.user_id
        self._rate.forget({*self._rooms().now.stage.people, whose})
        self._rate.count(whose, time.monotonic())
        self._quiet.somebody_is_there()
        return whose
