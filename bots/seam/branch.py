"""A pipeline inside a pipeline that has begun, and an aggregator that writes into one context after another."""

from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator


class Branch(Pipeline):
    """A pipeline that comes into being while the one around it runs."""

    async def open(self, setup: Any) -> None:
        """As pipecat's worker sets up the pipeline that it has from the beginning."""
        self._setup_started()
        await self.setup(setup)
        self._setup_finished()


class AssistantAggregator(LLMAssistantAggregator):
    """pipecat's, for a bot that has a context with each of several people."""

    def write_into(self, context: LLMContext) -> None:
        """Write what is answered from now on into this context."""
        self._context = context

    def take_back_run(self) -> bool:
        """Whether the model was to run later, when nobody speaks any more: by then another context may be written into.

        It does not, from now on.
        """
        was_to_run = self._push_context_on_bot_stopped_speaking or self._context_push_owed
        self._push_context_on_bot_stopped_speaking = self._context_push_owed = False
        return was_to_run
