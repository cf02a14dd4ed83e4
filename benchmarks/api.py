"""How many joins a second the API takes, over real gunicorn, with key, validation, session record and launch.

`accepted` are joins that put a bot on its way, `found` are joins whose room has one.  No bot is started: whoever waits
is taken out of the line ten times a second, as workers would, since a full line takes nobody.  The peer is a bare Flask
view with the same script and one publish (`benchmarks/bare.py`), under the same gunicorn.
"""

import itertools
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from benchmarks.load import Outcome, crowd, request
from benchmarks.report import alternate, median, percentile, say
from greenroom.app.queue_names import LAUNCHES
from greenroom.app.storage import keys
from tests.rigs.ports import free_port
from tests.rigs.product import KEY, LocalProcess, Product, product
from tests.rigs.redis_world import flush

ROUNDS = 3
SECONDS = 5.0
CALLERS = 32
rooms = itertools.count()


def new_rooms(port: int) -> Iterator[bytes]:
    for number in rooms:
        body = json.dumps({"room_url": f"local:new-{number}", "user_id": f"user-{number}"}).encode()
        yield request(port, "/join", body, KEY)


def same_room(port: int) -> Iterator[bytes]:
    body = json.dumps({"room_url": "local:same", "user_id": "ann"}).encode()
    return itertools.repeat(request(port, "/join", body, KEY))


@contextmanager
def served(server: "redis.Redis") -> Iterator[None]:
    """For as long as the block lasts, nobody waits for long."""
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.wait(0.1):
            server.delete(keys.LAUNCHES_WAITING, keys.SESSIONS_LIVE, LAUNCHES)

    worker = threading.Thread(target=serve)
    worker.start()
    try:
        yield
    finally:
        is_over.set()
        worker.join()


def run(port: int, requests: Iterator[bytes], redis_of: Product) -> Outcome:
    flush(redis_of.redis)
    with served(redis_of.redis):
        crowd(port, itertools.islice(requests, 200), callers=CALLERS, seconds=1)
        outcome = crowd(port, requests, callers=CALLERS, seconds=SECONDS)
    unexpected = set(outcome.statuses) - {b"200", b"202"}
    if unexpected:
        raise SystemExit(f"the API answered {outcome.statuses}")
    return outcome


def main() -> None:
    with product(names=("redis", "web"), WEB_WORKERS="2", LOG_LEVEL="WARNING") as ours:
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "16"]
        command += ["--keep-alive", "75", "--bind", f"127.0.0.1:{port}", "benchmarks.bare:app"]
        bare = LocalProcess("bare", command, ours.environ, ours.folder / "bare.log")
        try:
            _wait_for(port)
            results = alternate(
                ROUNDS,
                accepted=lambda: run(ours.port, new_rooms(ours.port), ours),
                bare_accepted=lambda: run(port, new_rooms(port), ours),
                found=lambda: run(ours.port, same_room(ours.port), ours),
                bare_found=lambda: run(port, same_room(port), ours),
            )
        finally:
            bare.teardown()
    rate = {name: median([outcome.per_second for outcome in outcomes]) for name, outcomes in results.items()}
    accepted = [latency for outcome in results["accepted"] for latency in outcome.latencies]
    found = [latency for outcome in results["found"] for latency in outcome.latencies]
    say(
        bench="api",
        ours=rate["accepted"],
        peer=rate["bare_accepted"],
        peer_name="bare Flask view, same script, one publish",
        ratio=rate["accepted"] / rate["bare_accepted"],
        unit="accepted joins/s",
        p50=round(percentile(accepted, 50), 2),
        p99=round(percentile(accepted, 99), 2),
        found=round(rate["found"], 1),
        found_peer=round(rate["bare_found"], 1),
        found_ratio=round(rate["found"] / rate["bare_found"], 2),
        found_p50=round(percentile(found, 50), 2),
        found_p99=round(percentile(found, 99), 2),
    )


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the bare peer did not start")


if __name__ == "__main__":
    main()
