"""What a service has under way with its vendor: bounded, or dropped."""

from typing import Any

from pipecat.processors.frame_processor import FrameProcessor


def bound_client(service: FrameProcessor, within: float) -> None:
    """Let a service whose client is of OpenAI's or Anthropic's making wait no longer for each piece of an answer.

    Those clients wait for ten minutes, three times; pipecat does not say how long it wants them to.
    """
    client: Any = getattr(service, "_client", None)
    if hasattr(client, "max_retries") and hasattr(client, "timeout"):
        waits = getattr(client.timeout, "read", client.timeout)
        if waits is None or waits > within:
            client.timeout = within
        client.max_retries = 1


async def drop_request(service: FrameProcessor) -> None:
    """Cancel what a service does, as an interruption does, without one for anybody else."""
    await service._start_interruption()
