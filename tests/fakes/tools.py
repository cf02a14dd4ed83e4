"""A bot's tools without a session: what they have at hand is in memory; a scripted mind calls them as pipecat does."""

import json

from pipecat.frames.frames import LLMContextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator
from pipecat.processors.frameworks.rtvi.frames import RTVIUICommandFrame
from pipecat.tests.utils import SleepFrame, run_test

from greenroom.app.rooms.room import Room
from greenroom.bots.at_hand import AtHand
from greenroom.bots.room_state import RoomState
from greenroom.bots.tools.known import known_tools
from greenroom.bots.tools.toolbox import Toolbox
from tests.fakes.async_ledgers import Told
from tests.fakes.notes import FakeNotes
from tests.fakes.talk import Call, Mind
from tests.rigs.makers import ME, STAGE, a_session

FORUM_ROOM = Room.parse("wss://livekit.example.com/forum")


class Hands:
    """What tools have at hand, and what they did with it."""

    def __init__(self, *allowed, people=("ann",), **facts):
        self.told = []  # what is open, each time that it changes
        self.allowed = list(allowed) or list(known_tools())
        self.people = set(people)
        self.went = []  # where to
        self.has_ended = False
        self.notes = FakeNotes()
        self.open_things = RoomState(Told(), STAGE, epoch=7, owner=ME, tell=self.told.append)
        session = a_session(user_id="ann", **facts)
        self.here = AtHand(
            session=lambda: session,
            conversation_id=lambda: "a-conversation",
            now_ms=lambda: 5,
            people=lambda: self.people,
            open_things=self.open_things,
            notes=self.notes,
            allowed=lambda: self.allowed,
            ask_to_move=self._go,
            end=self._end,
        )

    def _go(self, session_id, place):
        self.went.append((session_id, place))
        return FORUM_ROOM

    def _end(self):
        self.has_ended = True

    @property
    def is_open(self):
        """What is open, by its name."""
        return {name: it.value for name, it in self.open_things.all.items()}

    async def use(self, tool, *, person="ann", known=None, **arguments):
        """The result of a call that a model makes in a conversation with a person, and the clients' commands."""
        return await self.send(tool, arguments, person=person, known=known)

    async def send(self, tool, arguments, *, person="ann", known=None):
        mind = Mind()
        toolbox = Toolbox(self.here, known or known_tools())
        toolbox.register(mind)
        self.context = toolbox.context(person, [{"role": "user", "content": "please"}])
        mind.script.append([Call(tool, arguments)])
        self.mind = mind
        down, _ = await run_test(
            Pipeline([mind, LLMAssistantAggregator(self.context)]),
            frames_to_send=[LLMContextFrame(self.context), SleepFrame(0.1)],
        )
        self.commands = [
            (each.command, each.payload) for each in down if isinstance(each, RTVIUICommandFrame)
        ]
        results = [each["content"] for each in self.context.messages if each["role"] == "tool"]
        assert len(results) == 1, results  # each call has one result, and is one message
        try:
            return json.loads(results[0])
        except ValueError:
            return results[0]
