"""A clock that does not jump, for libraries that pace a call's sound by the wall clock.

aiortc and pipecat send the next 10 ms of sound when `time.time()` says so.  A wall
clock that is set back by an hour would silence a call for an hour; set forward, an
hour of silence would be sent at once, on an event loop that does nothing else.
"""

import time
from types import ModuleType

import aiortc.mediastreams
import aiortc.rtcrtpreceiver
import aiortc.rtcrtpsender
import aiortc.rtcsctptransport
import pipecat.transports.base_output
import pipecat.transports.smallwebrtc.connection
import pipecat.transports.smallwebrtc.transport

# Those that take differences of their own moments only: none compares with a moment from elsewhere.
PACED = (
    aiortc.mediastreams,
    aiortc.rtcrtpreceiver,
    aiortc.rtcrtpsender,
    aiortc.rtcsctptransport,
    pipecat.transports.base_output,
    pipecat.transports.smallwebrtc.connection,
    pipecat.transports.smallwebrtc.transport,
)


class Steady(ModuleType):
    """The module `time`, whose `time()` goes on from where it is, whatever is done to the clock."""

    def __init__(self) -> None:
        super().__init__("time", self.__doc__)
        self._ahead = time.time() - time.monotonic()

    def time(self) -> float:
        return self._ahead + time.monotonic()

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)


def keep_pace() -> None:
    """Give those libraries that clock.  Safe to repeat."""
    steady = Steady()
    for module in PACED:
        vars(module)["time"] = steady
