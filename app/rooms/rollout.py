"""Who gets voice sessions: a switch for all, a share of the assistants, and each assistant's own share of its users.

A share is drawn by digest, so that whoever is in it stays in it, in every process, and while it grows.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from greenroom.app.errors.users import VoiceNotEnabled
from greenroom.app.rooms.assistants import Assistant


class Outside(StrEnum):
    """Why somebody gets no voice session."""

    SWITCHED_OFF = "switched-off"  # for everybody, by VOICE_SESSIONS
    ASSISTANTS_SHARE = "assistants-share"  # this assistant is not among VOICE_ASSISTANTS_SHARE
    NOT_ENABLED = "not-enabled"  # its `voice_session_config.enabled` is false
    USERS_SHARE = "users-share"  # this user is not among its `rollout_share`


@dataclass(frozen=True)
class Rollout:
    """The installation's part of the decision, and what is said to callers."""

    is_on: bool = True
    assistants_share: int = 100  # percent
    fallback: str = ""  # what a caller does instead, in a word that its operator has chosen
    notice: str = ""  # words for people, in every answer

    def check(self, assistant: Assistant | None, user_id: str) -> None:
        """Raises VoiceNotEnabled, which says why and what to do instead."""
        if outside := self.outside(assistant, user_id):
            raise VoiceNotEnabled(because=outside.value, fallback=self.fallback, notice=self.notice or None)

    def outside(self, assistant: Assistant | None, user_id: str) -> Outside | None:
        """Why this user of that assistant gets no voice session; None if they get one."""
        if not self.is_on:
            return Outside.SWITCHED_OFF
        if assistant is None:
            return None
        if not assistant.voice_session.enabled:
            return Outside.NOT_ENABLED
        if not _is_in(self.assistants_share, assistant.id):
            return Outside.ASSISTANTS_SHARE
        if not _is_in(assistant.voice_session.rollout_share, f"{assistant.id}/{user_id}"):
            return Outside.USERS_SHARE
        return None


def _is_in(percent: int, who: str) -> bool:
    digest = hashlib.sha256(f"rollout/{who}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10_000 < percent * 100
