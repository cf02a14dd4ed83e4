"""A session's beginning: its record, its launch, and how many there may be."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.line import NOT_IN_LINE, Place, Push
from greenroom.app.rooms.sessions import STARTS_WITHIN, Session


@dataclass(frozen=True)
class Limits:
    """How many sessions there may be, of everybody and of one user, or of all who came by one link."""

    sessions: int = 10_000
    line: int = 1000  # that wait for a slot
    user_sessions: int = 100
    user_line: int = 20


@dataclass(frozen=True)
class Launching:
    """What is done together with a session's record: its launch, and a look at its room should that get lost."""

    push: Push
    limits: Limits = Limits()
    within: timedelta = STARTS_WITHIN


class Created(StrEnum):
    """What became of a record that was to be written; the last five say what kept it from that."""

    WRITTEN = "written"
    THERE = "there"
    CONVERSATION = "conversation"  # it is another user's
    SESSIONS = "sessions"
    LINE = "line"
    USER_SESSIONS = "user_sessions"
    USER_LINE = "user_line"


@dataclass(frozen=True)
class Creation:
    """What became of a record, and where its launch stands."""

    outcome: Created
    place: Place = NOT_IN_LINE


@dataclass(frozen=True)
class Create(Step[Creation]):
    """Write a session's record and its first event, and launch it where that is asked for: all of it or nothing.

    One that is there is left alone, unless it is of an earlier epoch and has not ended: a bot that was
    superseded wrote it again, after it was lost.
    """

    session: Session
    launching: Launching | None = None
