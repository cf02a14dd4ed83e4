"""The ledger's clock as Redis commands."""

from greenroom.app.rooms.clock import Now, Ping
from greenroom.app.storage.commands import Call, Command, Encoders, nothing


def ping(step: Ping) -> Command:
    return Command((Call(("PING",)),), nothing)


def now(step: Now) -> Command:
    return Command((Call(("TIME",)),), lambda replies: int(replies[0][0]) * 1000 + int(replies[0][1]) // 1000)


ENCODERS: Encoders = {
    Ping: ping,
    Now: now,
}
