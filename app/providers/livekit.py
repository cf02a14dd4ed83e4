"""LiveKit: its tokens, its server's API, its webhooks.

Five calls and one kind of token are all that we need of it; its own package for them
would cost each web process 40 MB and a third of a second.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.providers import tokens
from app.rooms.providers import TOKEN_LASTS, Admission, Evidence, Participant, bot_identity
from app.rooms.room import LIVEKIT, Room
from app.rooms.sessions import Session


class LiveKit:
    """One LiveKit server."""

    name = LIVEKIT

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        self.server = url
        self._key = api_key
        self._secret = api_secret

    def admit(self, room: Room, user_id: str) -> Admission:
        """Let a person in; asks nobody."""
        grants = {
            "roomJoin": True,
            "room": room.name,
            "canPublish": True,
            "canSubscribe": True,
            "canPublishData": True,
        }
        return Admission(self.server, self._token(user_id, grants))

    def bot_token(self, session: Session) -> str:
        """Let a room's bot in, under the identity that all bots of that room have.

        It says of itself what it is, and says what the room is for, where nobody has made that before.
        """
        about = {
            "greenroom": {
                "bot": True,
                "of": session.user_id,
                "session_id": session.id,
                "epoch": session.epoch,
            }
        }
        grants = {
            "roomJoin": True,
            "room": session.room.name,
            "canPublish": True,
            "canSubscribe": True,
            "canPublishData": True,
            "canUpdateOwnMetadata": True,
        }
        return self._token(
            bot_identity(session.room),
            grants,
            name=session.personality,
            metadata=json.dumps(about),
            roomConfig={"metadata": json.dumps(room_facts(session))},
        )

    def prepare(self, room: Room, facts: Mapping[str, Any]) -> None:
        """Rooms come to be when somebody joins; the bot's token says what they are like."""

    def presence(self, room: Room) -> Sequence[Participant] | None:
        raise NotImplementedError

    def busy_rooms(self) -> Sequence[Room]:
        raise NotImplementedError

    def evict(self, room: Room, participant: Participant) -> None:
        raise NotImplementedError

    def evidence(self, body: bytes, headers: Mapping[str, str]) -> Evidence | None:
        raise NotImplementedError

    def _token(self, identity: str, grants: Mapping[str, Any], **claims: Any) -> str:
        said = {"iss": self._key, "sub": identity, "video": grants, **claims}
        return tokens.sign(self._secret, said, TOKEN_LASTS)


def room_facts(session: Session) -> dict[str, Any]:
    """A room's metadata, for whoever is in it."""
    return {
        "conversation_id": session.id,
        "bot": session.bot,
        "personality": session.personality,
        "mode": session.mode,
    }
