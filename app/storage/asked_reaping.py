"""Accounts of asked-for reapings as Redis commands."""

import json
from collections.abc import Sequence

from greenroom.app.rooms.asked_reaping import TOLD_FOR, AwaitReaped, Reaped, TellReaped
from greenroom.app.rooms.bodies import of_body, to_body
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, dumps, ms, nothing, script


def tell_reaped(step: TellReaped) -> Command:
    told = dumps([dict(to_body(each)) for each in step.told])
    call = script("tell_reaped", {"reaped": keys.reaped(step.request_id)}, told=told, ttl_ms=ms(TOLD_FOR))
    return Command((call,), nothing)


def await_reaped(step: AwaitReaped) -> Command:
    seconds = max(0.01, step.wait.total_seconds())  # BLMOVE 0 would wait for ever
    key = keys.reaped(step.request_id)

    def read(replies: list[Reply]) -> Sequence[Reaped] | None:
        return [of_body(Reaped, each) for each in json.loads(replies[0])] if replies[0] else None

    return Command((Call(("BLMOVE", key, key, "LEFT", "LEFT", seconds)),), read)


ENCODERS: Encoders = {
    TellReaped: tell_reaped,
    AwaitReaped: await_reaped,
}
