"""The rules of the checkup: what the facts of an installation mean, and what to do about it."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from greenroom.app.operate.facts import Facts
from greenroom.app.operate.findings import Finding, Verdict
from greenroom.app.operate.trial import Claiming, Outcome, Web
from greenroom.app.operate.wording import count, duration, size, some
from greenroom.app.rooms.joining import LIMITS
from greenroom.app.rooms.leases import STALE_AFTER, Lease, LeaseStatus, RoomView
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import STARTS_WITHIN, Session, State
from greenroom.app.rooms.timings import WORKER_GONE_AFTER

OLDEST_REDIS = (6, 2)
SLOW, TOO_SLOW = timedelta(milliseconds=20), timedelta(milliseconds=500)  # to Redis and back
ASKEW, TOO_ASKEW = (
    timedelta(seconds=1),
    timedelta(seconds=3),
)  # logs of two machines no longer tell what came first
FULL, TOO_FULL = 0.75, 0.9  # shares of Redis's memory limit: a warning, a problem
REAPED_WITHIN = timedelta(seconds=10)  # the reaper is due every 3 s; after this it is said not to run
CHORES_AT_MOST = 20
UNFIT_TOLD = 2  # bots, whose reasons are long
A_MOMENT = timedelta(
    seconds=15
)  # a session that changed so recently may be read half changed, and is left out
UNHEARD = timedelta(seconds=7)  # two beats missed
CLEARED_WITHIN = timedelta(seconds=90)  # what nobody has is swept after this

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM

WARM_WITHIN = timedelta(seconds=60)  # a child loads its models in two seconds, or ten on a tired machine

# What to do about a refusal of Redis's, by its own word for why.
REMEDIES = {
    "OOM": "Redis is full: give it more (`redis-cli config set maxmemory 1gb`), and look what else is kept in it.",
    "MISCONF": "Redis cannot write its files: look for a full disk, and at its log.",
    "NOPERM": "Its user may not do that: allow it what it needs (`redis-cli acl list`).",
    "READONLY": "It is a copy of another Redis: let REDIS_URL name the one that takes writes.",
    "ERR": "Redis 6 says ERR of all that scripts are refused; the log has the words (`redis_refused`).",
    "WRONGTYPE": "Another program keeps something under a name of ours: give each a Redis of its own.",
}

START = "Under `greenroom up` it is started again by itself; elsewhere start"


def check(facts: Facts) -> list[Finding]:
    """Everything that was looked at, the foundations first."""
    return [finding for rule in RULES for finding in rule(facts)]


def _redis(facts: Facts) -> Iterable[Finding]:
    took, about = facts.reach.there_and_back, facts.condition
    told = {"latency_ms": round(took / timedelta(milliseconds=1), 3)}
    if about is None:
        yield Finding(
            "redis",
            WARNING,
            f"Redis answers within {duration(took)}, but its user may not ask how it is (INFO).",
            "Allow this user `+info`, or look yourself: is an append-only file on, and maxmemory-policy noeviction?",
            told,
        )
        return
    told["version"] = about.version  # type: ignore[assignment]
    says = f"Redis {about.version} answers within {duration(took)}; it has been up for {duration(about.up)}."
    if _version(about.version) < OLDEST_REDIS:
        yield Finding("redis", PROBLEM, says, "It is too old: use Redis 6.2 or later.", told)
    elif took > SLOW:
        verdict = PROBLEM if took > TOO_SLOW else WARNING
        do = "Every join and beat waits as long: is its machine busy, or far away? `redis-cli --latency` tells."
        yield Finding("redis", verdict, f"Redis is slow: {says}", do, told)
    else:
        yield Finding("redis", OK, says, facts=told)


def _kept(facts: Facts) -> Iterable[Finding]:
    about = facts.condition
    if about is None:
        return
    told = {"append_only": about.is_kept, "trouble": list(about.trouble)}
    if about.trouble:
        yield Finding(
            "redis writing",
            PROBLEM,
            f"Redis is in trouble with its own files or role ({'; '.join(about.trouble)}); joins may be refused.",
            "Look at its log, and for a full disk, on Redis's machine. Calls that are on go on meanwhile.",
            told,
        )
    elif not about.is_kept:
        yield Finding(
            "redis writing",
            WARNING,
            "Redis writes no append-only file: should it be restarted, who waits for a bot is forgotten.",
            "`redis-cli config set appendonly yes`, and the same in its configuration, with appendfsync everysec.",
            told,
        )
    else:
        yield Finding("redis writing", OK, "Redis writes an append-only file, without trouble.", facts=told)


def _memory(facts: Facts) -> Iterable[Finding]:
    about = facts.condition
    if about is None:
        return
    limit = about.limit_bytes or about.machine_bytes
    share = about.used_bytes / limit if limit else 0.0
    whose = "its limit" if about.limit_bytes else "its machine's memory"
    told = {"used_bytes": about.used_bytes, "limit_bytes": about.limit_bytes, "policy": about.drops}
    says = f"Redis uses {size(about.used_bytes)}" + (f", {share:.0%} of {whose}." if limit else ".")
    if about.drops != "noeviction":
        verdict = PROBLEM if about.limit_bytes else WARNING
        says += f" When that is full it drops keys ({about.drops}): a bot's lease may be among them."
        do = "`redis-cli config set maxmemory-policy noeviction`, and the same in its configuration."
        yield Finding("redis memory", verdict, says, do, told)
    elif share > FULL:
        verdict = PROBLEM if share > TOO_FULL else WARNING
        do = "Give it more: when it is full joins are refused, though calls go on. What else is kept in it?"
        yield Finding("redis memory", verdict, says, do, told)
    else:
        yield Finding("redis memory", OK, f"{says[:-1]}; nothing is dropped ({about.drops}).", facts=told)


def _clocks(facts: Facts) -> Iterable[Finding]:
    ahead = facts.reach.ahead
    told = {"ahead_ms": round(ahead / timedelta(milliseconds=1))}
    if abs(ahead) <= max(ASKEW, facts.reach.there_and_back):
        yield Finding("clocks", OK, "This machine's clock agrees with Redis's.", facts=told)
        return
    where = "ahead of" if ahead > timedelta(0) else "behind"
    yield Finding(
        "clocks",
        PROBLEM if abs(ahead) > TOO_ASKEW else WARNING,
        f"This machine's clock is {duration(abs(ahead))} {where} Redis's. Calls do not mind; browsers' tokens and the "
        "times in logs do.",
        "Turn on NTP (`timedatectl set-ntp true`) here and on Redis's machine; ask again on the other machines.",
        told,
    )


def _workers(facts: Facts) -> Iterable[Finding]:
    yield _slots(facts)
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


def _occupied(facts: Facts) -> Iterable[Finding]:
    """Slots that are held although their session has ended: no room shows them, and no bot can use them."""
    stuck = [
        slot
        for slot in facts.occupied
        if slot.session is None
        or (slot.session.state is State.ENDED and _age(facts, slot.session.updated_ms) > A_MOMENT)
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


def _cold(facts: Facts) -> Iterable[Finding]:
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
            "they hang, or die before they are ready. Whoever is given to one of them waits.",
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


def _lifetimes(facts: Facts) -> Iterable[Finding]:
    told = {"names": list(facts.lasting)}
    if not facts.lasting:
        yield Finding(
            "lifetimes", OK, "Whatever is kept of one room or session goes away by itself.", facts=told
        )
        return
    yield Finding(
        "lifetimes",
        WARNING,
        f"{count(len(facts.lasting), 'key')} in Redis would stay for ever: {some(facts.lasting)}.",
        "Nothing of ours writes such a key: it was made, or made persistent, by hand or by a restored dump. If no "
        "call is on in that room, delete it (`redis-cli del KEY`); else give it a day (`redis-cli expire KEY 86400`).",
        told,
    )


def _refusals(facts: Facts) -> Iterable[Finding]:
    """Bots that look dead because Redis refuses their beats: they go on, and keep what they would write."""
    refused = dict(facts.condition.refused) if facts.condition else {}
    unheard = [
        str(room)
        for room, view in facts.rooms.items()
        if view.lease
        and view.lease.status is not LeaseStatus.PENDING
        and (view.age is None or view.age > UNHEARD)
    ]
    if not refused or not unheard:
        return
    counts = ", ".join(f"{why} {number} times" for why, number in sorted(refused.items()))
    yield Finding(
        "refusals",
        WARNING,
        f"Since its start Redis has refused commands ({counts}), and {count(len(unheard), 'bot')} "
        f"{'is' if len(unheard) == 1 else 'are'} not heard: {some(unheard)}. A bot whose beats are refused goes on, "
        "and keeps what it would write.",
        "Look at the bots worker's log for what was refused. "
        + " ".join(REMEDIES[why] for why in sorted(refused)),
        {"refused": refused, "rooms": unheard},
    )


def claiming(tried: Claiming) -> Finding:
    """What the outcome of a trial join means."""
    told = {"outcome": tried.outcome}
    match tried.outcome:
        case Outcome.DONE:
            says = "A trial join got a room, and gave it back; no bot was launched for it."
            return Finding("trial join", OK, says, facts=told)
        case Outcome.HELD:
            return Finding("trial join", OK, "Another doctor is trying a join just now.", facts=told)
        case Outcome.SETTLING:
            return Finding(
                "trial join",
                WARNING,
                "Redis is new, or has lost everything a moment ago: it gives rooms to nobody until every bot that "
                "lives has had the time to say so.",
                "Look again in five seconds.",
                told,
            )
        case Outcome.LEFT:
            return Finding(
                "trial join",
                PROBLEM,
                "A trial join got a room, and could not give it back.",
                "It lapses within a minute. Do two Greenrooms use one Redis?",
                told,
            )
        case Outcome.REFUSED:
            return Finding(
                "trial join",
                PROBLEM,
                f"Redis answers, and refuses what is written to it: {tried.why.rstrip('.')}. Nobody can join. Calls "
                "that are on go on, and their bots keep what they would write.",
                REMEDIES.get(
                    tried.why.partition(" ")[0],
                    "Look at Redis's log, and at what its user may do (`redis-cli acl whoami`).",
                ),
                told,
            )


def web(address: str, found: Web) -> list[Finding]:
    """What the web process says, from outside."""
    if found.livez is None:
        return [
            Finding(
                "web",
                WARNING,
                f"No web process answers at {address} ({found.why_not}): nobody can join there. "
                "If web listens elsewhere, say where: HOST and PORT, as when it was started.",
                "Start the `web` line of the Procfile; if it runs on another machine, ask `/livez` there.",
            )
        ]
    if found.livez != HTTPStatus.OK:
        return [
            Finding(
                "web",
                WARNING,
                f"{address}/livez says {found.livez}: something else than Greenroom listens there, or it is ill.",
                "Look at the web process's log, and at PORT.",
            )
        ]
    findings = [Finding("web", OK, f"The web process at {address} answers.")]
    if found.missing:
        findings.append(
            Finding(
                "readiness",
                PROBLEM,
                f"{address}/readyz says no ({found.missing}): a load balancer sends nobody there.",
                "Mend what it names; if nothing of that was found above, this process looks at another Redis: compare "
                "its REDIS_URL.",
            )
        )
    if found.takes_key is False:
        findings.append(
            Finding(
                "key",
                PROBLEM,
                f"The web process at {address} refuses the API key that this doctor has: callers who use it get 401.",
                "Was it started with another API_KEY, or with another folder (VAR_DIR/api-key)?",
            )
        )
    elif found.takes_key:
        findings.append(Finding("key", OK, "It takes the API key."))
    return findings


def _slots(facts: Facts) -> Finding:
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
        return Finding(
            "workers",
            PROBLEM,
            f"No bot worker has reported in the last {WORKER_GONE_AFTER.seconds} seconds: no bot can start. "
            "Calls on a worker that is only cut off from Redis go on.",
            f"{START} the `bots` line of the Procfile. If a process is there, it hangs, or cannot reach Redis: its log "
            "says more (var/log/bots.log under `greenroom up`).",
            told,
        )
    if len(draining) == len(hosts):
        return Finding(
            "workers",
            PROBLEM,
            f"{says} Nobody takes launches: whoever joins waits.",
            f"`greenroom drain --undo {draining[0]}` lets it work again; or start another worker.",
            told,
        )
    if not free:
        return Finding(
            "workers",
            WARNING,
            f"{says} The house is full: who joins now waits for a slot.",
            "Start another worker, or raise SLOTS where processors and memory are left.",
            told,
        )
    return Finding("workers", OK, says, facts=told)


def _imports(facts: Facts) -> Iterable[Finding]:
    unfit = {
        f"{name} on {host.id}, which {why}": None
        for host in facts.fleet.bots
        for name, why in host.unfit.items()
    }
    if unfit:
        told, left = "; ".join([*unfit][:UNFIT_TOLD]), len(unfit) - UNFIT_TOLD
        yield Finding(
            "imports",
            PROBLEM,
            f"{count(len(unfit), 'bot')} cannot start: {told}" + (f"; and {left} more." if left > 0 else "."),
            "Mend that file, or install what it lacks: the next join tries it again.",
            {"unfit": {host.id: dict(host.unfit) for host in facts.fleet.bots if host.unfit}},
        )
    elif facts.fleet.bots:
        yield Finding("imports", OK, "Every bot that BOTS names can be imported.")


def _control(facts: Facts) -> Iterable[Finding]:
    hosts = facts.fleet.of_kind("control")
    told = {"hosts": [host.id for host in hosts], "queued": facts.fleet.chores}
    if not hosts:
        yield Finding(
            "control",
            PROBLEM,
            f"No control worker has reported in the last {WORKER_GONE_AFTER.seconds} seconds: dead bots are not "
            "replaced, and what never started is not launched again. Calls go on.",
            f"{START} the `control` line of the Procfile (log: var/log/control.log).",
            told,
        )
    elif facts.fleet.chores > CHORES_AT_MOST:
        yield Finding(
            "control",
            PROBLEM,
            f"{count(facts.fleet.chores, 'task')} wait for {some([h.id for h in hosts])}, which reports, but does not "
            "keep up.",
            "Restart the control worker; that is harmless. Its log says what it was busy with.",
            told,
        )
    else:
        yield Finding("control", OK, f"{some([h.id for h in hosts])} works.", facts=told)


def _beat(facts: Facts) -> Iterable[Finding]:
    ago = facts.fleet.since_reaped
    told = {"since_reaped_ms": None if ago is None else round(ago / timedelta(milliseconds=1))}
    if ago is not None and ago <= REAPED_WITHIN:
        says = f"The reaper last looked for dead bots {duration(ago)} ago."
        yield Finding("beat", OK, says, facts=told)
        return
    says = (
        f"The reaper has not looked for dead bots for {duration(ago)}"
        if ago
        else "The reaper has not run today"
    )
    if not facts.fleet.of_kind("control"):
        do = "Start the control worker first (see above); if this does not pass then, start beat."
    elif facts.fleet.chores:
        do = (
            f"Beat asks for it ({count(facts.fleet.chores, 'task')} queued), and no control worker does it: restart "
            "the control worker."
        )
    else:
        do = f"{START} the `beat` line of the Procfile. If beat runs, its log says why it cannot ask."
    yield Finding("beat", PROBLEM, f"{says}: nobody replaces dead bots.", do, told)


def _queue(facts: Facts) -> Iterable[Finding]:
    queued = facts.fleet.launches
    waiting = [session for session in facts.sessions if session.state is State.PENDING]
    oldest = max((_age(facts, session.updated_ms) for session in waiting), default=timedelta(0))
    told = {
        "launches": queued,
        "waiting": len(waiting),
        "oldest_wait_ms": round(oldest / timedelta(milliseconds=1)),
    }
    if not queued and oldest <= A_MOMENT:
        yield Finding("queue", OK, "Nobody waits for a bot.", facts=told)
        return
    who = f"{count(len(waiting), 'session')} {'waits' if len(waiting) == 1 else 'wait'} for a bot"
    says = f"{who}, the first for {duration(oldest)}; {count(queued, 'launch', 'launches')} in the queue."
    if queued >= LIMITS.line:
        do = "Start more workers, or raise SLOTS."
        yield Finding("queue", PROBLEM, f"{says} The line is full: further joins are refused.", do, told)
    elif not facts.fleet.bots:
        yield Finding(
            "queue", PROBLEM, says, "Start a bot worker (see above): they are taken in order.", told
        )
    elif facts.fleet.free and oldest > STARTS_WITHIN:
        yield Finding(
            "queue",
            PROBLEM,
            f"{says} There are free slots, and nobody takes them.",
            f"A bot worker hangs, or restarts: restart {some([h.id for h in facts.fleet.bots])}, one at a time "
            "(`greenroom restart`). `greenroom doctor ROOM` tells what happened to one of them: "
            f"{some([str(session.room) for session in waiting])}.",
            told,
        )
    elif oldest > A_MOMENT:
        yield Finding("queue", WARNING, says, "Add slots: start another worker, or raise SLOTS.", told)
    else:
        yield Finding("queue", OK, says, facts=told)


@dataclass(frozen=True)
class Torn:
    """A room where lease, keepalive and session do not fit together."""

    room: Room
    age: timedelta | None  # since when it is so, as far as can be told
    host: str | None = None


def _rooms(facts: Facts) -> Iterable[Finding]:
    """Lease, keepalive and session of each room, held against each other."""
    orphans: list[Torn] = []
    stale: list[Torn] = []
    unheard: list[Torn] = []
    bodiless: list[Torn] = []
    for room, view in facts.rooms.items():
        lease = view.lease
        if lease is None or lease.status is LeaseStatus.PENDING or _age(facts, lease.since_ms) < A_MOMENT:
            continue
        is_dead = view.age is None or view.age > STALE_AFTER
        torn = Torn(room, view.age, lease.host)
        if _is_over(facts, lease):
            (orphans if is_dead else bodiless).append(torn)
        elif is_dead:
            stale.append(torn)
        elif view.age and view.age > UNHEARD:
            unheard.append(torn)
    homeless = [
        Torn(session.room, _age(facts, session.updated_ms))
        for session in facts.sessions
        if session.state is not State.ENDED
        and _age(facts, session.updated_ms) > A_MOMENT
        and not _has(facts.rooms.get(session.room), session)
    ]
    reaper_is_well = facts.fleet.since_reaped is not None and facts.fleet.since_reaped <= REAPED_WITHIN
    clears = (
        "Within half a minute the reaper clears it"
        if reaper_is_well
        else "Start control and beat, which clear it"
    )
    yield _of_rooms(
        "locks",
        orphans,
        "No room is locked for nobody.",
        "locked by a session that has ended",
        f"{clears}; a join takes such a room over within seconds. If it stays so, look at the control worker's log.",
    )
    living = {host.id for host in facts.fleet.hosts}
    gone = {torn.host for torn in stale if torn.host and torn.host not in living}
    yield _of_rooms(
        "keepalives",
        stale or unheard,
        "Every bot that is on stage was heard a moment ago.",
        f"not heard from for {_longest(stale)}: dead, hanging, or cut off from Redis"
        if stale
        else f"unheard for {_longest(unheard)}, and due every 3 seconds",
        (
            (
                f"{some(sorted(gone))} does not report either: start that worker, or its machine. "
                if gone
                else ""
            )
            + (
                "The reaper gives the session to a new bot"
                if reaper_is_well
                else "Nobody replaces them before control and beat run"
            )
            + "; `greenroom doctor ROOM` tells more."
            if stale
            else "Look again in half a minute: by then it is back, or replaced. Is that machine overloaded?"
        ),
        PROBLEM if stale else WARNING,
    )
    yield _of_rooms(
        "sessions",
        homeless,
        f"{count(len(facts.sessions), 'session')} on, each with its room.",
        "of a session that is on, but has no lease there, and so no bot",
        (
            "A bot that lives registers again within seconds; else the session is ended within "
            f"{duration(CLEARED_WITHIN)}."
            if reaper_is_well
            else "Start control and beat, which end such sessions."
        )
        + " A join of the room brings a bot at once.",
    )
    yield _of_rooms(
        "bots",
        bodiless,
        "No bot goes on without its session.",
        "with a bot that goes on, although its session has ended or is unknown",
        "It should stop by itself within seconds. If it does not: `greenroom doctor ROOM` names its process; "
        "SIGQUIT lets it say goodbye.",
    )
    if not facts.saw_all:
        yield Finding(
            "extent",
            WARNING,
            f"Only {count(len(facts.rooms), 'room')} could be looked at in the time there was.",
            "Ask for one room: `greenroom doctor ROOM`.",
            {"rooms": len(facts.rooms)},
        )


def _of_rooms(
    check: str, torn: Sequence[Torn], well: str, ill: str, do: str, verdict: Verdict = PROBLEM
) -> Finding:
    told = {"rooms": [str(each.room) for each in torn]}
    if not torn:
        return Finding(check, OK, well, facts=told)
    names = some([str(each.room) for each in torn])
    return Finding(check, verdict, f"{count(len(torn), 'room')} {ill}: {names}.", do, told)


def _longest(torn: Sequence[Torn]) -> str:
    ages = [each.age for each in torn if each.age is not None]
    return duration(max(ages)) if ages else "a day or more"


def _is_over(facts: Facts, lease: Lease) -> bool:
    """Whether a lease's session has ended, or is unknown, and not just now."""
    if lease.session_id not in facts.others:
        return False
    session = facts.others[lease.session_id]
    if session is None:
        return True
    return session.state is State.ENDED and _age(facts, session.updated_ms) > A_MOMENT


def _has(view: RoomView | None, session: Session) -> bool:
    return view is None or (view.lease is not None and view.lease.session_id == session.id)


def _age(facts: Facts, at_ms: int) -> timedelta:
    return timedelta(milliseconds=facts.reach.now_ms - at_ms)


def _providers(facts: Facts) -> Iterable[Finding]:
    if not facts.servers:
        yield Finding(
            "providers",
            OK,
            "Rooms are local: browsers speak to the bots' machines directly, and there is no vendor to reach.",
            facts={"servers": {}},
        )
        return
    silent = {server: why for server, why in facts.servers.items() if why}
    if not silent:
        yield Finding(
            "providers",
            OK,
            f"{some(sorted(facts.servers))} answers: a room was made and removed there, and a way into it signed.",
            facts={"servers": dict(facts.servers)},
        )
        return
    yield Finding(
        "providers",
        PROBLEM,
        f"{'; '.join(f'{server}: {why}' for server, why in silent.items())} Bots cannot join there, and who is in its "
        "rooms cannot be told.",
        "Is that server up, and is there a way to it from here? Are its address and keys right (`greenroom settings`)?",
        {"servers": dict(facts.servers)},
    )


RULES: tuple[Callable[[Facts], Iterable[Finding]], ...] = (
    _redis,
    _kept,
    _memory,
    _clocks,
    _workers,
    _imports,
    _control,
    _beat,
    _occupied,
    _cold,
    _queue,
    _rooms,
    _refusals,
    _lifetimes,
    _providers,
)


def _version(told: str) -> tuple[int, ...]:
    return tuple(int(part) for part in told.split(".") if part.isdigit())
