"""What is killed here is really killed: what must hold when a process dies, hangs or is told to go."""

import os
import signal
from datetime import timedelta

import psutil
import pytest

from greenroom.app.queue_names import LAUNCHES
from greenroom.app.rooms.deadlines import SetDeadline
from greenroom.app.rooms.sessions import Session
from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.eventually import eventually
from tests.rigs.makers import an_unlaunched_session
from tests.rigs.product import Product, product
from tests.rigs.stopping import stopped

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def greenroom():
    """One product for this module's kills: each test leaves it whole."""
    with product(SLOTS="2") as running:
        yield running


def pid_of_bot(product: Product, session_id: str) -> int:
    """The process that runs a session's bot, as its lease's owner tells."""
    session = product.session(session_id)
    owner = product.owner(session["room_url"])
    return int(owner.rsplit("/", 1)[1])


def test_leaving_during_the_start_leaves_no_bot(greenroom):
    with stopped(greenroom.process("bots").pid):
        joined = greenroom.join("local:early", wait=0)
        left = greenroom.post("/leave", {"room_url": "local:early"})
    after = greenroom.join("local:after")  # the launch before it in the queue has been looked at by now

    assert left["reason"] == "left"
    assert greenroom.events(joined["session_id"]) == ["pending", "ended"]
    assert greenroom.get("/rooms/local:early")["lease"] is None
    greenroom.post("/leave", {"session_id": after["session_id"]})


def test_a_launch_delivered_ten_times_is_adopted_once(greenroom):
    ledger, session, token = claim(greenroom, "local:often")
    for _ in range(10):
        greenroom.celery.send_task("bots.launch", (session.id, token), queue=LAUNCHES)
    eventually(lambda: greenroom.session(session.id)["state"] == "live")
    greenroom.drain_launches()

    assert greenroom.events(session.id).count("joining") == 1
    greenroom.post("/leave", {"session_id": session.id})
    ledger.close()


def test_revoking_a_launch_ends_its_session_cleanly(greenroom):
    joined = greenroom.join("local:revoked")
    job_id = greenroom.owner("local:revoked").split("/")[1]
    greenroom.celery.control.revoke(job_id, terminate=True)

    assert greenroom.ended(joined["session_id"]) == "shutdown"
    assert greenroom.get("/rooms/local:revoked")["lease"] is None


def test_the_soft_time_limit_ends_a_session_cleanly(greenroom):
    ledger, session, token = claim(greenroom, "local:soft")
    greenroom.celery.send_task(
        "bots.launch", (session.id, token), queue=LAUNCHES, soft_time_limit=2, time_limit=60
    )

    assert greenroom.ended(session.id) == "max_duration"
    assert "leaving" in greenroom.events(session.id)
    ledger.close()


def test_the_hard_time_limit_frees_the_room_of_a_bot_that_hangs(greenroom):
    ledger, session, token = claim(greenroom, "local:hard", bot="stuck")
    greenroom.celery.send_task(
        "bots.launch", (session.id, token), queue=LAUNCHES, soft_time_limit=3, time_limit=4
    )

    assert greenroom.ended(session.id, within=20) == "max_duration"
    assert greenroom.get("/rooms/local:hard")["lease"] is None
    ledger.close()


def test_a_killed_bot_is_told_without_a_traceback(greenroom):
    """Celery added the traceback of our own noticing it, which looked as if the worker had a bug."""
    joined = greenroom.join("local:killed")
    os.kill(pid_of_bot(greenroom, joined["session_id"]), signal.SIGKILL)
    logs = greenroom.process("bots").logs
    lost = [f'"{joined["session_id"]}"', '"bot_process_lost"', "was killed by SIGKILL"]

    eventually(lambda: any(all(part in line for part in lost) for line in logs().splitlines()), within=20)
    eventually(lambda: greenroom.session(joined["session_id"])["state"] == "live", within=20)
    assert not [line for line in logs().splitlines() if "ProcessLost" in line], logs()[-6000:]
    greenroom.post("/leave", {"session_id": joined["session_id"]})


def is_heard(product: Product, room: str) -> bool:
    """A Redis that was killed may have lost the last second, and with it a keepalive that was new."""
    keepalive = product.get(f"/rooms/{room}")["keepalive"]
    return bool(keepalive and keepalive["age_seconds"] < 3.5)


def test_a_call_goes_on_while_redis_is_restarted(greenroom):
    joined = greenroom.join("local:redis")
    pid = pid_of_bot(greenroom, joined["session_id"])
    greenroom.process("redis").kill("SIGKILL")
    greenroom.process("redis").start()
    eventually(greenroom.is_ready, within=30)
    eventually(lambda: is_heard(greenroom, "local:redis"), within=15)

    assert psutil.pid_exists(pid)
    assert greenroom.join("local:redis")["session_id"] == joined["session_id"]
    greenroom.post("/leave", {"room_url": "local:redis"})


def test_a_bot_registers_again_when_redis_has_lost_everything(greenroom):
    joined = greenroom.join("local:flushed")
    greenroom.redis.flushall()
    lease = eventually(lambda: greenroom.get("/rooms/local:flushed")["lease"])

    assert lease["session_id"] == joined["session_id"]
    os.kill(int(greenroom.owner("local:flushed").rsplit("/", 1)[1]), signal.SIGQUIT)
    eventually(lambda: greenroom.get("/rooms/local:flushed")["lease"] is None)


def claim(product: Product, room: str, bot: str = "quiet") -> tuple[RedisLedger, Session, str]:
    ledger = RedisLedger(product.environ["REDIS_URL"])
    return ledger, *an_unlaunched_session(ledger, room, bot)


def test_a_launch_that_got_lost_is_launched_again(greenroom):
    ledger, session, _ = claim(greenroom, "local:lost")
    ledger.run(SetDeadline(session.room, timedelta(0)))

    eventually(lambda: greenroom.session(session.id)["state"] == "live", within=20)
    assert greenroom.session(session.id)["launches"] == 2
    greenroom.post("/leave", {"session_id": session.id})
    ledger.close()


def test_a_session_that_ends_while_redis_is_away_stays_ended(greenroom):
    joined = greenroom.join("local:unwritten")
    pid = pid_of_bot(greenroom, joined["session_id"])
    redis = greenroom.process("redis")
    redis.kill("SIGSTOP")
    os.kill(pid, signal.SIGQUIT)
    try:
        logs = greenroom.process("bots").logs
        eventually(
            lambda: logs().count('"bot_process_lost"') and '"session_write_failed"' in logs(), within=30
        )
    finally:
        redis.kill("SIGCONT")

    assert greenroom.ended(joined["session_id"]) == "shutdown"
    assert greenroom.get("/rooms/local:unwritten")["lease"] is None
    assert greenroom.events(joined["session_id"]).count("joining") == 1
