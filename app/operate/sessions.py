"""The sessions that are on, for terminals."""

from collections.abc import Sequence

from greenroom.app.operate.wording import columns, moment
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.overview import Overview
from greenroom.app.rooms.sessions import Session
from greenroom.app.rooms.transcripts import clean

AT_ONCE = 1000  # sessions that are read in one go


def live(ledger: Ledger) -> list[Session]:
    """All of them, the oldest first."""
    overview = Overview(ledger)
    found, after = overview.sessions("", AT_ONCE)
    while after is not None:
        more, after = overview.sessions(after, AT_ONCE)
        found += more
    return found


def table(sessions: Sequence[Session], now_ms: int) -> str:
    """Nothing is cut: an id is there to be used."""
    if not sessions:
        return "No session is on."
    rows = [("ROOM", "BOT", "STATE", "SINCE (UTC)", "USER", "SESSION")]
    rows += [
        (
            str(each.room),
            clean(each.brief.bot),
            f"{each.state}, paused" if each.pause and each.state != "paused" else each.state,
            moment(each.created_ms, now_ms),
            clean(each.brief.user_id),
            each.id,
        )
        for each in sessions
    ]
    return columns(rows)
