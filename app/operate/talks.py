"""What was said and by whom, for terminals."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from greenroom.app.operate.wording import duration
from greenroom.app.rooms.analytics import DayOfAssistant
from greenroom.app.rooms.erasing import Seen
from greenroom.app.rooms.reading import Conversation, Conversations, Place, Reading, Told, Wanted
from greenroom.app.rooms.transcripts import clean

AT_ONCE = 1000  # conversations, or turns, that are read in one go
NARROWEST = 8  # columns of a name that is cut


def conversations(reading: Reading, wanted: Wanted, limit: int) -> tuple[list[Conversation], bool]:
    """The last that are as wanted, and whether there are more."""
    found: list[Conversation] = []
    after: Place | None = None
    while len(found) < limit:
        page: Conversations = reading.page(wanted, after, min(limit - len(found), AT_ONCE))
        found += page.conversations
        if page.next is None:
            return found, False
        after = page.next
    return found, True


def whole(reading: Reading, conversation_id: str) -> Iterator[Told]:
    """A conversation, some of its turns at a time.  Raises NoSuchConversation."""
    told = reading.tell(conversation_id, None, AT_ONCE)
    yield told
    while told.next is not None:
        told = reading.tell(conversation_id, told.next, AT_ONCE)
        yield told


def all_of(reading: Reading, conversation_id: str) -> Told:
    """A conversation with all of its turns.  Raises NoSuchConversation."""
    first, *more = whole(reading, conversation_id)
    return replace(first, turns=[turn for part in (first, *more) for turn in part.turns], next=None)


def conversations_table(found: Sequence[Conversation], has_more: bool) -> str:
    """Nothing is cut: an id is there to be used."""
    if not found:
        return "No conversation was found."
    rows = [("BEGAN (UTC)", "LASTED", "TURNS", "USER", "CONVERSATION")]
    rows += [
        (
            _minute(each.started_ms),
            _length(each),
            str(each.turn_count),
            clean(each.user_id) or "-",
            clean(each.id),
        )
        for each in found
    ]
    more = "\n... and more: --limit tells how many are shown." if has_more else ""
    return _table(rows) + more


def users_table(seen: Sequence[Seen], has_more: bool) -> str:
    if not seen:
        return "Nobody has talked yet."
    rows = [("LAST SEEN (UTC)", "TALKS", "TURNS", "USER")]
    rows += [
        (
            _minute(each.last_ms) if each.last_ms else "-",
            str(each.conversations),
            str(each.turns),
            clean(each.user_id) or "-",
        )
        for each in seen
    ]
    more = "\n... and more: --limit tells how many are shown." if has_more else ""
    return _table(rows) + more


def analytics_table(days: Sequence[DayOfAssistant], width: int) -> str:
    if not days:
        return "No session began in that time."
    rows: list[tuple[str, ...]] = [
        ("DAY (UTC)", "SESSIONS", "USERS", "PEOPLE", "MESSAGES", "MEAN", "ERRORS", "ASSISTANT")
    ]
    rows += [
        (
            _minute(each.day_ms)[:10],
            *map(str, (each.sessions, each.users, each.people, each.messages)),
            duration(timedelta(milliseconds=each.mean_ms)) if each.mean_ms else "-",
            str(each.errors),
            clean(each.assistant or "-"),
        )
        for each in days
    ]
    return _table(rows, width, cut=7)


def _length(conversation: Conversation) -> str:
    """As long as something was said in it; one that nobody has said anything in has no length."""
    if not conversation.turn_count:
        return "-"
    return duration(timedelta(milliseconds=max(conversation.last_ms - conversation.started_ms, 0)))


def _minute(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"


def _table(rows: Sequence[tuple[str, ...]], width: int = 0, *, cut: int | None = None) -> str:
    """In `width` columns, by one of its own that is cut to fit."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if cut is not None:
        others = sum(widths) - widths[cut] + 2 * (len(widths) - 1)
        widths[cut] = min(widths[cut], max(width - others, NARROWEST))
    return "\n".join(
        "  ".join(
            f"{_cut(cell, length):<{length}}" for cell, length in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
