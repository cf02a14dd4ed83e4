"""What people's clients may send a bot, whoever wrote the bot, by the kind of room.

pipecat turns an RTVI message into frames, and only those of a typed line say whose they are.  In a room of several
people all others would come into the talk of whoever was answered last, or into everybody's.  So each kind of message
is decided here, before pipecat sees it; a kind that is not on the list is refused.
"""

import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import structlog
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.processors.frameworks.rtvi.models import MESSAGE_LABEL

from greenroom.app.rooms.app_messages import AppMessage
from greenroom.app.rooms.cleaning import CleanupMessage
from greenroom.bots.seam.diversions import divert_incoming
from greenroom.bots.transports.stage import Listener

SEVERAL_SHARE_IT = "In a room of several people a bot takes no {kind}: it could not tell whose it is."
ADDRESSES_ARE_NOT_FETCHED = "Send the file itself, as bytes: a bot fetches nothing from an address."
PAUSED = "The bot is paused: it takes nothing until it is resumed."
UNKNOWN_KIND = "A bot here does not know messages of that type."

log = structlog.get_logger(__name__)


class Decision(Enum):
    """Where a kind of message is taken."""

    EVERYWHERE = "it says nothing of anybody, or pipecat's frames say who sent it"
    ALONE = "its frames name no author: only where there can be one person"


DECIDED: Mapping[str, Decision] = {
    "client-ready": Decision.EVERYWHERE,
    "send-text": Decision.EVERYWHERE,
    "send-file": Decision.ALONE,
    "client-message": Decision.ALONE,
    "llm-function-call-result": Decision.ALONE,
    "raw-audio": Decision.ALONE,
    "raw-audio-batch": Decision.ALONE,
    "dtmf": Decision.ALONE,
    "ui-event": Decision.ALONE,
    "ui-snapshot": Decision.ALONE,
    "ui-cancel-job-group": Decision.ALONE,
    "disconnect-bot": Decision.ALONE,  # from the others as well
}
NEEDS_NO_AUTHOR = frozenset({"client-ready"})


def read(data: bytes) -> Any:
    """A message as it was sent, or None if it is no JSON that anybody could mean."""
    try:
        return json.loads(data.decode())
    except (ValueError, RecursionError):
        return None


def is_rtvi(message: Any) -> bool:
    return isinstance(message, dict) and message.get("label") == MESSAGE_LABEL


Answer = Callable[[dict[str, Any]], object]


class Incoming:
    """What people write to the bot of one room: what is for the bot, for its session, or for neither."""

    def __init__(self, listener: Listener, *, is_shared: bool) -> None:
        self._listener = listener
        self._is_shared = is_shared
        self._logged: set[str] = set()
        self.listens = True  # else it is left unanswered: people's pages send it again, to the next bot
        self.is_paused = False  # nothing is taken, so that whoever writes is told at once

    def takes(self, message: Any, author: str | None, answer: Answer | None) -> bool:
        """Whether the bot gets a message.

        What is for its session is handed to the listener; whoever wrote what neither takes is told why.  There is no
        `answer` where nobody knows who wrote it.
        """
        if not self.listens:
            return False
        if answer is not None and self._is_for_session(message, author, answer):
            return False
        why = self.refusal(message, author)
        if why and answer is not None:
            answer(error_response(message, why))
        return why is None

    def refusal(self, message: Any, author: str | None) -> str | None:
        """Why a bot does not get an RTVI message; None if it does.  What is not RTVI goes to the bot's own handlers."""
        if not is_rtvi(message):
            return None
        kind = message.get("type")
        decision = DECIDED.get(kind) if isinstance(kind, str) else None
        if decision is None:
            return self._refused("unknown", UNKNOWN_KIND)
        if self.is_paused and kind not in NEEDS_NO_AUTHOR:
            return PAUSED
        if self._is_shared and decision is Decision.ALONE:
            return self._refused(kind, SEVERAL_SHARE_IT.format(kind=kind))
        if author is None and kind not in NEEDS_NO_AUTHOR:
            return self._refused(kind, SEVERAL_SHARE_IT.format(kind=kind))
        if kind == "send-file" and not _is_file_itself(message.get("data")):
            return self._refused(kind, ADDRESSES_ARE_NOT_FETCHED)
        return None

    def _is_for_session(self, message: Any, author: str | None, answer: Answer) -> bool:
        """Whether it is for a person's session: that answers it, and the bot does not get it."""
        wish = CleanupMessage.of(message)
        sent = wish or (AppMessage.of(message) if author else None)
        if sent is None:
            return False
        if self.is_paused and wish is None:
            answer(sent.refusal(PAUSED))
        else:
            self._listener.app_sent(author or "", sent, answer)
        return True

    def _refused(self, kind: str, why: str) -> str:
        if kind not in self._logged:  # once: raw audio comes fifty times a second
            self._logged.add(kind)
            log.info("message_refused", kind=kind)
        return why


def error_response(message: Mapping[str, Any], why: str) -> dict[str, Any]:
    """The answer to whoever sent it, as RTVI has it."""
    told = str(message.get("id") or "")[:64]
    return {"label": MESSAGE_LABEL, "type": "error-response", "id": told, "data": {"error": why}}


def keep_to_rtvi(part: FrameProcessor) -> None:
    """Let nothing but RTVI into a pipeline as a frame: pipecat writes all else into the log, words and all.

    A bot that has a language of its own with its clients listens to its transport's `on_app_message`, as before.
    """
    divert_incoming(part, is_rtvi)


def _is_file_itself(data: Any) -> bool:
    file = data.get("file") if isinstance(data, dict) else None
    source = file.get("source") if isinstance(file, dict) else None
    return isinstance(source, dict) and isinstance(source.get("bytes"), str) and "url" not in source
