"""What a person's app says to their bot besides speech: what it opens and closes, what its person does, what they type.

A client's message becomes the same request that a server sends by HTTP (`requests/from_apps.py`), and is answered in
its own words: as RTVI where it spoke RTVI.
"""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from greenroom.app.errors.bots import TooManyAppMessages
from greenroom.app.rooms.cleaning import CleanupMessage
from greenroom.app.rooms.requests.from_apps import AppEvent, CloseThing, OpenThing, UserMessage
from greenroom.app.rooms.requests.request import Request

A_MINUTE = 60  # messages of one person's app: each is told to everybody's clients, or read by a model
MINUTE = 60.0  # seconds
LONGEST_ID = 64  # characters of a client's own id of its message

REQUESTS = {each.name: each for each in (OpenThing, CloseThing, AppEvent, UserMessage)}
ANSWERED, REFUSED = "{}_done", "{}_refused"  # the types of the answers, where a client does not speak RTVI


@dataclass(frozen=True)
class AppMessage:
    """One of these messages, however a client has put it."""

    name: str
    body: Mapping[str, Any]
    rtvi_id: str | None = None  # of the RTVI message that it came in; the answer carries it too

    @classmethod
    def of(cls, message: Any) -> "AppMessage | None":
        """None if a message is none of these."""
        if not isinstance(message, Mapping):
            return None
        kind, data = message.get("type"), message.get("data")
        if isinstance(kind, str) and kind in REQUESTS:
            rest = {name: value for name, value in message.items() if name not in ("type", "label", "id")}
            return cls(kind, rest)
        if kind != "client-message" or not isinstance(data, Mapping):
            return None
        name, body = data.get("t"), data.get("d")
        if not isinstance(name, str) or name not in REQUESTS:
            return None
        its_id = str(message.get("id") or "")[:LONGEST_ID]
        return cls(name, body if isinstance(body, Mapping) else {}, its_id)

    def request(self, person: str) -> Request[Any]:
        """What the person's app asks for, in their name.  Raises ValueError for one that cannot be read."""
        if "person" in self.body:
            raise ValueError("whose message it is, the room says")
        return REQUESTS[self.name].of_body({**self.body, "person": person})

    def answer(self, done: Mapping[str, Any]) -> dict[str, Any]:
        """What the client is told once it is done."""
        if self.rtvi_id is None:
            return {"type": ANSWERED.format(self.name), **self._own(), **done}
        return self._rtvi("server-response", {"t": self.name, "d": dict(done)})

    def refusal(self, why: str) -> dict[str, Any]:
        if self.rtvi_id is None:
            return {"type": REFUSED.format(self.name), **self._own(), "error": why}
        return self._rtvi("error-response", {"error": why})

    def _own(self) -> dict[str, Any]:
        """By what the client knows which of its messages is answered."""
        given = self.body.get("timestamp")
        return {"timestamp": str(given)[:LONGEST_ID]} if isinstance(given, str | int | float) else {}

    def _rtvi(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"label": "rtvi-ai", "type": kind, "id": self.rtvi_id, "data": data}


ToSession = AppMessage | CleanupMessage  # what a client sends to the session, and not to the bot


class Rate:
    """How many messages each person's app has sent within a minute."""

    def __init__(self) -> None:
        self._sent: dict[str, deque[float]] = {}

    def count(self, person: str, now: float) -> None:
        """Count one more; `now` is in seconds.  Raises TooManyAppMessages, and then it is not counted."""
        sent = self._sent.setdefault(person, deque(maxlen=A_MINUTE))
        if len(sent) == A_MINUTE and now - sent[0] < MINUTE:
            raise TooManyAppMessages
        sent.append(now)

    def forget(self, people: Collection[str]) -> None:
        """Keep what is known of these alone: others have left."""
        self._sent = {person: sent for person, sent in self._sent.items() if person in people}
