"""Who stops after whom, and after how many seconds each is killed."""

import asyncio
import time
from collections.abc import Mapping

from greenroom.app.local.process import Process

# Names that are not here go with the first.
STOP_ORDER: tuple[Mapping[str, float], ...] = (
    {"web": 8.0, "beat": 8.0, "flower": 8.0},
    {"bots": 40.0},  # they hand their calls over, or say that they will be back
    {"control": 8.0, "events": 4.0},  # it tells of how the sessions ended
    {"redis": 6.0, "livekit": 2.0},  # LiveKit would wait for those who are in its rooms
)
OTHERS_STOP_WITHIN = 5.0  # seconds
GOES_ON: Mapping[str, str] = {"bots": "their calls go on after the next start"}
# With a Redis of ours there is no worker elsewhere to hand calls over to, and somebody waits at a terminal.  A session
# whose bot is killed goes on after the next start, as one that was parked does.
ALONE_STOPS_WITHIN = 9.0  # seconds, all of it
KEPT_FOR_LATER = (6.5, 2.0, 1.0, 0.0)  # seconds of ALONE_STOPS_WITHIN that are left at the end of each stage


async def stop_in_order(processes: Mapping[str, Process], *, is_alone: bool) -> None:
    """Stop them all, each stage after the one before; alone, with a Redis of ours, all of it is bounded."""
    named = {name for stage in STOP_ORDER for name in stage}
    others = {name: OTHERS_STOP_WITHIN for name in processes if name not in named}
    first, *later = STOP_ORDER
    stops_within = ALONE_STOPS_WITHIN if is_alone else float("inf")
    began = time.monotonic()
    for stage, kept in zip(({**others, **first}, *later), KEPT_FOR_LATER, strict=True):
        most = stops_within - (time.monotonic() - began) - kept
        stops = [
            processes[name].stop(min(within, max(1.0, most)), GOES_ON.get(name, ""))
            for name, within in stage.items()
            if name in processes
        ]
        await asyncio.gather(*stops)
