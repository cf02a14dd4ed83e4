"""What was said, on its way from Redis to SQL, while those who carry it die."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from sqlalchemy import select

from greenroom.app.conversations.database import Database, Patience
from greenroom.app.conversations.tables import turns
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.conversations import Record, Turn
from greenroom.app.storage.ledger import RedisLedger
from tests.chaos.lab import Lab
from tests.chaos.play import soon
from tests.chaos.scenario import Report, scenario

TURNS, CONVERSATIONS = 1000, 5
LASTS = 40.0  # seconds, in which they are said
KILLED_EVERY = (0.3, 4.0)  # seconds after its start: while it starts, and while it stores
GOES_AFTER, AWAY_FOR = (2.0, 6.0), (2.0, 6.0)  # seconds: the database, from one outage to the next
TAKEN_WITHIN, AGAIN_AFTER = 30.0, 0.5  # seconds: one turn by Redis, which may be late; then it is said again
STORED_WITHIN = 30.0  # seconds after the last death
PATIENT = Patience(connection=30, lock=30, statement=30)


@scenario(
    36, "kill -9 of control, again and again, while 1,000 turns are said", lane="dark", own=True, late="*"
)
async def control_is_killed_while_it_stores(lab: Lab, report: Report) -> None:
    await _store_all(lab, report, disturb=None)


@scenario(
    37,
    "PostgreSQL is stopped, killed and frozen, and control killed, while 1,000 turns are said",
    lane="dark",
    own=True,
    late="*",
    postgresql=True,
)
async def postgresql_goes_while_control_stores(lab: Lab, report: Report) -> None:
    server = lab.postgresql
    assert server is not None

    async def disturb() -> None:
        """One kind of outage after the other; each is over when it returns."""
        for end, begin_again in (
            (server.stop, server.start),
            (server.kill, server.start),
            (server.freeze, server.thaw),
        ):
            await asyncio.sleep(random.uniform(*GOES_AFTER))
            await asyncio.to_thread(end)
            await asyncio.sleep(random.uniform(*AWAY_FOR))
            await asyncio.to_thread(begin_again)

    await _store_all(lab, report, disturb=disturb)


async def _store_all(lab: Lab, report: Report, *, disturb: Callable[[], Awaitable[None]] | None) -> None:
    """Say a thousand turns while control is killed, and the database disturbed; each is there once, in order."""
    said = asyncio.create_task(_talk(lab))
    disturbing = asyncio.create_task(disturb()) if disturb else None
    deaths = 0
    while not said.done() or (disturbing and not disturbing.done()):
        await asyncio.sleep(random.uniform(*KILLED_EVERY))
        lab.kill("control")
        await asyncio.to_thread(lab.process("control").wait)
        lab.process("control").start()
        deaths += 1
    await said
    if disturbing:
        await disturbing
    database = Database(lab.database_url, patience=PATIENT)
    try:
        began = time.monotonic()
        await soon(lambda: _count(database) >= TURNS, STORED_WITHIN)
        report.facts["deaths"] = deaths
        report.facts["stored after"] = f"{time.monotonic() - began:.1f} s"
        for which in range(CONVERSATIONS):
            kept = await asyncio.to_thread(_kept, database, which)
            wanted = [f"turn-{number}" for number in range(TURNS // CONVERSATIONS)]
            report.lost_turns += len(set(wanted) - set(kept))
            report.must(kept == wanted, f"conversation {which} has {len(kept)} turns, or not in their order")
    finally:
        database.close()


async def _talk(lab: Lab) -> None:
    ledger = RedisLedger(lab.environ["REDIS_URL"])
    try:
        for number in range(TURNS):
            name, place = f"c-{number % CONVERSATIONS}", number // CONVERSATIONS
            turn = Turn(f"turn-{place}", ("user", "assistant")[place % 2], "words", epoch=7)
            step = Record(f"session-{name}", name, 7, turn, owner=f"main/of-{name}")
            await _write(ledger, step)
            await asyncio.sleep(LASTS / TURNS)
    finally:
        ledger.close()


async def _write(ledger: RedisLedger, step: Record) -> None:
    """As a bot does: where no answer came in time it is written again, whether Redis has it already or not."""
    deadline = time.monotonic() + TAKEN_WITHIN
    while True:
        try:
            await asyncio.to_thread(ledger.run, step)
        except RedisAway:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(AGAIN_AFTER)
        else:
            return


def _count(database: Database) -> int:
    with database.reading() as connection:
        return len(connection.execute(select(turns.c.id)).all())


def _kept(database: Database, which: int) -> list[str]:
    of_it = turns.c.conversation_id == f"c-{which}"
    with database.reading() as connection:
        query = select(turns.c.id).where(of_it).order_by(turns.c.sequence, turns.c.id)
        return list(connection.execute(query).scalars())
