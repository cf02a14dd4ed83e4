"""What bots of others leave behind, and how they fail: a slot is freed all the same, and the cause is told."""

import os
import signal

import psutil
import pytest

from greenroom.app.rooms.workers import ReadHosts
from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.eventually import eventually
from tests.rigs.product import product

NASTY = (
    "quiet", "clinging", "stubborn", "blocking", "threading_on", "many_threads", "breeding", "leaking",
    "raising", "exiting", "crashing",
)  # fmt: skip


@pytest.fixture(scope="module")
def greenroom():
    bots = ",".join(f"{name}=tests.fakes.bots:{name}" for name in NASTY)
    with product(SLOTS="1", BOTS=bots) as running:
        yield running


@pytest.fixture(scope="module")
def ledger(greenroom):
    ledger = RedisLedger(greenroom.environ["REDIS_URL"])
    yield ledger
    ledger.close()


def pid_of_bot(greenroom, room):
    return int(greenroom.owner(room).rsplit("/", 1)[1])


def slots_used(ledger):
    hosts = ledger.run(ReadHosts())
    return sum(host.used for host in hosts if host.kind == "bots")


def has_room_for_another(greenroom, ledger):
    """Within the time in which a process is done with its bot, and a margin for a machine that has much to do."""
    eventually(lambda: slots_used(ledger) == 0, within=10)
    joined = greenroom.join("local:next", wait=30)
    pid = pid_of_bot(greenroom, "local:next")
    greenroom.post("/leave", {"session_id": joined["session_id"]})
    eventually(lambda: slots_used(ledger) == 0, within=10)
    return joined["status"] == "live" and pid


@pytest.mark.parametrize(
    "bot", ["clinging", "stubborn", "blocking", "threading_on", "many_threads", "leaking"]
)
def test_a_bot_that_leaves_something_behind_frees_its_slot_and_its_process_takes_no_other(
    greenroom, ledger, bot
):
    """A task that did not let itself be cancelled kept the slot, without a session, until Celery's hard limit."""
    joined = greenroom.join(f"local:{bot}", bot=bot)
    pid = pid_of_bot(greenroom, f"local:{bot}")
    greenroom.post("/leave", {"session_id": joined["session_id"]})

    assert greenroom.ended(joined["session_id"]) == "left"
    assert has_room_for_another(greenroom, ledger) not in (False, pid)
    eventually(lambda: not psutil.pid_exists(pid))


def test_a_bot_that_leaves_nothing_behind_leaves_its_process_to_the_next(greenroom, ledger):
    joined = greenroom.join("local:clean")
    pid = pid_of_bot(greenroom, "local:clean")
    greenroom.post("/leave", {"session_id": joined["session_id"]})

    assert has_room_for_another(greenroom, ledger) == pid


def test_processes_that_a_bot_has_begun_end_with_it(greenroom, ledger):
    joined = greenroom.join("local:breeding", bot="breeding")
    begun = psutil.Process(pid_of_bot(greenroom, "local:breeding")).children(recursive=True)
    greenroom.post("/leave", {"session_id": joined["session_id"]})

    assert len(begun) >= 2
    eventually(lambda: not any(process.is_running() for process in begun))
    assert has_room_for_another(greenroom, ledger)


def lost(greenroom, session_id):
    return [
        event
        for event in greenroom.get(f"/sessions/{session_id}/events")["events"]
        if event["event"] == "lost"
    ]


@pytest.mark.parametrize(
    ("bot", "cause"),
    [
        ("raising", "raised ValueError: no such key: 'colour' (tests/fakes/bots.py:"),
        ("exiting", "called sys.exit(3) (tests/fakes/bots.py:"),
        ("crashing", "died with its process, which was killed by SIGSEGV"),
    ],
)
def test_a_bot_that_fails_is_named_with_its_cause_also_when_it_dies_too_often(greenroom, ledger, bot, cause):
    """It was "its bot died 3 times", without a message, a line or an exit code; and it took 27 s to know."""
    joined = greenroom.join(f"local:{bot}", bot=bot)
    reason = greenroom.ended(joined["session_id"], within=40)
    events = greenroom.get(f"/sessions/{joined['session_id']}/events")["events"]

    assert reason == "crashed_too_often"
    assert events[-1]["detail"].startswith(f"its bot died 3 times in ten minutes; the last time {cause}")
    first = next(event for event in events if event["event"] == "lost")
    assert first["detail"].startswith(cause)
    assert has_room_for_another(greenroom, ledger)


def test_a_process_that_somebody_kills_is_told_by_the_name_of_the_signal(greenroom, ledger):
    joined = greenroom.join("local:killed")
    os.kill(pid_of_bot(greenroom, "local:killed"), signal.SIGKILL)
    first = eventually(lambda: lost(greenroom, joined["session_id"]))[0]

    assert first["detail"] == "died with its process, which was killed by SIGKILL"
    eventually(lambda: greenroom.session(joined["session_id"])["state"] == "live", within=20)
    greenroom.post("/leave", {"session_id": joined["session_id"]})
    assert has_room_for_another(greenroom, ledger)


def test_a_bot_that_raises_has_its_traceback_in_the_log_once(greenroom):
    """It stood there three times: ours, Celery's of it, and Celery's of what tells the worker's parent."""
    joined = greenroom.join("local:traceback", bot="raising")
    greenroom.ended(joined["session_id"], within=40)
    lines = greenroom.process("bots").logs().splitlines()
    of_session = [line for line in lines if joined["session_id"] in line]
    launches = [line for line in of_session if '"bot_failed"' in line]

    assert len(launches) == 3
    assert all("Traceback" in line for line in launches)
    assert not [line for line in lines if "Traceback" in line and "BotCrashed" in line]
