"""The workers that run bots: who reports, whose slots are free, and which bots cannot be imported."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import timedelta

from greenroom.app.operate.facts import A_MOMENT, UNHEARD, Facts
from greenroom.app.operate.findings import OK, PROBLEM, START, WARNING, Finding
from greenroom.app.operate.wording import count, duration, some
from greenroom.app.rooms.sessions import State
from greenroom.app.rooms.timings import WORKER_GONE_AFTER

UNFIT_TOLD = 2  # bots or personalities, whose reasons are long
WARM_WITHIN = timedelta(seconds=60)  # a child loads its models in two seconds, or ten on a busy machine


def workers(facts: Facts) -> Iterable[Finding]:
    """Whether a launch finds a worker with a free slot."""
    hosts = facts.fleet.bots
    slots, used, free = sum(h.slots for h in hosts), sum(h.used for h in hosts), facts.fleet.free
    draining = [host.id for host in hosts if host.draining]
    told = {
        "hosts": [host.id for host in hosts],
        "slots": slots,
        "used": used,
        "free": free,
        "draining": draining,
    }
    says = f"{count(len(hosts), 'bot worker')} with {count(slots, 'slot')}: {used} used, {free} free."
    if draining:
        says += f" Draining: {some(draining)}."
    if not hosts:
        yield Finding(
            "workers",
            PROBLEM,
            f"No bot worker has reported in the last {WORKER_GONE_AFTER.seconds} seconds: no bot can start. "
            "Calls on a worker that is only cut off from Redis go on.",
            f"{START} the `bots` line of the Procfile. If a process is there, it hangs, or cannot reach Redis: its log "
            "says more (var/log/bots.log under `greenroom up`).",
            told,
        )
    elif len(draining) == len(hosts):
        yield Finding(
            "workers",
            PROBLEM,
            f"{says} No worker takes launches: a join now waits.",
            f"`greenroom drain --undo {draining[0]}` lets it work again; or start another worker.",
            told,
        )
    elif not free:
        yield Finding(
            "workers",
            WARNING,
            f"{says} All slots are taken: a join now waits for one.",
            "Start another worker, or raise SLOTS where processors and memory are left.",
            told,
        )
    else:
        yield Finding("workers", OK, says, facts=told)


def silent(facts: Facts) -> Iterable[Finding]:
    """Workers that do not report although their bots are heard."""
    living = {host.id for host in facts.fleet.hosts}
    heard = Counter(
        view.lease.host
        for view in facts.rooms.values()
        if view.lease and view.lease.host and view.age is not None and view.age <= UNHEARD
    )
    if silent := sorted(heard.keys() - living):
        there = sum(heard[name] for name in silent)
        yield Finding(
            "silent workers",
            PROBLEM,
            f"{some(silent)} {'does' if len(silent) == 1 else 'do'} not report, though "
            f"{count(there, 'bot')} there {'is' if there == 1 else 'are'} heard: "
            "the parent process hangs, or was stopped. Its calls go on; it takes no launches.",
            "See what it does (`ps`, its log). `kill -CONT` if it is stopped (state T); else `kill -KILL`: its calls "
            "break off, and go on with new bots.",
            {"hosts": silent},
        )


def imports(facts: Facts) -> Iterable[Finding]:
    unfit = {
        f"{name} on {host.id}, which {why}": None
        for host in facts.fleet.bots
        for name, why in host.unfit.items()
    }
    if unfit:
        yield Finding(
            "imports",
            PROBLEM,
            f"{count(len(unfit), 'bot')} cannot start: {_first(unfit, '; ')}",
            "Mend that file, or install what it lacks: the next join tries it again.",
            {"unfit": {host.id: dict(host.unfit) for host in facts.fleet.bots if host.unfit}},
        )
    elif facts.fleet.bots:
        yield Finding("imports", OK, "Every bot that BOTS names can be imported.")


def services(facts: Facts) -> Iterable[Finding]:
    """Personalities that no join can have, since a speech service of theirs lacks its package or key."""
    lacks = {
        f"{name.partition('/')[2]}: {why}": None
        for host in facts.fleet.bots
        for name, why in host.unready.items()
    }
    if lacks:
        yield Finding(
            "services",
            PROBLEM,
            f"{count(len(lacks), 'personality', 'personalities')} cannot be joined with. {_first(lacks, '. ')}",
            "Do that for the `bots` process and start it again; `greenroom services` lists what each service needs.",
            {"unready": {host.id: dict(host.unready) for host in facts.fleet.bots if host.unready}},
        )


def _first(told: Collection[str], between: str) -> str:
    """Those that are told, and how many more there are."""
    left = len(told) - UNFIT_TOLD
    return between.join([*told][:UNFIT_TOLD]) + (f"; and {left} more." if left > 0 else ".")


def used_slots(facts: Facts) -> Iterable[Finding]:
    """Slots that are held although their session has ended: no room shows them, and no bot can use them."""
    stuck = [
        slot
        for slot in facts.occupied
        if slot.session is None
        or (slot.session.state is State.ENDED and facts.since(slot.session.updated_ms) > A_MOMENT)
    ]
    if not stuck:
        return
    yield Finding(
        "used slots",
        PROBLEM,
        f"{count(len(stuck), 'slot')} {'is' if len(stuck) == 1 else 'are'} taken by sessions that are over, on "
        f"{some(sorted({slot.host for slot in stuck}))}: the process of such a bot has not ended.",
        "It should within 5 s of its bot's end. End it by its pid, the last part of its name: "
        f"`kill -KILL` for {some([slot.owner for slot in stuck])}. Its log has a traceback then, of what kept it.",
        {"slots": [{"host": slot.host, "owner": slot.owner} for slot in stuck]},
    )


def cold_slots(facts: Facts) -> Iterable[Finding]:
    """Slots that look free, whose processes die again and again before they have loaded what a bot needs."""
    for host in facts.fleet.bots:
        missing = host.slots - host.used - host.warm
        if timedelta(seconds=host.cold_s) < WARM_WITHIN or missing <= 0:
            continue
        ready = host.slots - missing
        yield Finding(
            "cold slots",
            WARNING if host.warm else PROBLEM,
            f"{count(missing, 'process', 'processes')} of {host.id} {'has' if missing == 1 else 'have'} not loaded "
            f"what a bot needs for {duration(timedelta(seconds=host.cold_s))} ({ready} of {host.slots} have): "
            "they hang, or die before they are ready. A launch that one of them gets waits.",
            f"The log of {host.id} says why (`warmup_failed`; var/log/bots.log under `greenroom up`): a model that "
            "cannot be read, or too little memory?",
            {
                "host": host.id,
                "slots": host.slots,
                "warm": host.warm,
                "used": host.used,
                "cold_s": host.cold_s,
            },
        )
