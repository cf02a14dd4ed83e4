"""A pipeline inside a pipeline that has begun, and an aggregator that writes into one context after another."""

from collections.abc import Callable
from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_context_summarizer import LLMContextSummarizer
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator


class Branch(Pipeline):
    """A pipeline that comes into being while the one around it runs."""

    async def open(self, setup: Any) -> None:
        """As pipecat's worker sets up the pipeline that it has from the beginning."""
        self._setup_started()
        await self.setup(setup)
        self._setup_finished()


class AssistantAggregator(LLMAssistantAggregator):
    """pipecat's, for a bot that has a context with each of several people, and sums up each of them.

    Its parameters name the model that sums up (`summary_config.llm`): pipecat has it asked by frames for its first
    context alone.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.summarizers: list[LLMContextSummarizer] = []
        self.on_summarizer: Callable[[LLMContextSummarizer], None] = lambda _: None
        self._summarizer_of: dict[int, LLMContextSummarizer] = {}  # by the context's identity
        self._setup_of_all: Any = None

    async def setup(self, setup: Any) -> None:
        await super().setup(setup)
        self._setup_of_all = setup

    async def cleanup(self) -> None:
        await super().cleanup()
        for summarizer in self.summarizers:
            await summarizer.cleanup()

    async def write_into(self, context: LLMContext) -> None:
        """Write what is answered from now on into this context."""
        self._context = context
        if id(context) not in self._summarizer_of:
            self._summarizer_of[id(context)] = await self._summarizer_for(context)
        self._summarizer = self._summarizer_of[id(context)]

    async def _summarizer_for(self, context: LLMContext) -> LLMContextSummarizer:
        """It keeps the context, whose identity stays its own."""
        summarizer = LLMContextSummarizer(
            context=context,
            config=self._params.auto_context_summarization_config,
            auto_trigger=self._params.enable_auto_context_summarization,
        )
        if self._setup_of_all is not None:
            await summarizer.setup(self._setup_of_all)
        self.summarizers.append(summarizer)
        self.on_summarizer(summarizer)
        return summarizer

    def take_back_run(self) -> bool:
        """Whether the model was to run later, when nobody speaks any more: by then another context may be written into.

        It does not, from now on.
        """
        was_to_run = self._push_context_on_bot_stopped_speaking or self._context_push_owed
        self._push_context_on_bot_stopped_speaking = self._context_push_owed = False
        return was_to_run
