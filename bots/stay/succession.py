"""Succession: a session goes from one worker to another, and the person in the room keeps their bot."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.handovers import HandOver, HandoverTurn, Ready, Yield
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.line import FindPlace
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.sessions import Session, State
from greenroom.app.storage.async_ledger import AsyncRedisLedger

PREPARES_WITHIN = timedelta(seconds=15)  # a successor; then the session is parked instead
TURN_COMES_WITHIN = timedelta(seconds=60)  # for a successor that waits; longer than anybody lets it
LOOK_EVERY = timedelta(milliseconds=50)


async def hand_over(
    ledger: AsyncRedisLedger,
    launches: LaunchQueue,
    session: Session,
    *,
    owner: str,
    before_yielding: Callable[[], Awaitable[State | None]],
) -> int | None:
    """Give the room to a bot on another worker, once that is prepared; returns the epoch of that one, or None.

    Until it yields the bot here is the room's; `before_yielding` is its last moment, and says its state, or
    None if it leaves instead.  Raises RedisAway.
    """
    line = await ledger.run(FindPlace())
    if line.free <= line.waiting:
        return None
    token = secrets.token_hex(16)
    if await ledger.run(HandOver(session.room, owner, session.epoch, token)) is None:
        return None
    await ledger.run(launches.launch(session, token, in_front=True))
    if not await _is_prepared(ledger, session):
        return None
    state = await before_yielding()
    if state is None:
        return None
    return await ledger.run(Yield(session.room, owner, session.epoch, state))


async def turn_comes(ledger: AsyncRedisLedger, session: Session, *, token: str, owner: str) -> bool:
    """Wait, prepared, until the room is this bot's; False if it never will be."""
    deadline = asyncio.get_running_loop().time() + TURN_COMES_WITHIN.total_seconds()
    while asyncio.get_running_loop().time() < deadline:
        try:
            turn = await ledger.run(Ready(session.room, token, owner))
        except RedisAway:
            turn = HandoverTurn.WAIT
        if turn is not HandoverTurn.WAIT:
            return turn is HandoverTurn.YOURS
        await asyncio.sleep(LOOK_EVERY.total_seconds())
    return False


async def _is_prepared(ledger: AsyncRedisLedger, session: Session) -> bool:
    deadline = asyncio.get_running_loop().time() + PREPARES_WITHIN.total_seconds()
    while asyncio.get_running_loop().time() < deadline:
        lease = (await ledger.run(ReadRoom(session.room))).lease
        if lease is None or lease.epoch != session.epoch or lease.successor is None:
            return False
        if lease.successor is not None and lease.successor.is_ready:
            return True
        await asyncio.sleep(LOOK_EVERY.total_seconds())
    return False
