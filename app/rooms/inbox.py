"""What a session's bot is asked to do, and what it answered: as it lies in the ledger, also while the bot is starting.

`messages.py` sends it and waits for the answer; the bot reads it in `bots/stay/inbox.py`.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from greenroom.app.rooms.ledger import Step


@dataclass(frozen=True)
class Message:
    """What a session's bot is asked to do."""

    id: str
    kind: str
    body: Mapping[str, object]
    epoch: int
    expired: bool = False


@dataclass(frozen=True)
class Send(Step[str]):
    """Put a message in a session's inbox; returns the message's id."""

    session_id: str
    kind: str
    body: Mapping[str, object]
    epoch: int
    good_for: timedelta
    nonce: str = field(
        default_factory=lambda: secrets.token_hex(8)
    )  # sent twice with one nonce, it is one message


@dataclass(frozen=True)
class Receive(Step[list[Message]]):
    """The messages in a session's inbox after one, waiting for one if there is none yet."""

    session_id: str
    after: str
    wait: timedelta


@dataclass(frozen=True)
class Answer(Step[None]):
    """Acknowledge a message with its result; it is then gone from the inbox."""

    session_id: str
    message_id: str
    result: Mapping[str, object]


@dataclass(frozen=True)
class AwaitAnswer(Step[Mapping[str, object] | None]):
    """A message's result, or None if it did not come in time.  Asking twice gets the same answer."""

    session_id: str
    message_id: str
    wait: timedelta
