"""A session that this process has adopted: what it knows of it before the bot's first step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.room_states import Open, Opened
from greenroom.app.rooms.sessions import Session


@dataclass(frozen=True)
class AdoptedSession:
    """The session, who has adopted it, and how the bot before this one left it."""

    session: Session
    owner: str
    host: str
    token: str
    job_id: str = ""
    is_next: bool = False  # its turn comes when the bot that has the room now yields
    age: timedelta = timedelta(0)
    conversation: tuple[Turn, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)  # as the bot before this one was changed
    opened: Mapping[Open, Opened] = field(default_factory=dict)  # in the room, by that bot

    @property
    def resumes(self) -> bool:
        """Whether it goes on in place of a bot that was lost in the middle of what was said in this session.

        A conversation that is only taken up was over: nothing of it was cut off.
        """
        if self.is_next or self.session.version == 1:
            return False
        return any(turn.ended_ms >= self.session.created_ms for turn in self.conversation)
