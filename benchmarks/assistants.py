"""What it costs a join to name an assistant, whose definition is in SQL: joins a second, beside joins that name none.

Over real gunicorn, as `bench-api` does it.  A web process remembers an assistant for three seconds, and reads it anew
beside the joins that name it.
"""

import itertools
import json
from collections.abc import Iterator

from benchmarks.api import ROUNDS, rooms, run
from benchmarks.load import request
from benchmarks.report import alternate, median, percentile, say
from tests.rigs.product import KEY, product

ASSISTANTS = 50


def with_assistants(port: int) -> Iterator[bytes]:
    names = itertools.cycle(range(ASSISTANTS))
    for number, which in zip(rooms, names, strict=False):
        order = {"room_url": f"local:new-{number}", "user_id": f"user-{number}", "assistant": f"a-{which}"}
        yield request(port, "/join", json.dumps(order).encode(), KEY)


def without(port: int) -> Iterator[bytes]:
    for number in rooms:
        order = {"room_url": f"local:new-{number}", "user_id": f"user-{number}", "personality": "host"}
        yield request(port, "/join", json.dumps(order).encode(), KEY)


def main() -> None:
    with product(names=("redis", "web"), WEB_WORKERS="2", LOG_LEVEL="WARNING") as ours:
        for number in range(ASSISTANTS):
            ours.post("/assistants", {"name": f"a-{number}", "personality": "host", "persona": "Pearl"})
        results = alternate(
            ROUNDS,
            named=lambda: run(ours.port, with_assistants(ours.port), ours),
            none=lambda: run(ours.port, without(ours.port), ours),
        )
    rate = {name: median([outcome.per_second for outcome in outcomes]) for name, outcomes in results.items()}
    late = {
        name: percentile([latency for outcome in outcomes for latency in outcome.latencies], 99)
        for name, outcomes in results.items()
    }
    say(
        bench="assistants",
        ours=rate["named"],
        peer=rate["none"],
        peer_name="the same joins without an assistant",
        ratio=rate["named"] / rate["none"],
        unit="accepted joins/s",
        p99=round(late["named"], 2),
        peer_p99=round(late["none"], 2),
    )


if __name__ == "__main__":
    main()
