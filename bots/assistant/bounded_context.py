"""How long a context our bot's model reads: then pipecat's summariser puts a summary in the place of what is old.

The model is asked beside the call, and answers in the meantime with the context as it is.
"""

from typing import Any

from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregatorParams
from pipecat.utils.context.llm_context_summarization import (
    LLMAutoContextSummarizationConfig,
    LLMContextSummaryConfig,
)

from greenroom.app.rooms.memory import CHARACTERS_A_TOKEN, LONGEST_SUMMARY
from greenroom.app.rooms.summarising import ASKED

LONGEST = 6000  # tokens: a model answers later, and costs more, the more it reads
MESSAGES_AT_MOST = (
    120  # a tenth of what Redis keeps of a conversation, so that it always has the last summary
)
MESSAGES_KEPT = 20  # as they were said, behind the summary
WRITTEN_WITHIN = 30.0  # seconds; else the next answer asks again


def bounds(mind: Any) -> LLMAssistantAggregatorParams:
    """The parameters of an aggregator that has `mind` sum up what is too long."""
    return LLMAssistantAggregatorParams(
        enable_auto_context_summarization=True,
        auto_context_summarization_config=LLMAutoContextSummarizationConfig(
            max_context_tokens=LONGEST,
            max_unsummarized_messages=MESSAGES_AT_MOST,
            summary_config=LLMContextSummaryConfig(
                target_context_tokens=LONGEST_SUMMARY // CHARACTERS_A_TOKEN,
                min_messages_after_summary=MESSAGES_KEPT,
                summarization_prompt=ASKED,
                # Asked directly: by frames pipecat tells the client of a summary that failed as of a failed answer
                llm=mind,
                summarization_timeout=WRITTEN_WITHIN,
            ),
        ),
    )
