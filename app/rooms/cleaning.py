"""The soft reset of a session's bot: what was under way is cancelled and awaited, and the conversation stays.

It happens when the last person leaves, and where a client asks for it (`POST /sessions/{id}/cleanup`, or the message
`room_cleanup`).  Whoever asks is told what was cleaned, so that nobody has to guess how long it takes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from greenroom.app.rooms.requests.answers import Cleaned
from greenroom.app.rooms.requests.changing import CleanUp

CLEANUP = "room_cleanup"  # the message by which a client asks
CLEANED = "room_cleaned"  # and the one that answers it, where the client does not speak RTVI
REFUSED = "room_cleanup_refused"
NOTHING, WRITTEN = "nothing was under way", "all turns are written"
LONGEST_TIMESTAMP = 64  # characters; it is the client's own, and is only compared


def in_words(cleaned: Cleaned) -> str:
    """What was cleaned, for a session's history."""
    return "; ".join(_clauses(cleaned))


def worth_telling(words: str) -> str:
    """Of what a history says was cleaned, what is no matter of course."""
    return "; ".join(clause for clause in words.split("; ") if clause not in (NOTHING, WRITTEN))


def _clauses(cleaned: Cleaned) -> Iterator[str]:
    cancelled = [
        *(["the answer"] if cleaned.answer else []),
        *([_several(cleaned.tools, "tool")] if cleaned.tools else []),
        *([_several(cleaned.tasks, "background task")] if cleaned.tasks else []),
    ]
    yield f"cancelled {', '.join(cancelled)}" if cancelled else NOTHING
    if not cleaned.is_awaited:
        yield "some of it had not ended a second later"
    yield WRITTEN if cleaned.is_written else "some turns are still to be written"
    if cleaned.read_anew:
        yield f"read anew: {', '.join(cleaned.read_anew)}"


def _several(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class CleanupMessage:
    """A client's wish that its bot be cleaned up, however it has put it."""

    name: ClassVar = CLEANUP

    timestamp: str | None
    rtvi_id: str | None = None  # of the RTVI message that asked; the answer carries it too

    @classmethod
    def of(cls, message: Any) -> "CleanupMessage | None":
        """None if a message is no such wish."""
        if not isinstance(message, Mapping):
            return None
        if message.get("type") == CLEANUP:
            return cls(_timestamp(message))
        data = message.get("data")
        if (
            message.get("type") != "client-message"
            or not isinstance(data, Mapping)
            or data.get("t") != CLEANUP
        ):
            return None
        return cls(_timestamp(data.get("d")), str(message.get("id") or "")[:LONGEST_TIMESTAMP])

    def request(self, person: str) -> CleanUp:
        """What the person's client asks for, in their name."""
        return CleanUp(person, self.timestamp)

    def answer(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """What the client is told once it is done."""
        done = {"timestamp": self.timestamp, "cleaned": dict(cleaned)}
        if self.rtvi_id is None:
            return {"type": CLEANED, **done}
        return self._rtvi("server-response", {"t": CLEANUP, "d": done})

    def refusal(self, why: str) -> dict[str, Any]:
        if self.rtvi_id is None:
            return {"type": REFUSED, "timestamp": self.timestamp, "error": why}
        return self._rtvi("error-response", {"error": why})

    def _rtvi(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"label": "rtvi-ai", "type": kind, "id": self.rtvi_id, "data": data}


def _timestamp(said: Any) -> str | None:
    given = said.get("timestamp") if isinstance(said, Mapping) else None
    return str(given)[:LONGEST_TIMESTAMP] if isinstance(given, str | int | float) else None
