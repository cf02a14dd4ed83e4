"""A frame that goes through a pipeline behind others, and tells when it is through."""

import asyncio
from dataclasses import dataclass, field

from pipecat.frames.frames import ControlFrame


@dataclass
class PassedFrame(ControlFrame):
    """At a pipeline's end, every part of it has done with what was put in before; no interruption takes it out."""

    interruptible: bool = field(default=False, init=False)
    passed: asyncio.Event = field(default_factory=asyncio.Event)
