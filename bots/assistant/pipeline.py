"""The order of our bot's processors: top to bottom the path of a voice."""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.transports.base_transport import BaseTransport

from greenroom.bots.assistant.bounded_context import bounds
from greenroom.bots.assistant.ears import EndOfHearing
from greenroom.bots.assistant.people import People
from greenroom.bots.assistant.replies import Replies
from greenroom.bots.camera.avatar import Avatar
from greenroom.bots.speech import Speech


def build(
    transport: BaseTransport, speech: Speech, context: LLMContext, listening: LLMUserAggregatorParams
) -> Pipeline:
    """Arrange the parts.  The caller makes them, so that a test can pass scripted ones."""
    person, bot = LLMContextAggregatorPair(
        context, user_params=listening, assistant_params=bounds(speech.llm)
    )
    return Pipeline(
        [
            transport.input(),  # the person's voice
            speech.hearing(),  # as text
            person,  # as a turn in the context
            EndOfHearing(),  # nobody below needs the sound itself
            speech.llm,  # our answer
            speech.tts,  # as a voice
            transport.output(),  # in the person's ear
            bot,  # what was really said, back in the context
        ]
    )


def build_for_several(transport: BaseTransport, speech: Speech, people: People, avatar: Avatar) -> Pipeline:
    """The same, for a room of several: each person is heard alone, and each has a context."""
    return Pipeline(
        [
            transport.input(),  # everybody's voice
            people,  # each as turns in their context
            speech.llm,  # our answer
            speech.tts,  # as a voice
            avatar,  # and as a picture that moves with it
            transport.output(),  # in everybody's ear, and before their eyes
            Replies(
                people, bounds(speech.llm)
            ),  # what was really said, back in the context of whom it was said to
        ]
    )
