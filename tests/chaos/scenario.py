"""What a scenario is, what it measures, and the list of all of them."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.lab import HOSTS, Lab
from tests.chaos.listener import Listener


@dataclass
class Report:
    """What came of a scenario."""

    number: str
    title: str
    is_timed: bool = True  # promises in seconds count; not where other tests run beside it on the same cores
    seconds: float = 0.0
    detect_ms: list[float] = field(default_factory=list)
    replace_ms: list[float] = field(default_factory=list)
    calls: int = 0
    lost_calls: int = 0
    doubles: int = 0
    lost_turns: int = 0
    lost_commands: int = 0
    facts: dict[str, object] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.faults

    def must(self, holds: object, otherwise: str) -> None:
        """Note a fault unless something holds; the scenario goes on, so that all that is wrong is said."""
        if not holds:
            self.faults.append(otherwise)

    def within(self, took: float, seconds: float, otherwise: str) -> None:
        """Note a fault if something took longer than was promised."""
        self.must(took <= seconds or not self.is_timed, otherwise)

    def take(self, guest: Listener) -> None:
        """What a guest's whole stay was like goes into the report."""
        verdict = guest.judge()
        self.calls += 1
        self.lost_calls += verdict.lost_calls
        self.doubles += verdict.doubles
        self.lost_turns += verdict.lost_turns
        if verdict.lost_calls:
            self.faults.append(f"the call in {guest.room} was ended: {guest.ended}")
        if verdict.lost_turns:
            self.faults.append(f"{verdict.lost_turns} turns were lost in {guest.room}")
        if verdict.doubled_turns:
            self.faults.append(f"{verdict.doubled_turns} turns were kept twice in {guest.room}")
        self.faults += [f"two bots in {guest.room}: {double}" for double in guest.doubles.values()]

    def line(self) -> str:
        """One line for people."""
        parts = [f"{'ok  ' if self.passed else 'FAIL'} {self.number:>6}  {self.title} ({self.seconds:.0f} s)"]
        for name, values in (("detect", self.detect_ms), ("replace", self.replace_ms)):
            if values:
                parts.append(f"{name} {' '.join(f'{value:.0f}' for value in values)} ms")
        if self.calls:
            parts.append(
                f"calls {self.calls}, dropped {self.lost_calls}, doubles {self.doubles}, lost turns {self.lost_turns}"
            )
        if self.lost_commands:
            parts.append(f"lost commands {self.lost_commands}")
        parts += [f"{name} {value}" for name, value in self.facts.items()]
        return "; ".join(parts) + "".join(f"\n          - {fault}" for fault in self.faults)


Play = Callable[[Lab, Report], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """A disturbance, and what must hold."""

    number: str
    title: str
    play: Play
    lane: str  # those of a lane run one after the other
    own: bool  # a product of its own
    livekit: bool  # its calls are in rooms of a LiveKit server
    hosts: tuple[str, ...]
    settings: Mapping[str, str]

    async def run(self, lab: Lab) -> Report:
        """Play it; whatever is raised is a fault."""
        report = Report(self.number, self.title)
        started = asyncio.get_running_loop().time()
        try:
            await self.play(lab, report)
        except Exception as error:
            report.faults.append(f"{type(error).__name__}: {error} ({_where(error)})")
        report.seconds = asyncio.get_running_loop().time() - started
        return report


def _where(error: Exception) -> str:
    """The last places of ours that an error came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "tests" in frame.filename]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-4:])


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    number: int | str,
    title: str,
    *,
    lane: str = "lively",
    own: bool = False,
    livekit: bool = False,
    hosts: tuple[str, ...] = HOSTS,
    **settings: Any,
) -> Callable[[Play], Play]:
    """Put a function on the list."""

    def listed(play: Play) -> Play:
        SCENARIOS[str(number)] = Scenario(str(number), title, play, lane, own, livekit, hosts, settings)
        return play

    return listed
