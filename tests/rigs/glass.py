"""Everything that is in a Redis at one moment, and its time, which may be moved on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greenroom.app.rooms.room import Room
from greenroom.app.storage import keys

SOURCE = (Path(__file__).parent / "glass.lua").read_text()


@dataclass(frozen=True)
class Sight:
    """What was seen."""

    now_ms: int = 0  # by a clock that never goes back, and that goes on when time is moved on
    redis_ms: int = 0  # by the clock that Redis goes by
    endless: tuple[str, ...] = ()  # keys without a lifetime
    held: Mapping[str, Any] = field(default_factory=dict)

    def lease(self, room: Room) -> dict[str, Any]:
        return self._json(keys.lease(room))

    def keepalive(self, room: Room) -> dict[str, Any]:
        return self._json(keys.keepalive(room))

    def session(self, session_id: str) -> dict[str, str]:
        flat = self.held.get(keys.session(session_id), ())
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def turns(self, session_id: str) -> list[dict[str, Any]]:
        """Those of the conversation that a session has now."""
        conversation_id = self.session(session_id).get("conversation_id", "")
        return [json.loads(turn) for turn in self.held.get(keys.turns(conversation_id), ())]

    def inbox(self, session_id: str) -> list[str]:
        """The ids of the messages that were not answered."""
        return [entry[0] for entry in self.held.get(keys.inbox(session_id), ())]

    def members(self, key: str) -> list[str]:
        return list(self.held.get(key, ()))

    def _json(self, key: str) -> dict[str, Any]:
        return json.loads(self.held[key]) if key in self.held else {}


class Glass:
    """Looks at a Redis, and moves its time on."""

    def __init__(self, server: Any) -> None:
        self._look = server.register_script(SOURCE)
        self._passed_ms = 0

    def look(self, *, after_ms: int = 0) -> Sight:
        """What is there after some time."""
        seconds, microseconds, endless, found = self._look(args=[after_ms])
        self._passed_ms += after_ms
        redis_ms = int(seconds) * 1000 + int(microseconds) // 1000
        return Sight(
            redis_ms + self._passed_ms,
            redis_ms,
            tuple(endless),
            dict(zip(found[::2], found[1::2], strict=True)),
        )
