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

    def bot_token(
        self, room: Room, *, session_id: str, epoch: int, user_id: str, facts: Mapping[str, Any]
    ) -> str:
        """Let a room's bot in, under the identity that all bots of that room have.

        `facts` are the room's: they become its metadata where this token makes the room.
        """
        about = {"greenroom": {"bot": True, "of": user_id, "session_id": session_id, "epoch": epoch}}
        grants = {
            "roomJoin": True,
            "room": room.name,
            "canPublish": True,
            "canSubscribe": True,
            "canPublishData": True,
            "canUpdateOwnMetadata": True,
        }
        return self._token(
            bot_identity(room), grants, metadata=json.dumps(about), roomConfig={"metadata": json.dumps(facts)}
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
