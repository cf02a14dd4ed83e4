"""Redis, which everything stands on: its answers, its files, its memory, what it refuses, and its clock."""

from collections.abc import Iterable
from datetime import timedelta

from greenroom.app.operate.facts import UNHEARD, Facts
from greenroom.app.operate.findings import OK, PROBLEM, WARNING, Finding
from greenroom.app.operate.wording import count, duration, size, some
from greenroom.app.rooms.leases import LeaseStatus

OLDEST_REDIS = (6, 2)
SLOW, TOO_SLOW = timedelta(milliseconds=20), timedelta(milliseconds=500)  # to Redis and back
ASKEW, TOO_ASKEW = (
    timedelta(seconds=1),
    timedelta(seconds=3),
)  # logs of two machines no longer tell what came first
FULL, TOO_FULL = 0.75, 0.9  # shares of Redis's memory limit: a warning, a problem

# What to do about a refusal of Redis's, by its own word for why.
REMEDIES = {
    "OOM": "Redis is full: give it more (`redis-cli config set maxmemory 1gb`), and look what else is kept in it.",
    "MISCONF": "Redis cannot write its files: look for a full disk, and at its log.",
    "NOPERM": "Its user may not do that: allow it what it needs (`redis-cli acl list`).",
    "READONLY": "It is a copy of another Redis: let REDIS_URL name the one that takes writes.",
    "ERR": "Redis 6 says ERR of all that scripts are refused; the log has the words (`redis_refused`).",
    "WRONGTYPE": "Another program keeps something under a name of ours: give each a Redis of its own.",
}


def answers(facts: Facts) -> Iterable[Finding]:
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


def writing(facts: Facts) -> Iterable[Finding]:
    about = facts.condition
    if about is None:
        return
    told = {"append_only": about.is_kept, "trouble": list(about.trouble)}
    if about.trouble:
        yield Finding(
            "redis writing",
            PROBLEM,
            f"Redis reports trouble with its files or its role ({'; '.join(about.trouble)}); it may refuse joins.",
            "Look at its log, and for a full disk, on Redis's machine. Calls that are on go on meanwhile.",
            told,
        )
    elif not about.is_kept:
        yield Finding(
            "redis writing",
            WARNING,
            "Redis writes no append-only file: after a restart nobody knows any more who waits for a bot.",
            "`redis-cli config set appendonly yes`, and the same in its configuration, with appendfsync everysec.",
            told,
        )
    else:
        yield Finding("redis writing", OK, "Redis writes an append-only file, without trouble.", facts=told)


def memory(facts: Facts) -> Iterable[Finding]:
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


def clocks(facts: Facts) -> Iterable[Finding]:
    ahead = facts.reach.ahead
    told = {"ahead_ms": round(ahead / timedelta(milliseconds=1))}
    if abs(ahead) <= max(ASKEW, facts.reach.there_and_back):
        yield Finding("clocks", OK, "This machine's clock agrees with Redis's.", facts=told)
        return
    where = "ahead of" if ahead > timedelta(0) else "behind"
    yield Finding(
        "clocks",
        PROBLEM if abs(ahead) > TOO_ASKEW else WARNING,
        f"This machine's clock is {duration(abs(ahead))} {where} Redis's. Calls are not affected; browsers' tokens "
        "and the times in logs are.",
        "Turn on NTP (`timedatectl set-ntp true`) here and on Redis's machine; ask again on the other machines.",
        told,
    )


def refusals(facts: Facts) -> Iterable[Finding]:
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


def lifetimes(facts: Facts) -> Iterable[Finding]:
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


def _version(told: str) -> tuple[int, ...]:
    return tuple(int(part) for part in told.split(".") if part.isdigit())
