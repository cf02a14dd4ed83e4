"""Which bot a user has, in whatever room."""

from dataclasses import dataclass

from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.room import Room


@dataclass(frozen=True)
class UserBot:
    """The bot that a user has: that of the latest of their sessions that are on."""

    session_id: str
    room: Room
    personality: str
    persona: str | None
    since_ms: int  # when the session began
    heard_ms: int  # when its bot last beat, or the session was made


@dataclass(frozen=True)
class ReadUserBot(Step[UserBot | None]):
    """Which bot a user has, if they have one."""

    user_id: str
