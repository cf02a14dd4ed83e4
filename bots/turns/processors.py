"""All that a bot's pipeline is made of."""

from collections.abc import Iterator

from pipecat.processors.frame_processor import FrameProcessor


def processors_of(pipeline: FrameProcessor) -> Iterator[FrameProcessor]:
    """The processors in a pipeline, and in those that it has inside."""
    for processor in pipeline.processors:
        yield processor
        yield from processors_of(processor)
