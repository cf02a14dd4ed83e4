"""Workers as Redis commands."""

import json
from dataclasses import fields
from datetime import timedelta

from greenroom.app.rooms.leases import SETTLES_WITHIN, SILENT_AT_MOST
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.rooms.workers import (
    AskHost,
    Host,
    ReadHeld,
    ReadHost,
    ReadHosts,
    Report,
    RequestedState,
    Retire,
)
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, dumps, ms, nothing, pairs, script

REQUEST_KEPT_FOR = timedelta(hours=24)


def report(step: Report) -> Command:
    host = step.host
    card = {name: value for name, value in vars(host).items() if name != "id"}
    held = "" if step.held is None else dumps(dict(step.held))
    call = script(
        "report",
        {
            "card": keys.host(host.id),
            "held": keys.held(host.id),
            "requested": keys.requested_state(host.id),
            "memory": keys.MEMORY,
            "hosts": keys.HOSTS,
            "free": keys.HOSTS_FREE,
        },
        card=dumps(card),
        lasts_ms=ms(step.lasts),
        held=held,
        held_ms=ms(KEPT_AFTER_END),
        settle_ms=ms(SETTLES_WITHIN),
        silent_ms=ms(SILENT_AT_MOST),
        id=host.id,
        free=host.free,
    )
    return Command((call,), lambda replies: RequestedState(replies[0]))


def read_held(step: ReadHeld) -> Command:
    call = Call(("GET", keys.held(step.host_id)))
    return Command((call,), lambda replies: json.loads(replies[0]) if replies[0] else {})


def ask_host(step: AskHost) -> Command:
    call = script(
        "ask_host",
        {"requested": keys.requested_state(step.host_id)},
        requested=step.requested,
        kept_ms=ms(REQUEST_KEPT_FOR),
    )
    return Command((call,), nothing)


def retire(step: Retire) -> Command:
    names = {"card": keys.host(step.host_id), "hosts": keys.HOSTS, "free": keys.HOSTS_FREE}
    return Command((script("retire", names, id=step.host_id),), nothing)


HOST_SAYS = {field.name for field in fields(Host)} - {"id"}


def _host(host_id: str, card: str) -> Host:
    told = json.loads(card)  # a worker of a later version may send facts that this one does not know
    return Host(id=host_id, **{name: told[name] for name in HOST_SAYS & told.keys()})


def read_hosts(step: ReadHosts) -> Command:
    call = script("read_hosts", {"hosts": keys.HOSTS, "free": keys.HOSTS_FREE, "cards": keys.HOST_CARDS})
    return Command((call,), lambda replies: [_host(*told) for told in pairs(replies[0]).items()])


def read_host(step: ReadHost) -> Command:
    def read(replies: list[Reply]) -> Host | None:
        return _host(step.host_id, replies[0]) if replies[0] else None

    return Command((Call(("GET", keys.host(step.host_id))),), read)


ENCODERS: Encoders = {
    Report: report,
    ReadHeld: read_held,
    AskHost: ask_host,
    Retire: retire,
    ReadHosts: read_hosts,
    ReadHost: read_host,
}
