"""Workers as Redis commands."""

import json
from dataclasses import fields
from datetime import timedelta

from greenroom.app.rooms.leases import SETTLES_WITHIN, SILENT_AT_MOST
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.rooms.workers import AskHost, Host, LivingHosts, ReadHeld, ReadHost, Report, Retire, Wish
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, dumps, ms, nothing, script

WISH_KEPT_FOR = timedelta(hours=24)


def report(step: Report) -> Command:
    host = step.host
    card = {name: value for name, value in vars(host).items() if name != "id"}
    held = "" if step.held is None else dumps(dict(step.held))
    return Command(
        (
            script(
                "report",
                [keys.host(host.id), keys.held(host.id), keys.wish(host.id), keys.MEMORY],
                *(dumps(card), ms(step.lasts), held, ms(KEPT_AFTER_END)),
                *(ms(SETTLES_WITHIN), ms(SILENT_AT_MOST)),
            ),
            script("set_deadline", [keys.HOSTS], host.id, ms(step.lasts), 0),
            Call(("HSET", keys.HOSTS_FREE, host.id, host.free)),
        ),
        lambda replies: Wish(replies[0]),
    )


def read_held(step: ReadHeld) -> Command:
    call = Call(("GET", keys.held(step.host_id)))
    return Command((call,), lambda replies: json.loads(replies[0]) if replies[0] else {})


def ask_host(step: AskHost) -> Command:
    call = Call(("SET", keys.wish(step.host_id), step.wish, "PX", ms(WISH_KEPT_FOR)))
    return Command((call,), nothing)


def retire(step: Retire) -> Command:
    calls = (
        Call(("DEL", keys.host(step.host_id))),
        Call(("ZREM", keys.HOSTS, step.host_id)),
        Call(("HDEL", keys.HOSTS_FREE, step.host_id)),
    )
    return Command(calls, nothing)


def living_hosts(step: LivingHosts) -> Command:
    return Command((script("living", [keys.HOSTS, keys.HOSTS_FREE]),), lambda replies: list(replies[0]))


HOST_SAYS = {field.name for field in fields(Host)} - {"id"}


def read_host(step: ReadHost) -> Command:
    def read(replies: list[Reply]) -> Host | None:
        if not replies[0]:
            return None
        told = json.loads(replies[0])  # by a worker that may be of a later version, and say more
        return Host(id=step.host_id, **{name: told[name] for name in HOST_SAYS & told.keys()})

    return Command((Call(("GET", keys.host(step.host_id))),), read)


ENCODERS: Encoders = {
    Report: report,
    ReadHeld: read_held,
    AskHost: ask_host,
    Retire: retire,
    LivingHosts: living_hosts,
    ReadHost: read_host,
}
