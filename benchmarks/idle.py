"""What a bot costs while nobody talks with it: waiting in an empty room, or paused with its person in the room.

    make bench-idle                       four minutes
    make bench-idle ARGS="--bots 20"      with fewer bots at once

The whole product runs, with the demo's speech.  First each kind of idle bot alone: the share of a core that its process
takes, by the kernel's own account, over half a minute; a paused one has a person in its room whose microphone is on.
Then many waiting bots at once on one worker: the share of all of them, and their memory, of which shared pages count
once (PSS).  The peer is the limit that we set ourselves.
"""

import argparse
import asyncio
import os
import sys
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import report
from tests.fakes.livekit_guest import Guest
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import livekit_server
from tests.rigs.product import Product, product

LIMIT = 0.3  # percent of a core, a waiting or a paused bot
SETTLE = 8.0  # seconds: by then what follows a start, or a departure, is done
WINDOW = 30.0  # seconds measured: ten beats
TICK = os.sysconf("SC_CLK_TCK")

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bots", type=int, default=100)
    bots = parser.parse_args().bots
    alone = _alone()
    many = _many(bots)
    ours = max(alone.values())
    report.say(
        bench="idle",
        ours=ours,
        peer=LIMIT,
        peer_name="the limit",
        ratio=LIMIT / ours,
        unit="% of a core, the dearest kind of idle bot",
        **{kind: round(share, 3) for kind, share in alone.items()},
        bots=bots,
        bots_live=many["live"],
        bots_share=many["share"],
        bots_mb=many["mb"],
        bots_started_in_seconds=many["started_in_seconds"],
    )


def _alone() -> dict[str, float]:
    """The share of a core of each kind of idle bot, in percent."""
    with (
        livekit_server() as server,
        product((), SLOTS="4", **server.settings) as greenroom,
        _people() as people,
    ):
        rooms = {"local": "local:idle", "livekit": server.room()}
        shares: dict[str, float] = {}
        pids: dict[str, int] = {}
        for kind, room in rooms.items():
            joined = greenroom.join(room, bot="assistant", user_id=f"ann-{kind}")
            person = people.run(_enter(greenroom, joined["connect"]))
            time.sleep(SETTLE)  # it greets
            pids[kind] = int(greenroom.owner(room).rsplit("/", 1)[1])
            greenroom.post(f"/sessions/{joined['session_id']}/pause")
            time.sleep(SETTLE)
            shares[f"{kind}_paused"] = _shares([pids[kind]])[0]
            people.run(person.__aexit__(None, None, None))
            _until_waiting(greenroom, joined["session_id"])
            greenroom.post(f"/sessions/{joined['session_id']}/resume")
            time.sleep(SETTLE)
            shares[f"{kind}_waiting"] = _shares([pids[kind]])[0]
            print(shares, file=sys.stderr, flush=True)
        return shares


async def _enter(greenroom: Product, connect: dict[str, Any]) -> Person | Guest:
    """A person who is in the room, with a microphone that is on; made on the loop that they live on."""
    is_local = connect["provider"] == "local"
    person = Person(greenroom.url, connect) if is_local else Guest(connect)
    return await person.__aenter__()


def _until_waiting(greenroom: Product, session_id: str) -> None:
    eventually(lambda: greenroom.session(session_id)["state"] == "waiting", 30)


def _many(bots: int) -> dict[str, Any]:
    """So many bots on one worker, each alone in a room."""
    with product(SLOTS=str(bots)) as greenroom:
        eventually(lambda: str(bots) in greenroom.redis.hvals("hosts:free"), 300)
        began = time.monotonic()
        rooms = [f"local:idle-{number}" for number in range(bots)]
        for number, room in enumerate(rooms):  # their limit is a user's, so each has one of their own
            greenroom.join(room, bot="assistant", user_id=f"user-{number}", wait=20)
        started = time.monotonic() - began
        pids = [int(greenroom.owner(room).rsplit("/", 1)[1]) for room in rooms]
        time.sleep(SETTLE)
        shares = _shares(pids)
        memory = sum(map(_pss, pids))
        live = sum(
            session["state"] in ("live", "waiting")
            for session in greenroom.get("/sessions?limit=1000")["sessions"]
        )
        return {
            "live": live,
            "share": round(sum(shares) / bots, 3),
            "mb": round(memory / bots, 1),
            "started_in_seconds": round(started, 1),
        }


def _shares(pids: Sequence[int]) -> list[float]:
    """What each process takes of a core, in percent, from now on for WINDOW."""
    before, began = [_used(pid) for pid in pids], time.monotonic()
    time.sleep(WINDOW)
    lasted = time.monotonic() - began
    return [100 * (_used(pid) - was) / lasted for pid, was in zip(pids, before, strict=True)]


def _used(pid: int) -> float:
    """Seconds of processor time, by the scheduler's own account: its ticks would count nothing of so little."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def _pss(pid: int) -> float:
    """MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024


class _People:
    """An event loop of its own, for the people in the rooms."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@contextmanager
def _people() -> Iterator[_People]:
    with ExitStack() as stack:
        people = _People()
        stack.callback(people.close)
        yield people


if __name__ == "__main__":
    main()
