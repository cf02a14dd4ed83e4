"""Somebody's device in a LiveKit room, a process of its own: killed, it is gone without a goodbye.

with device(joined["connect"]) as phone:
    ...
    phone.kill()
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from livekit import rtc


@contextmanager
def device(connect: Mapping[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """It is in the room when the block begins, and gone after it."""
    command = [sys.executable, "-m", "tests.fakes.device", connect["url"], connect["room_token"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "it did not get into the room"
            yield process
        finally:
            process.kill()


async def stay(url: str, token: str) -> None:
    room = rtc.Room()
    await room.connect(url, token)
    sys.stdout.write("in the room\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(stay(*sys.argv[1:]))
