"""What is said in one of a bot's pipelines: who has the floor there, what its model reads, and the turns it makes."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext

from greenroom.app.rooms.conversations import Turn
from greenroom.bots.turns.contexts import Contexts
from greenroom.bots.turns.floor import Floor
from greenroom.bots.turns.following import Follower, Meet
from greenroom.bots.turns.overhearing import Overhearer


class Hearing:
    """Follows one pipeline of a bot's, and makes turns of what happens in it."""

    def __init__(
        self,
        *,
        is_for_one: bool,
        on_turn: Callable[..., None],
        on_person: Meet,
        on_summary: Callable[[str | None, int, str, str], None] = lambda *_: None,
        now_ms: Callable[[], int],
    ) -> None:
        """`is_for_one`: only one person is ever in its room; else each has a context, as `on_person` begins it.

        `on_summary` is called when a context has been summed up: with whom it is, how many messages of theirs stand
        behind the summary as they were said, the summary, and the model that wrote it.
        """
        self.is_for_one = is_for_one
        self.floor = Floor()
        self.contexts = Contexts()
        self._on_turn = on_turn
        self._is_over = False
        self.is_followed = False  # by the events of pipecat's aggregators, which say who speaks
        self._follower = Follower(
            self.floor,
            self.contexts,
            on_turn=self._add,
            on_person=on_person,
            on_summary=self._sum_up,
            now_ms=now_ms,
        )
        self._on_summary = on_summary
        self._overhearer = Overhearer(self.floor, on_turn=self._add, now_ms=now_ms)

    def follow(self, pipeline: PipelineWorker) -> None:
        """Write down what comes into a bot's contexts; or what is heard, where it has none of pipecat's aggregators."""
        self.is_followed = self._follower.follow(pipeline)
        if not self.is_followed:
            self._overhearer.follow(pipeline)

    def message_added(self, message: Any, person: str | None = None) -> None:
        """A message has come into the bot's context, or into that with one person."""
        self._follower.message_added(message, person)

    def take_in(self, conversation: Sequence[Turn]) -> None:
        """Put what was said elsewhere behind what the bot's model reads."""
        self.contexts.extend(conversation)

    def _sum_up(self, context: LLMContext, gone: Sequence[Any], text: str, model: str) -> None:
        summed_up = self.contexts.sum_up(context, gone, text)
        if summed_up is not None:
            self._on_summary(*summed_up, text, model)

    @property
    def uses_tools(self) -> bool:
        """Whether a tool runs whose result is to come."""
        return self._follower.use_tools

    def end(self) -> None:
        """Make no turns any more: the session is in another room."""
        self._is_over = True

    def _add(self, role: str, content: str, **facts: Any) -> None:
        if not self._is_over:
            self._on_turn(role, content, **facts)

    def forget(self) -> None:
        """Begin another conversation."""
        self._follower.forget()
        self.contexts.clear()

    def settle(self) -> None:
        """Nobody is there to go on with what they were saying."""
        self._follower.settle()

    @property
    def calls_without_result(self) -> int:
        return self._follower.calls_without_result

    async def cancel_tools(self, within: timedelta) -> None:
        """Let no tool return into another person's conversation, also none that an interruption leaves running."""
        await self._follower.cancel_tools(within)
