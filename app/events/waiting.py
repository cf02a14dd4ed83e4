"""What the metrics say of turns that wait in Redis to be stored: how many, and for how long."""

from collections.abc import Awaitable, Callable, Mapping

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.ledger import AsyncLedger
from greenroom.app.rooms.outboxes import ReadWaiting, WaitingOutboxes

OUTBOXES_AT_MOST = 1000  # whose turns are counted, those first that have waited for longest


def gauges(ledger: AsyncLedger) -> Callable[[], Awaitable[Mapping[str, float]]]:
    """While Redis is away there are none: what is not known is not said to be 0."""

    async def read() -> Mapping[str, float]:
        try:
            outboxes = await ledger.run(WaitingOutboxes(OUTBOXES_AT_MOST))
            waiting, now_ms = await ledger.run_all([ReadWaiting(tuple(outboxes)), Now()])
        except RedisAway:
            return {}
        waits_ms = max(now_ms - waiting.oldest_ms, 0) if waiting.oldest_ms else 0
        return {
            "greenroom_outbox_conversations": float(waiting.conversations),
            "greenroom_outbox_turns": float(waiting.turns),
            "greenroom_outbox_fullest_turns": float(waiting.fullest),
            "greenroom_outbox_oldest_seconds": waits_ms / 1000,
            "greenroom_outbox_sessions": float(waiting.sessions),
            "greenroom_outbox_dropped_turns": float(waiting.dropped),
        }

    return read
