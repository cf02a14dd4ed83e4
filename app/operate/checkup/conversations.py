"""What was said, on its way to where it is kept for good: the database, and what waits for it."""

from collections.abc import Iterable
from datetime import timedelta

from greenroom.app.operate.facts import Facts
from greenroom.app.operate.findings import OK, PROBLEM, WARNING, Finding
from greenroom.app.operate.wording import count, duration
from greenroom.app.rooms.conversations import OUTBOX_HOLDS, OUTBOX_KEEPS_FOR

# control stores every 3 s.  The limits are far below those at which turns are lost, so that there is time to mend it
WAITS_LONG, WAITS_TOO_LONG = timedelta(minutes=1), timedelta(hours=1)
FULL, TOO_FULL = OUTBOX_HOLDS // 20, OUTBOX_HOLDS // 4  # turns of one conversation


def database(facts: Facts) -> Iterable[Finding]:
    if facts.database is None:
        return
    where = f"The database at {facts.database.address}"
    if not facts.database.why_not:
        yield Finding("database", OK, f"{where} answers, with the tables it should have.")
        return
    yield Finding(
        "database",
        PROBLEM,
        f"{where} cannot be used: {facts.database.why_not} Calls go on; what is said waits in Redis, for "
        f"{OUTBOX_KEEPS_FOR.days} days at most.",
        "Start it, or correct DATABASE_URL; where its tables are old, run `greenroom migrate`. What waits is stored "
        "by itself then.",
    )


def outbox(facts: Facts) -> Iterable[Finding]:
    waiting = facts.waiting
    if waiting is None:
        return
    age = facts.since(waiting.oldest_ms) if waiting.oldest_ms else timedelta(0)
    told = {
        "conversations": waiting.conversations,
        "turns": waiting.turns,
        "fullest": waiting.fullest,
        "oldest_ms": round(age / timedelta(milliseconds=1)),
        "sessions": waiting.sessions,
        "unstorable": waiting.unstorable,
        "sessions_unstorable": waiting.sessions_unstorable,
        "dropped": waiting.dropped,
    }
    says = (
        f"{count(waiting.turns, 'turn')} of {count(waiting.conversations, 'conversation')} wait to be stored"
    )
    says += f", the first for {duration(age)}." if waiting.turns else "."
    if waiting.dropped:
        says += f" {count(waiting.dropped, 'turn')} had no room in Redis in the last days, and are lost."
    is_bad = waiting.dropped or age > WAITS_TOO_LONG or waiting.fullest > TOO_FULL
    if is_bad or age > WAITS_LONG or waiting.fullest > FULL:
        yield Finding(
            "outbox",
            PROBLEM if is_bad else WARNING,
            says,
            f"A conversation holds {OUTBOX_HOLDS:,} turns, for {OUTBOX_KEEPS_FOR.days} days; then the oldest go. Does "
            "the database, or the backend at BACKEND_URL, answer, and does control run? Its log says why it cannot "
            "store them (`flush_failed`, `turns_delayed`).",
            told,
        )
    elif waiting.sessions_unstorable:
        yield Finding(
            "outbox",
            WARNING,
            f"{says} {count(waiting.sessions_unstorable, 'session')} could not be stored, and never will be.",
            "control's log names it (`session_rejected`), and says why; Redis keeps it for a month: "
            "`greenroom session ID` tells it.",
            told,
        )
    elif waiting.unstorable:
        yield Finding(
            "outbox",
            WARNING,
            f"{says} Of {count(waiting.unstorable, 'conversation')} a turn could not be stored, and never will be.",
            "control's log names the conversation (`turn_rejected`, `outbox_rejected`); Redis keeps the turn for a "
            "month, in `conversation:{ID}:unstorable`.",
            told,
        )
    else:
        yield Finding(
            "outbox", OK, says if waiting.turns else "Everything that was said is stored.", facts=told
        )
