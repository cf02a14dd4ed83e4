"""From `POST /join` to the bot's pipeline started, on warm workers.

Measured over HTTP: the join is sent with `?wait=`, and the clock stops when its answer has come, which is after
the pipeline has started and said so.  The peer is a process a bot: Python is started, pipecat imported, the
same pipeline started (`benchmarks/process_a_bot.py`); its clock stops at the line that says so.
"""

import http.client
import itertools
import json
import subprocess
import sys
import time

from benchmarks.report import alternate, percentile, say
from tests.rigs.product import KEY, Product, product

ROUNDS = 5
JOINS_A_ROUND = 40
rooms = itertools.count()


def joins(ours: Product) -> list[float]:
    """So many joins, one after another, each to a new room; the bot leaves before the next.  In ms."""
    connection = http.client.HTTPConnection("127.0.0.1", ours.port)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    took = []
    for _ in range(JOINS_A_ROUND):
        order = json.dumps({"room_url": f"local:bench-{next(rooms)}", "user_id": "ann"})
        began = time.perf_counter()
        connection.request("POST", "/join?wait=20", order, headers)
        reply = json.load(connection.getresponse())
        took.append((time.perf_counter() - began) * 1000)
        if reply["status"] != "live":
            raise SystemExit(f"a join ended as {reply}")
        connection.request("POST", "/leave", json.dumps({"session_id": reply["session_id"]}), headers)
        connection.getresponse().read()
    return took


def process_a_bot(ours: Product) -> float:
    """From the start of Python to its pipeline's, in ms."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.process_a_bot"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=ours.environ,
        text=True,
    )
    assert process.stdout is not None
    try:
        if not any(line.strip() == "started" for line in process.stdout):
            raise SystemExit("the peer's pipeline did not start")
        return (time.perf_counter() - began) * 1000
    finally:
        process.kill()
        process.wait()


def main() -> None:
    with product(SLOTS="2") as ours:
        joins(ours)  # each child runs its first bot
        results = alternate(ROUNDS, ours=lambda: joins(ours), peer=lambda: [process_a_bot(ours)])
    took = [each for round_ in results["ours"] for each in round_]
    peer = [each for round_ in results["peer"] for each in round_]
    p50, peer_p50 = percentile(took, 50), percentile(peer, 50)
    say(
        bench="join",
        ours=p50,
        peer=peer_p50,
        peer_name="a process a bot: Python, pipecat, the same pipeline",
        ratio=peer_p50 / p50,
        unit="ms from /join to the pipeline started",
        p50=round(p50, 2),
        p99=round(percentile(took, 99), 2),
        joins=len(took),
    )


if __name__ == "__main__":
    main()
