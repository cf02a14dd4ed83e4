"""The seam to pipecat: the only folder that reaches into it, or into aiortc, daily-python or LiveKit's client.

Three kinds of reaches, in the order of preference; where pipecat has a public way, none is needed.

- A subclass that we make ourselves (`PeerConnection`): it may use what it inherits.
- A replacement: a class that pipecat makes is ours, because `install` has put it where pipecat looks it up.
  `REPLACEMENTS` names each, and what fails without it.
- A diversion: one method of one object of a bot's, whose class may be the bot author's own (`diversions.py`).

`tests/unit/bots/seam/test_seam.py` says which of them a new release of pipecat or of the others breaks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from greenroom.app.rooms.room import DAILY, LIVEKIT, LOCAL
from greenroom.bots.seam import waits

# The releases that this folder was read against
READ_AGAINST: Mapping[str, str] = {
    "pipecat-ai": "1.14.0",
    "aiortc": "1.16.0",
    "livekit": "1.2.1",
    "daily-python": "0.36.0",
}


@dataclass(frozen=True)
class Replacement:
    """Something of a library's that is ours from `install` on."""

    needed_by: str  # the provider of a room
    module: str  # where the library looks it up
    name: str  # as what
    ours: str  # module:name, below this folder
    because: str  # what fails without it

    @property
    def theirs(self) -> str:
        return f"{self.module}.{self.name}"

    def load(self) -> Any:
        module, _, name = self.ours.partition(":")
        return getattr(import_module(f"{__name__}.{module}"), name)


def _paced() -> Iterator[Replacement]:
    """The modules that take differences of their own moments only: none compares with a moment from elsewhere."""
    for module in (
        "aiortc.mediastreams",
        "aiortc.rtcrtpreceiver",
        "aiortc.rtcrtpsender",
        "aiortc.rtcsctptransport",
        "pipecat.transports.base_output",
        "pipecat.transports.smallwebrtc.connection",
        "pipecat.transports.smallwebrtc.transport",
    ):
        yield Replacement(
            LOCAL,
            module,
            "time",
            "pace:steady",
            because="a wall clock that is set back by an hour silences a call for an hour; set forward, it sends an "
            "hour of silence at once",
        )


REPLACEMENTS: tuple[Replacement, ...] = (
    *_paced(),
    Replacement(
        LOCAL,
        "pipecat.transports.smallwebrtc.transport",
        "RawAudioTrack",
        "local:Voice",
        because="a bot that speaks when its peer goes waits ten seconds for sound to be taken, and is mute then",
    ),
    Replacement(
        LOCAL,
        "pipecat.transports.smallwebrtc.transport",
        "SmallWebRTCOutputTransport",
        "local:Output",
        because="a process that was frozen for ten seconds wakes up with an output that pipecat has given up for good",
    ),
    Replacement(
        LOCAL,
        "pipecat.transports.smallwebrtc.transport",
        "SmallWebRTCClient",
        "local:Client",
        because="a bot that waits for its person wakes up a hundred times a second to see whether they have come",
    ),
    Replacement(
        LOCAL,
        "aiortc.rtcicetransport",
        "Connection",
        "local:IceConnection",
        because="a paused bot wakes up fifty times a second for a client that goes on sending sound",
    ),
    Replacement(
        LOCAL,
        "aiortc.rtcrtpreceiver",
        "JitterBuffer",
        "jitter:JitterBuffer",
        because="a bot hears each word 80 ms later than it could, and 300 ms later from the first lost packet on",
    ),
    Replacement(
        LOCAL,
        "aioice.ice",
        "CONSENT_FAILURES",
        "local:CONSENT_FAILURES",
        because="a bot talks for more than half a minute to somebody whose network has gone",
    ),
    Replacement(
        LOCAL,
        "aiortc.rtcpeerconnection",
        "RTCDtlsTransport",
        "local:DtlsTransport",
        because="a paused bot decodes all that is said to it",
    ),
    Replacement(
        LIVEKIT,
        "pipecat.transports.livekit.transport",
        "LiveKitTransportClient",
        "livekit:Client",
        because="a bot that only prepares itself puts out the one that has the room, and bots hear each other",
    ),
    Replacement(
        DAILY,
        "pipecat.transports.daily.transport",
        "DailyTransportClient",
        "daily:Client",
        because="a bot joins before its turn, with a token that is too old, and bots hear each other",
    ),
    Replacement(
        DAILY,
        "pipecat.transports.daily.transport",
        "DailyInputTransport",
        "daily:Input",
        because="a person who comes back is another one to their bot, who is named by each of their stays",
    ),
)


def install(provider: str) -> None:
    """Put ours in the place of theirs for one provider's rooms, before any of it is made.  Safe to repeat."""
    waits.install()
    for each in REPLACEMENTS:
        if each.needed_by == provider:
            ours = each.load()  # before theirs is gone: ours is made of it
            setattr(import_module(each.module), each.name, ours)
