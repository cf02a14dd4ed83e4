"""The operator's commands as an operator runs them, on the real product, while it is being broken."""

import asyncio
import json
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import ROOT, product
from tests.rigs.stopping import stopped


@pytest.fixture(scope="module")
def greenroom():
    """One product for this module: each test leaves it whole."""
    with product(("redis", "web", "events", "bots", "control", "beat"), SLOTS="2") as running:
        yield running


def run(product, *arguments, within=60):
    """`greenroom ...` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "greenroom.app.cli", *arguments],
        cwd=ROOT,
        env=product.environ,
        capture_output=True,
        text=True,
        timeout=within,
    )


def doctor(product, *arguments):
    done = run(product, "doctor", "--json", *arguments)
    return done.returncode, json.loads(done.stdout)


def ill(product):
    """What is not ok, by check."""
    _, told = doctor(product)
    return {
        finding["check"]: finding["verdict"] for finding in told["findings"] if finding["verdict"] != "ok"
    }


def test_a_reaping_is_asked_for_and_control_says_what_it_found_and_did(greenroom):
    joined = greenroom.join("local:reaped")

    alive = run(greenroom, "reap", "local:reaped", "--json")
    over_http = greenroom.post("/rooms/local:reaped/reap")
    everywhere = run(greenroom, "reap")
    greenroom.post("/leave", {"room_url": "local:reaped"})
    free = run(greenroom, "reap", "local:reaped")

    assert alive.returncode == 0, alive.stderr
    (told,) = json.loads(alive.stdout)["rooms"]
    assert (told["found"], told["done"], told["session_id"]) == ("alive", "nothing", joined["session_id"])
    assert (over_http["status"], over_http["found"]) == ("done", "alive")
    assert (everywhere.returncode, everywhere.stdout.strip().endswith("overdue.")) == (0, True)
    assert free.stdout.startswith("local:reaped: no bot has it; nothing was to be done"), free.stdout


def test_a_reaping_that_nobody_does_says_so(greenroom):
    control = greenroom.process("control")
    with stopped(control.pid):
        done = run(greenroom, "reap", "local:unreaped", "--timeout", "1")
        over_http = greenroom.post("/rooms/local:unreaped/reap")

    assert (done.returncode, done.stdout) == (1, "")
    assert "greenroom workers" in done.stderr
    assert over_http["status"] == "asked"


def test_a_product_that_works_is_well_with_a_bot_and_without(greenroom):
    eventually(lambda: ill(greenroom) == {}, within=20)
    joined = greenroom.join("local:well")

    code, told = doctor(greenroom, "local:well")

    assert (code, told["verdict"]) == (0, "ok")
    assert told["says"].startswith(f"There is a bot: session {joined['session_id']}, heard ")
    assert eventually(lambda: ill(greenroom) == {}, within=20)
    greenroom.post("/leave", {"room_url": "local:well"})
    code, told = doctor(greenroom, "local:well")
    assert (code, told["session"]["reason"]) == (0, "left")


def test_a_redis_that_hangs_and_one_that_is_gone_are_told_apart(own_greenroom):
    redis = own_greenroom.process("redis")
    with stopped(redis.pid):
        hung = run(own_greenroom, "doctor", within=20)
        of_room = run(own_greenroom, "doctor", "local:stage", within=20)
        workers = run(own_greenroom, "workers", within=20)
    redis.kill("SIGKILL")
    gone = run(own_greenroom, "doctor", within=20)

    assert [done.returncode for done in (hung, of_room, workers, gone)] == [3, 3, 3, 3]
    assert "is hung" in hung.stdout and "is hung" in of_room.stdout
    assert "is hung" not in gone.stdout and "does that run?" in gone.stdout


def test_a_beat_that_hangs_is_told(greenroom):
    beat = greenroom.process("beat").pid
    with stopped(beat):
        told = eventually(lambda: ill(greenroom), within=30)
        assert told == {"beat": "problem"}

    eventually(lambda: ill(greenroom) == {}, within=30)


def test_a_worker_that_hangs_is_told_although_its_bot_is_heard(greenroom):
    greenroom.join("local:heard")
    with stopped(greenroom.process("bots").pid):
        told = eventually(lambda: "silent workers" in (seen := ill(greenroom)) and seen, within=40)

    assert told["workers"] == told["silent workers"] == "problem"
    greenroom.post("/leave", {"room_url": "local:heard"})
    eventually(lambda: ill(greenroom) == {}, within=30)


def test_a_bot_that_hangs_is_told_by_its_room_s_story(greenroom):
    greenroom.join("local:hangs")
    pid = int(greenroom.owner("local:hangs").rsplit("/", 1)[1])
    with stopped(pid):
        says = eventually(
            lambda: (
                "was last heard" in (told := doctor(greenroom, "local:hangs")[1])["says"] and told["says"]
            ),
            within=30,
        )

    assert "it should beat every 3 seconds" in says
    eventually(lambda: "it is live" in doctor(greenroom, "local:hangs")[1]["says"], within=30)
    greenroom.post("/leave", {"room_url": "local:hangs"})


def test_workers_are_listed_with_their_slots(greenroom):
    greenroom.join("local:listed")

    listed = json.loads(run(greenroom, "workers", "--json").stdout)["workers"]
    table = run(greenroom, "workers").stdout

    assert [(host["kind"], host["slots"]) for host in listed] == [("bots", 2), ("control", 8)]
    assert eventually(lambda: used(greenroom) == 1)
    assert table.startswith("WORKER") and "bots@" in table
    greenroom.post("/leave", {"room_url": "local:listed"})


def used(product):
    listed = json.loads(run(product, "workers", "--json").stdout)["workers"]
    return sum(host["used"] for host in listed if host["kind"] == "bots")


def test_a_drained_worker_takes_nothing_until_that_is_undone(own_greenroom):
    joined = own_greenroom.join("local:drained")
    host = own_greenroom.session(joined["session_id"])["host"]

    drained = run(own_greenroom, "drain", host)
    waiting = own_greenroom.join("local:waits", wait=0)
    story = doctor(own_greenroom, "local:waits")[1]["says"]
    undone = run(own_greenroom, "drain", "--undo", host.partition("@")[2])

    assert drained.returncode == 0, drained.stdout + drained.stderr
    assert f"{host}: 0 calls left on it" in drained.stdout
    assert "is empty, and takes no launches" in drained.stdout
    assert "draining" in story
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert (
        own_greenroom.ended(joined["session_id"]) == "no_show"
    )  # nobody had come: it is not kept for anybody
    eventually(lambda: own_greenroom.session(waiting["session_id"])["state"] == "live", within=30)


def test_a_drained_worker_s_calls_go_on_elsewhere(own_greenroom):
    joined = own_greenroom.join("local:handed")
    host = own_greenroom.session(joined["session_id"])["host"]
    own_greenroom.start("bots@elsewhere")
    eventually(lambda: "bots@elsewhere" in run(own_greenroom, "workers").stdout, within=30)
    eventually(lambda: doctor(own_greenroom, "local:handed")[0] == 0, within=30)

    drained = run(own_greenroom, "drain", host)

    assert drained.returncode == 0, drained.stdout + drained.stderr
    assert f"{host}: 0 calls left on it, 1 handed over" in drained.stdout
    story = run(own_greenroom, "doctor", "local:handed").stdout
    assert "on bots@elsewhere; it is live" in story
    assert "handed_over" in story


def test_an_unknown_worker_is_answered_with_those_there_are(greenroom):
    done = run(greenroom, "drain", "bots@nowhere")

    assert done.returncode == 1
    assert "There is no bot worker `bots@nowhere`; there are bots@" in done.stderr


async def visit(greenroom, joined):
    async with Person(greenroom.url, joined["connect"]):
        pass


def test_a_rolling_restart_replaces_the_worker_and_keeps_the_session(own_greenroom):
    joined = own_greenroom.join("local:restarted", user_id="ann")
    asyncio.run(visit(own_greenroom, joined))  # a bot that nobody ever came to would end instead
    before = own_greenroom.process("bots").pid

    with supervised(own_greenroom, "bots"):
        done = run(own_greenroom, "restart", within=120)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "is back, with 2 slots" in done.stdout and "All bot workers are new." in done.stdout
    assert own_greenroom.process("bots").pid != before
    eventually(lambda: own_greenroom.session(joined["session_id"])["state"] in {"live", "waiting"}, within=30)
    assert "lost" not in own_greenroom.events(joined["session_id"])


def test_a_worker_that_nobody_starts_again_is_named(own_greenroom):
    done = run(own_greenroom, "restart", "--back-within", "2")

    assert done.returncode == 1
    assert "did not come back within 2.0 s" in done.stderr


@contextmanager
def supervised(product, name):
    """What an operator's init system does: start it again when it has ended."""
    over = threading.Event()

    def watch():
        while not over.wait(0.1):
            if product.process(name).status == "exited":
                product.process(name).start()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
