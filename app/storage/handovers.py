"""Hand-overs as Redis commands."""

from greenroom.app.rooms.handovers import HandOver, HandoverTurn, Ready, Yield
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Command, Encoders, Reply, ms, script
from greenroom.app.storage.leases import EPOCH_KEPT_FOR


def _epoch(reply: Reply) -> int | None:
    return int(reply) if reply else None


def hand_over(step: HandOver) -> Command:
    call = script(
        "hand_over",
        {"lease": keys.lease(step.room), "epoch": keys.epoch(step.room)},
        owner=step.owner,
        epoch=str(step.epoch),
        token=step.token,
        epoch_ms=ms(EPOCH_KEPT_FOR),
    )
    return Command((call,), lambda replies: _epoch(replies[0]))


def ready(step: Ready) -> Command:
    call = script("ready", {"lease": keys.lease(step.room)}, token=step.token, owner=step.owner)
    return Command((call,), lambda replies: HandoverTurn(replies[0]))


def yield_room(step: Yield) -> Command:
    call = script(
        "yield",
        {"lease": keys.lease(step.room), "keepalive": keys.keepalive(step.room)},
        owner=step.owner,
        epoch=str(step.epoch),
        state=step.state,
        active_ms=ms(step.lasts),
    )
    return Command((call,), lambda replies: _epoch(replies[0]))


ENCODERS: Encoders = {
    HandOver: hand_over,
    Ready: ready,
    Yield: yield_room,
}
