"""Every scenario, in files by what goes wrong.  Importing this puts them on the list."""

from tests.chaos.scenarios import (
    clocks,
    commands,
    deaths,
    deploys,
    floods,
    flushes,
    launches,
    livekit,
    moves,
    outages,
    partitions,
)

__all__ = [
    "clocks",
    "commands",
    "deaths",
    "deploys",
    "floods",
    "flushes",
    "launches",
    "livekit",
    "moves",
    "outages",
    "partitions",
]
