"""What every benchmark does alike: take turns with its peer, and say the result as one JSON line at the end."""

import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def _busy() -> tuple[float, float]:
    """Seconds of processor time since the machine started: of everybody, and of this process and its children."""
    ours = sum(os.times()[:4])
    try:
        with open("/proc/stat") as lines:
            user, nice, system = map(int, lines.readline().split()[1:4])
    except OSError:  # not Linux
        return ours, ours
    return (user + nice + system) / os.sysconf("SC_CLK_TCK"), ours


BEGAN, BUSY_BEFORE = time.monotonic(), _busy()


def alternate(rounds: int, **contenders: Callable[[], T]) -> dict[str, list[T]]:
    """Let each contender run once a round, so that what the machine does meanwhile happens to all of them."""
    results: dict[str, list[T]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, run in contenders.items():
            results[name].append(run())
            print(f"round {number + 1} of {rounds}, {name}: {results[name][-1]}", file=sys.stderr, flush=True)
    return results


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def used_by(pid: int) -> float:
    """Seconds of processor time, by the scheduler's own account: its ticks would count nothing of so little."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def memory_of(pid: int, *kinds: str) -> float:
    """MB of a process, of these kinds of pages: `Pss` is its own, and a fair share of those that it has with others."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = dict(line.split(":", 1) for line in lines[1:])  # below a line that says what is counted
    return sum(int(sizes[kind].split()[0]) for kind in kinds) / 1024


def machine() -> str:
    """Where this was measured, as a line for people."""
    model = next((line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith("model name")), "")
    return f"{model or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def say(
    *, bench: str, ours: float, peer: float, peer_name: str, unit: str, ratio: float, **more: Any
) -> None:
    """Print the line that the result is read from; nothing may be printed after it."""
    line = {
        "bench": bench,
        "ours": round(ours, 3),
        "peer": round(peer, 3),
        "peer_name": peer_name,
        "ratio": round(ratio, 2),
        "unit": unit,
        **more,
        "load": _load(),
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    print(json.dumps(line), flush=True)


def _load() -> float:
    """How many cores others kept busy, on average, since this benchmark began."""
    everybody, ours = (now - before for now, before in zip(_busy(), BUSY_BEFORE, strict=True))
    return round(max(0.0, everybody - ours) / (time.monotonic() - BEGAN), 1)


def _cpuinfo() -> list[str]:
    try:
        with open("/proc/cpuinfo") as lines:
            return lines.read().splitlines()
    except OSError:
        return []
