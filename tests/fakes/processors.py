"""What a bot's pipeline is made of, and what it was given: a model, an input and an output."""

from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams


class Mind(FrameProcessor):
    """A model, as pipecat's bots have one."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def cancel_function_calls(self):
        """What makes it one."""

    async def process_frame(self, frame, direction):
        self.asked.append(frame)

    async def queue_frame(self, frame, direction=FrameDirection.DOWNSTREAM, callback=None):
        await self.process_frame(frame, direction)


class Ear(BaseInputTransport):
    def __init__(self):
        super().__init__(TransportParams(audio_in_enabled=True))
        self.heard = []

    async def push_audio_frame(self, frame):
        self.heard.append(frame)


class Mouth(BaseOutputTransport):
    def __init__(self):
        super().__init__(TransportParams(audio_out_enabled=True))
        self.said = []

    async def process_frame(self, frame, direction):
        self.said.append(frame)
