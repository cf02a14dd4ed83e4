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
        [keys.lease(step.room), keys.epoch(step.room)],
        *(step.owner, str(step.epoch), step.token, ms(EPOCH_KEPT_FOR)),
    )
    return Command((call,), lambda replies: _epoch(replies[0]))


def ready(step: Ready) -> Command:
    call = script("ready", [keys.lease(step.room)], step.token, step.owner)
    return Command((call,), lambda replies: HandoverTurn(replies[0]))


def yield_room(step: Yield) -> Command:
    call = script(
        "yield",
        [keys.lease(step.room), keys.keepalive(step.room)],
        *(step.owner, str(step.epoch), step.state, ms(step.lasts)),
    )
    return Command((call,), lambda replies: _epoch(replies[0]))


ENCODERS: Encoders = {
    HandOver: hand_over,
    Ready: ready,
    Yield: yield_room,
}
