"""One worker cannot reach Redis while the others can, and what comes late from the other side."""

import asyncio
import json
import subprocess
import sys
import time
from contextlib import AsyncExitStack

from tests.chaos.lab import Lab
from tests.chaos.listener import Listener
from tests.chaos.play import call, pid_of, soon
from tests.chaos.scenario import Report, scenario
from tests.rigs.product import ROOT

PARTITIONS = {"a": 10, "b": 30, "c": 120}  # seconds
SURELY_KEPT, SURELY_SUPERSEDED = 20, 60  # seconds


@scenario(
    7,
    "three workers are cut off from Redis, for 10, 30 and 120 s",
    lane="dark",
    own=True,
    hosts=("a", "b", "c", "spare"),
    SLOTS="1",
    late="spare",
)
async def partitions(lab: Lab, report: Report) -> None:
    async with AsyncExitStack() as calls:
        guests = [await calls.enter_async_context(call(lab, report, f"cut-{n}")) for n in range(3)]
        lab.also["spare"] = {"SLOTS": "3"}
        lab.raise_up("spare")
        await soon(lambda: "spare" in lab.living_hosts(), 60)
        at = {await asyncio.to_thread(lab.host_of, guest.room): guest for guest in guests}
        began = time.monotonic()
        for host in at:
            lab.links[host].darken()
        await asyncio.gather(*(_cut_off(lab, report, host, guest, began) for host, guest in at.items()))
        await soon(lambda: set(PARTITIONS) <= lab.living_hosts(), 40)


async def _cut_off(lab: Lab, report: Report, host: str, guest: Listener, began: float) -> None:
    lasts = PARTITIONS[host]
    old, epoch = await pid_of(lab, guest), await guest.epoch_now()
    words = guest.type(
        "said on the far side"
    )  # nobody but the old bot may ever know it, if that is superseded
    await guest.until(lambda: words in guest.answers)
    guest.known.discard(words)
    await asyncio.sleep(max(0, began + lasts - time.monotonic()))
    was_superseded = await guest.epoch_now() > epoch
    if was_superseded:
        await guest.hears_bot(but=old)
    report.must(not (lasts <= SURELY_KEPT and was_superseded), f"superseded in a partition of {lasts} s")
    report.must(lasts < SURELY_SUPERSEDED or was_superseded, f"not superseded in a partition of {lasts} s")
    holder = await pid_of(lab, guest)
    healed = time.monotonic()
    lab.links[host].mend()
    await asyncio.sleep(6)
    silence = guest.silence(began)
    report.facts[f"{lasts} s"] = f"{'superseded' if was_superseded else 'kept'}, silent for {silence:.1f} s"
    report.must(silence < 5, f"partition of {lasts} s: nobody was heard for {silence:.1f} s")
    answer = await guest.ask()
    if was_superseded:
        report.must(answer.pid != old, f"partition of {lasts} s: the old bot answers")
        report.must(words not in answer.lines, f"partition of {lasts} s: a late turn was taken")
        report.must(
            await pid_of(lab, guest) == holder, f"partition of {lasts} s: another has the room after it"
        )
        report.must(guest.silence(healed) < 1, f"partition of {lasts} s: its end disturbed the call")
    elif await guest.epoch_now() == epoch:
        report.must(answer.pid == old, f"partition of {lasts} s: replaced though it lived")


@scenario(19, "an old bot releases, beats and writes late")
async def the_old_come_late(lab: Lab, report: Report) -> None:
    from greenroom.app.rooms.leases import Release
    from greenroom.app.rooms.room import Room
    from greenroom.app.rooms.sessions import ReadSession, State, Transition
    from greenroom.app.storage.ledger import RedisLedger

    ledger = RedisLedger(lab.environ["REDIS_URL"])
    try:
        async with call(lab, report, "late") as guest:
            old = await pid_of(lab, guest)
            host = await asyncio.to_thread(lab.host_of, guest.room)
            before = json.loads(str(lab.redis.get(f"room_active:{{{guest.room}}}")))
            lab.links[host].darken()  # what the old bot writes from now on comes late
            words = guest.type("said too late")
            await guest.until(lambda: words in guest.answers)
            guest.known.discard(words)
            began = time.monotonic()
            await asyncio.to_thread(_supersede, lab, guest, before)
            heard = await guest.hears_bot(but=old, within=20)
            report.facts["replaced after s"] = round(heard.since - began, 1)
            await guest.ask()
            lease = lab.redis.get(f"room_active:{{{guest.room}}}")
            lab.links[host].mend()
            await asyncio.sleep(5)

            session = ledger.run(ReadSession(guest.session_id))
            room, epoch, owner = Room.parse(guest.room), int(before["epoch"]), str(before["owner"])
            report.must(not ledger.run(Release(room, epoch, owner)), "the old bot freed the room")
            try:
                ledger.run(Transition(session.id, State.ENDED, epoch))
                report.faults.append("the old bot ended the session")
            except Exception as refusal:
                report.must(type(refusal).__name__ == "IllegalTransition", f"refused with {refusal!r}")
            now = json.loads(str(lab.redis.get(f"room_active:{{{guest.room}}}")))
            report.must(now["owner"] == json.loads(str(lease))["owner"], "the room has changed hands")
            answer = await guest.ask()
            report.must(words not in answer.lines, "a late turn was taken")
            report.must(answer.pid != old, "the old bot answers")
    finally:
        ledger.close()


SAY_LOST = """
import sys
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.storage.ledger import RedisLedger
from greenroom.tasks.celery import app, settings
from greenroom.tasks.queues import CeleryQueues
reaper = Reaper(RedisLedger(settings().redis_url), CeleryQueues(app))
failure = BotFailure(FailureKind.PROCESS_DIED, "is said to have died")
sys.exit(not reaper.lost(sys.argv[1], owner=sys.argv[2], failure=failure))
"""


def _supersede(lab: Lab, guest: Listener, lease: dict[str, object]) -> None:
    """Say as a worker's parent does that the bot's process has died, though it lives on behind a dark link."""
    command = [sys.executable, "-c", SAY_LOST, guest.session_id, str(lease["owner"])]
    subprocess.run(command, env=lab.environ, cwd=ROOT, check=True, capture_output=True, timeout=30)
