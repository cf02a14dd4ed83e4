"""What a bot costs while nobody talks with it: waiting in an empty room, or paused with its person in the room.

    make bench-idle                       two minutes
    make bench-idle ARGS="--bots 20"      with fewer bots at once

The whole product runs, with the demo's speech.  First one bot in a local room and one in a LiveKit room: the share of a
core that the process of each takes, by the kernel's own account, while it is paused (a person is in its room, whose
microphone is on), and while it waits for somebody.  Then many waiting bots at once on one worker: the share of all of
them, and their memory, of which shared pages count once (PSS).  The peer is the limit that we set ourselves.
"""

import argparse
import asyncio
import signal
import sys
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from benchmarks import report
from tests.fakes.livekit_guest import Guest
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import livekit_server
from tests.rigs.product import Product, product

LIMIT = 0.3  # percent of a core, a waiting or a paused bot
SETTLE = 8.0  # seconds: by then what follows a start, or a departure, is done
WINDOW = 20.0  # seconds measured: seven beats
JOINS_AT_ONCE = 4
FORKED_WITHIN = 150  # seconds, for a process for each of the bots
ENDS_WITHIN = 500  # seconds: a quiet machine needs a quarter of it

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bots", type=int, default=100)
    bots = parser.parse_args().bots
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(ENDS_WITHIN)
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
        local_waiting=round(alone["local_waiting"], 3),
        local_paused=round(alone["local_paused"], 3),
        livekit_waiting=round(alone["livekit_waiting"], 3),
        livekit_paused=round(alone["livekit_paused"], 3),
        bots=bots,
        bots_live=many["live"],
        bots_share=many["share"],
        bots_all_share=many["all_share"],
        bots_mb=many["mb"],
        bots_all_mb=many["all_mb"],
        bots_started_in_seconds=many["started_in_seconds"],
    )


def _give_up(*_: object) -> None:
    raise TimeoutError(f"it did not end within {ENDS_WITHIN} seconds")


def _alone() -> dict[str, float]:
    """The share of a core of each kind of idle bot, in percent."""
    with livekit_server() as server, product((), **server.settings) as greenroom, _people() as people:
        rooms = {"local": "local:idle", "livekit": server.room()}
        bots = {kind: greenroom.join(room, bot="assistant", user_id=kind) for kind, room in rooms.items()}
        there = [people.run(_enter(greenroom, joined["connect"])) for joined in bots.values()]
        time.sleep(SETTLE)  # they greet
        pids = [_pid(greenroom, room) for room in rooms.values()]
        sessions = [joined["session_id"] for joined in bots.values()]
        for session in sessions:
            greenroom.post(f"/sessions/{session}/pause")
        paused = _shares_once_settled(pids)
        for person in there:
            people.run(person.__aexit__(None, None, None))
        for session in sessions:
            eventually(lambda session=session: greenroom.session(session)["state"] == "waiting", 30)  # type: ignore[misc]
            greenroom.post(f"/sessions/{session}/resume")
        waiting = _shares_once_settled(pids)
        assert pids == [_pid(greenroom, room) for room in rooms.values()], "a bot was lost meanwhile"
        shares = {
            **{f"{kind}_paused": share for kind, share in zip(bots, paused, strict=True)},
            **{f"{kind}_waiting": share for kind, share in zip(bots, waiting, strict=True)},
        }
        print(shares, file=sys.stderr, flush=True)
        return shares


def _shares_once_settled(pids: Sequence[int]) -> list[float]:
    time.sleep(SETTLE)
    return _shares(pids)


def _pid(greenroom: Product, room: str) -> int:
    return int(greenroom.owner(room).rsplit("/", 1)[1])


async def _enter(greenroom: Product, connect: dict[str, Any]) -> Person | Guest:
    """A person who is in the room, with a microphone that is on; made on the loop that they live on."""
    is_local = connect["provider"] == "local"
    person = Person(greenroom.url, connect) if is_local else Guest(connect)
    return await person.__aenter__()


def _many(bots: int) -> dict[str, Any]:
    """So many bots on one worker, each alone in a room."""
    with product(("redis", "web", "control", "beat"), SLOTS=str(bots)) as greenroom:
        greenroom.start("bots", within=FORKED_WITHIN)
        eventually(lambda: str(bots) in greenroom.redis.hvals("hosts:free"), FORKED_WITHIN)
        rooms = [f"local:idle-{number}" for number in range(bots)]

        def join(room: str) -> None:  # a user's sessions are limited, so each has a user of its own
            greenroom.join(room, bot="assistant", user_id=room.rpartition(":")[2], wait=20)

        began = time.monotonic()
        with ThreadPoolExecutor(JOINS_AT_ONCE) as pool:
            list(pool.map(join, rooms))
        started = time.monotonic() - began
        print(f"{bots} bots joined in {started:.1f} s", file=sys.stderr, flush=True)
        pids = [_pid(greenroom, room) for room in rooms]
        shares = _shares_once_settled(pids)
        memory = sum(report.memory_of(pid, "Pss") for pid in pids)
        live = sum(
            session["state"] in ("live", "waiting")
            for session in greenroom.get("/sessions?limit=1000")["sessions"]
        )
        return {
            "live": live,
            "share": round(sum(shares) / bots, 3),
            "all_share": round(sum(shares), 1),
            "mb": round(memory / bots, 1),
            "all_mb": round(memory),
            "started_in_seconds": round(started, 1),
        }


def _shares(pids: Sequence[int]) -> list[float]:
    """What each process takes of a core, in percent, from now on for WINDOW."""
    before, began = [report.used_by(pid) for pid in pids], time.monotonic()
    time.sleep(WINDOW)
    lasted = time.monotonic() - began
    return [100 * (report.used_by(pid) - was) / lasted for pid, was in zip(pids, before, strict=True)]


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
