"""The rules of the checkup: what the facts of an installation mean, and what to do about it.

A rule looks at one thing, and is named after the finding that it makes.
"""

from collections.abc import Callable, Iterable

from greenroom.app.operate.checkup import control, conversations, providers, queue, redis, rooms, workers
from greenroom.app.operate.facts import Facts
from greenroom.app.operate.findings import Finding

Rule = Callable[[Facts], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    redis.answers,
    redis.writing,
    redis.memory,
    redis.clocks,
    workers.workers,
    workers.silent,
    workers.imports,
    workers.services,
    control.control,
    control.beat,
    workers.used_slots,
    workers.cold_slots,
    conversations.database,
    conversations.outbox,
    queue.queue,
    rooms.locks,
    rooms.keepalives,
    rooms.sessions,
    rooms.bots,
    rooms.extent,
    redis.refusals,
    redis.lifetimes,
    providers.servers,
)


def check(facts: Facts) -> list[Finding]:
    """Everything that was looked at, the foundations first."""
    return [finding for rule in RULES for finding in rule(facts)]
