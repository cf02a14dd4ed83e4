"""Claims, sessions and orders with everything filled in, so that a test names only what it is about."""

import secrets
import time
from datetime import timedelta
from typing import Any

from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.joining import Order
from greenroom.app.rooms.leases import Adopt, Adoption, Beat, Claim, Claimed, Lease, LeaseStatus, NotYet
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Create, Session, State
from greenroom.app.rooms.workers import Host, Report

STAGE = Room.parse("local:stage")
CELLAR = Room.parse("local:cellar")
ME = "bots@here/job/1"
OTHER = "bots@there/job/2"
DIED = BotFailure(FailureKind.PROCESS_DIED, "died with its process")


def a_claim(
    token: str = "a-token", *, room: Room = STAGE, session_id: str | None = None, **more: Any
) -> Claim:
    facts: dict[str, Any] = {
        "bot": "assistant",
        "user_id": "ada",
        "personality": "host",
        "mode": "voice",
        **more,
    }
    return Claim(room=room, session_id=session_id or f"session-of-{token}", token=token, **facts)


def a_session(session_id: str = "a-session", *, epoch: int = 7, room: Room = STAGE, **more: Any) -> Session:
    facts: dict[str, Any] = {
        "user_id": "ada",
        "bot": "assistant",
        "personality": "host",
        "mode": "voice",
        "persistence": timedelta(seconds=300),
        "max_duration": timedelta(hours=1),
        **more,
    }
    return Session(id=session_id, room=room, epoch=epoch, **facts)


def an_unlaunched_session(
    ledger: Ledger, room: str, bot: str, *, is_written: bool = True
) -> tuple[Session, str]:
    """A session and its claim, as a web process leaves them that dies before the launch is in the queue."""
    token, session_id = secrets.token_hex(16), secrets.token_hex(8)
    order = a_claim(token, room=Room.parse(room), session_id=session_id, user_id="ann", bot=bot)
    while not isinstance(claimed := ledger.run(order), Claimed):
        assert isinstance(claimed, NotYet)  # a Redis that has just been started
        time.sleep(claimed.wait.total_seconds())
    brief = {"persistence": timedelta(seconds=60), "max_duration": timedelta(seconds=600)}
    session = a_session(session_id, epoch=claimed.epoch, room=order.room, user_id="ann", bot=bot, **brief)
    if is_written:
        ledger.run(Create(session))
    return session, token


def an_order(room: Room = STAGE, **more: Any) -> Order:
    facts: dict[str, Any] = {
        "user_id": "ada",
        "bot": "assistant",
        "personality": "host",
        "persistence": timedelta(seconds=300),
        "max_duration": timedelta(hours=1),
        **more,
    }
    return Order(room=room, **facts)


def a_beat(
    epoch: int,
    *,
    owner: str = ME,
    room: Room = STAGE,
    session_id: str = "session-of-a-token",
    state: State = State.LIVE,
    **more: Any,
) -> Beat:
    lease = Lease(
        status=LeaseStatus.ACTIVE,
        session_id=session_id,
        epoch=epoch,
        since_ms=1,
        bot="assistant",
        user_id="ada",
        personality="host",
        host=owner.split("/")[0],
    )
    return Beat(room, owner, epoch, session_id, state, lease, **more)


def of_bob(token: str, **more: Any) -> Claim:
    """A claim of somebody else's."""
    return a_claim(token, user_id="bob", **more)


def a_report(*, free: int = 4, name: str = "bots@stage") -> Report:
    """A worker with so many free slots of four; it lasts as long as a test may take."""
    host = Host(id=name, kind="bots", slots=4, used=4 - free, incarnation="1")
    return Report(host, {}, lasts=timedelta(days=100))


def adopted(ledger: Ledger, token: str = "a-token", *, owner: str = ME, room: Room = STAGE) -> int:
    """The epoch of a claim that its owner has just adopted."""
    host, job_id, _ = owner.split("/")
    adoption, epoch = ledger.run(Adopt(room, token, owner, host, job_id))
    assert adoption is Adoption.ADOPTED
    return epoch
