"""Claims, sessions and orders with everything filled in, so that a test names only what it is about."""

import secrets
import time
from dataclasses import fields
from datetime import timedelta
from typing import Any

from greenroom.app.rooms.brief import Brief, Mode
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.leases import Adopt, Adoption, Beat, Claim, Claimed, Lease, LeaseStatus, NotYet
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.orders import Order
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session, State
from greenroom.app.rooms.workers import Host, Report

STAGE = Room.parse("local:stage")
CELLAR = Room.parse("local:cellar")
CONVERSATIONS = {"ada": "a-conversation"}
ME = "bots@here/job/1"
OTHER = "bots@there/job/2"
DIED = BotFailure(FailureKind.PROCESS_DIED, "died with its process")


def a_brief(**more: Any) -> Brief:
    facts: dict[str, Any] = {
        "user_id": "ada",
        "bot": "assistant",
        "personality": "host",
        "persistence": timedelta(seconds=300),
        "max_duration": timedelta(hours=1),
        **more,
    }
    facts.setdefault("conversation_id", CONVERSATIONS.get(facts["user_id"], f"of-{facts['user_id']}"))
    return Brief(**facts)


def a_full_brief() -> Brief:
    """One in which no fact is what it would be if nobody had named it."""
    return Brief(
        user_id="ada",
        bot="another",
        personality="gruff",
        persistence=timedelta(seconds=7),
        max_duration=timedelta(seconds=77),
        silence=timedelta(seconds=17),
        mode=Mode.FORUM,
        persona="Long John “Barbecue”",
        instructions="A pirate, “Ahoy”.\nA second line",
        prompts={"greeting": "Ahoy, “you”."},
        voice="deep",
        voice_parameters={"speed": 0.75, "stability": 1, "clear": True, "model": "x"},
        language="en-GB",
        memory=False,
        profile={"first_name": "Ada “A.”", "age": 36, "is_member": True},
        assistant="concierge",
        tenant="acme",
        metadata={"list": [], "nothing": None, "large": 12345678901234567, "": {}},
        conversation_id="of-yesterday",
    )


def a_brief_of(more: dict[str, Any]) -> tuple[Brief, dict[str, Any]]:
    """A brief of those facts that are one's, and the others; or the one that is named."""
    if "brief" in more:
        return more["brief"], {name: fact for name, fact in more.items() if name != "brief"}
    of_brief = {each.name for each in fields(Brief)} & more.keys()
    facts = {name: more[name] for name in of_brief}
    return a_brief(**facts), {name: fact for name, fact in more.items() if name not in of_brief}


def a_claim(
    token: str = "a-token", *, room: Room = STAGE, session_id: str | None = None, **more: Any
) -> Claim:
    brief, others = a_brief_of(more)
    return Claim(room, session_id or f"session-of-{token}", token, brief, **others)


def a_session(session_id: str = "a-session", *, epoch: int = 7, room: Room = STAGE, **more: Any) -> Session:
    brief, others = a_brief_of(more)
    return Session(session_id, room, brief, epoch, **others)


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
    brief, others = a_brief_of(more)
    return Order(room, brief, **others)


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
        brief=a_brief(),
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
