"""Who waits for a bot, for how long, and why."""

from collections.abc import Iterable
from datetime import timedelta

from greenroom.app.operate.facts import A_MOMENT, Facts
from greenroom.app.operate.findings import OK, PROBLEM, WARNING, Finding
from greenroom.app.operate.wording import count, duration, some
from greenroom.app.rooms.serving import LIMITS
from greenroom.app.rooms.sessions import STARTS_WITHIN, State


def queue(facts: Facts) -> Iterable[Finding]:
    queued = facts.fleet.launches
    waiting = [session for session in facts.sessions if session.state is State.PENDING]
    oldest = max((facts.since(session.updated_ms) for session in waiting), default=timedelta(0))
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
