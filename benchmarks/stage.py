"""Rooms with bots for measuring: claimed and adopted as a worker does it, with nobody in them."""

import os
from dataclasses import replace
from datetime import timedelta

from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leases import Adopt, Adoption, owner_of
from greenroom.app.rooms.ledger import Ledger, Step
from greenroom.app.rooms.line import LeaveLine, Push
from greenroom.app.rooms.orders import Order
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import ReadSession, Session, State, Transition

HOST = "bots@bench"


class NoWorkers:
    """Where launches go: to nobody, but each one's claim is remembered."""

    def __init__(self) -> None:
        self.claims: dict[str, str] = {}

    def launch(self, session: Session, token: str, *, in_front: bool = False) -> Push:
        self.claims[session.id] = token
        return Push("nobody", token, session.id, in_front)

    def transition(self, session: Session, epoch: int, *, again: bool = False) -> Step[bool]:
        raise AssertionError("nobody moves here")


def an_order(room: Room, user_id: str) -> Order:
    return Order(room, Brief(user_id, "assistant", "host", timedelta(minutes=5), timedelta(hours=1)))


def go_live(ledger: Ledger, room: Room, user_id: str) -> tuple[Session, str]:
    """Join a room, adopt the claim in this process, and come on stage; returns the session and its owner."""
    launches = NoWorkers()
    session_id = Joining(ledger, launches).join(an_order(room, user_id)).session_id
    owner = owner_of(HOST, session_id, os.getpid())
    adoption, epoch = ledger.run(Adopt(room, launches.claims[session_id], owner, HOST, session_id))
    if adoption is not Adoption.ADOPTED:
        raise SystemExit(f"the claim of {room} is {adoption}")
    ledger.run(LeaveLine(session_id))
    ledger.run_all([Transition(session_id, state, epoch, host=HOST) for state in (State.JOINING, State.LIVE)])
    return replace(ledger.run(ReadSession(session_id)), epoch=epoch), owner
