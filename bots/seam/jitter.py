"""The order of what comes from a peer: sound goes on at once, and waits only for what was overtaken on its way.

aiortc keeps each packet of sound until four more have come, as a player must that may never stop.  A bot plays nothing:
it would only hear everything 80 ms later, and 300 ms later from the first lost packet on.
"""

from aiortc.jitterbuffer import MAX_MISORDER, JitterFrame
from aiortc.jitterbuffer import JitterBuffer as Theirs
from aiortc.rtp import RtpPacket

WAITS_FOR_MISSING = 3  # packets that come after it, 60 ms: then it is lost
NUMBERS = 1 << 16  # packets are numbered modulo this


class JitterBuffer(Theirs):
    """aiortc's for pictures; sound, of which each packet can be decoded by itself, is not held back."""

    def __init__(self, capacity: int, prefetch: int = 0, is_video: bool = False) -> None:
        super().__init__(capacity, prefetch, is_video)
        self._is_sound = not is_video
        self._next: int | None = None  # the number of the packet that is to go on
        self._early: dict[int, RtpPacket] = {}  # by how many are to go on before it

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Whether pictures have to begin anew, and what can be decoded now."""
        if not self._is_sound:
            return super().add(packet)
        found = self._in_order(packet)
        return False, None if found is None else _frame(found)

    def _in_order(self, packet: RtpPacket) -> RtpPacket | None:
        if self._next is None:
            self._next = packet.sequence_number
        ahead = (packet.sequence_number - self._next + NUMBERS // 2) % NUMBERS - NUMBERS // 2
        if abs(ahead) >= MAX_MISORDER:  # the peer counts anew, or much was not taken
            self._early.clear()
            self._next, ahead = packet.sequence_number, 0
        if ahead < 0:
            return None  # too late: others have gone on before it
        self._early[ahead] = packet
        if 0 not in self._early and len(self._early) <= WAITS_FOR_MISSING:
            return None
        first = min(self._early)
        found = self._early.pop(first)
        self._next = (self._next + first + 1) % NUMBERS
        self._early = {ahead - first - 1: each for ahead, each in self._early.items()}
        return found


def _frame(packet: RtpPacket) -> JitterFrame:
    """A packet's sound, as aiortc has put it there before it hands the packet over."""
    return JitterFrame(packet._data, packet.timestamp)  # type: ignore[attr-defined]
