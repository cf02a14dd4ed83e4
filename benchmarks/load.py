"""A crowd of HTTP callers that costs little itself: prepared bytes over kept connections, on one event loop."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvloop


@dataclass(repr=False)
class Outcome:
    """What a crowd saw."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)  # in ms
    statuses: dict[bytes, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def __repr__(self) -> str:
        return f"{self.per_second:.0f}/s"


def request(port: int, path: str, body: bytes, key: str) -> bytes:
    """A POST as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def crowd(port: int, requests: Iterator[bytes], *, callers: int, seconds: float) -> Outcome:
    """Let callers ask one thing after another, all at once, for some seconds."""
    outcome = Outcome()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_crowd(port, requests, callers, seconds, outcome))
    return outcome


async def _crowd(
    port: int, requests: Iterator[bytes], callers: int, seconds: float, outcome: Outcome
) -> None:
    started = time.perf_counter()
    until = started + seconds
    await asyncio.gather(*(_caller(port, requests, until, outcome) for _ in range(callers)))
    outcome.seconds = time.perf_counter() - started


async def _caller(port: int, requests: Iterator[bytes], until: float, outcome: Outcome) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for asked in requests:
        began = time.perf_counter()
        if began > until:
            break
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        outcome.latencies.append((time.perf_counter() - began) * 1000)
        status = head[9:12]
        outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
    writer.close()
