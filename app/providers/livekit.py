"""LiveKit: its tokens, its server's API, its webhooks.

Five calls and one kind of token are all that we need of it; its own package for them
would cost each web process 40 MB and a third of a second.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from greenroom.app.errors.callers import BadSignature
from greenroom.app.errors.rooms import BadRoom, NotUnseenThere, ProviderAway
from greenroom.app.providers import reading, tokens
from greenroom.app.providers.http import Http, NoAnswer
from greenroom.app.providers.livekit_people import number, participant_of
from greenroom.app.providers.room_metadata import room_facts, with_facts
from greenroom.app.rooms.providers import (
    NOTHING,
    TOKEN_LASTS,
    About,
    Admission,
    Evidence,
    Participant,
    RoomEvent,
    bot_identity,
    listener_identity,
)
from greenroom.app.rooms.room import LIVEKIT, Room
from greenroom.app.rooms.sessions import Session
from greenroom.app.rooms.voice_rooms import PEOPLE, check_voice_room, is_voice_room
from greenroom.app.settings import Settings

REHEARSAL_LASTS_S = 10  # seconds until LiveKit removes a rehearsal's empty room, should we not get to it
ANSWERS_WITHIN = timedelta(seconds=2)
# A server that did not answer is not asked again for so long: hundreds of rooms would otherwise wait for it at once.
RETRY_SILENT_SERVER_AFTER = timedelta(seconds=5)
ASKING_LASTS = timedelta(minutes=1)  # how long the token that we sign for one call is good
FRESH_FOR = timedelta(
    minutes=5
)  # by how much the time of a webhook may differ from our clock, before or after it
EVENTS: Mapping[str, RoomEvent] = {event.value: event for event in RoomEvent}  # ours have LiveKit's own names

log = structlog.get_logger(__name__)


class LiveKit:
    """One LiveKit server."""

    name = LIVEKIT

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        self.server = url
        self._key = api_key
        self._secret = api_secret
        is_here = re.match(r"wss?://(127\.|localhost\b)", url) is not None
        self._http = Http(trust_env=not is_here)
        self._not_before = 0.0  # by the monotonic clock

    @classmethod
    def of(cls, settings: Settings) -> "LiveKit":
        """The LiveKit server of these settings, if they have one."""
        return cls(settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret)

    def admit(self, room: Room, user_id: str, about: About = NOTHING) -> Admission:
        """Sign the token with which a person enters, without asking the server.

        The token does not let them change their own metadata: a person could otherwise pose as the bot.
        """
        check_voice_room(room, user_id)
        grants: dict[str, Any] = {
            "roomJoin": True,
            "room": room.name,
            "canPublish": True,
            "canSubscribe": True,
            "canPublishData": True,
        }
        if is_voice_room(room):  # neither camera nor screen
            grants["canPublishSources"] = ["microphone"]
        # Whatever name they give themselves, this says that they are no bot.
        card: dict[str, Any] = {"greenroom": {"person": True}}
        if about.preferences:
            card["preferences"] = about.preferences
        said = {"metadata": json.dumps(card)} | ({"name": about.name} if about.name else {})
        return Admission(self.server, self._token(user_id, grants, **said, **_room_config(room)))

    def admit_unseen(self, room: Room, user_id: str) -> Admission:
        """Sign a hidden participant's token, without asking the server: it tells nobody that they are there."""
        if is_voice_room(room):
            raise NotUnseenThere
        grants = {
            "roomJoin": True,
            "room": room.name,
            "hidden": True,
            "canSubscribe": True,
            "canPublish": False,
            "canPublishData": False,
        }
        return Admission(self.server, self._token(listener_identity(user_id), grants))

    def bot_token(self, session: Session, name: str = "") -> str:
        """Sign the token with which a room's bot enters, under the identity that all bots of that room have.

        The bot's metadata names its session.  If nobody has made the room before, its metadata comes from this token.
        """
        about = {
            "greenroom": {
                "bot": True,
                "of": session.brief.user_id,
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
            name=name,
            metadata=json.dumps(about),
            **_room_config(session.room, metadata=with_facts("", room_facts(session))),
        )

    def prepare(self, room: Room, *, recording: bool | None = None) -> None:
        """Do nothing: LiveKit makes a room when the first participant joins, as that participant's token says.

        Nobody's token lets them record.
        """

    def open(self, room: Room, *, recording: bool = False) -> None:
        """Find out whether the server answers; the first who joins makes the room.  Raises ProviderAway."""
        self._ask("ListRooms", {"names": [room.name]}, {"roomList": True})

    def rehearse(self, room: Room) -> None:
        """Make a room, sign a token for it, and remove it.  Raises ProviderAway.

        If this process dies before it removes the room, LiveKit does so after REHEARSAL_LASTS_S.
        """
        grant = {"roomCreate": True}
        self._ask("CreateRoom", {"name": room.name, "empty_timeout": REHEARSAL_LASTS_S}, grant)
        self.admit(room, "doctor")
        self._ask("DeleteRoom", {"room": room.name}, grant)

    def presence(self, room: Room) -> Sequence[Participant] | None:
        """List who is in a room, without recorders and other machinery.  Raises ProviderAway."""
        told = self._ask("ListParticipants", {"room": room.name}, {"roomAdmin": True, "room": room.name})
        return [
            who for entry in reading.parts(told, "participants") if (who := participant_of(entry)) is not None
        ]

    def metadata(self, room: Room) -> str:
        """A room's metadata; empty for a room that is not there yet.  Asks once.  Raises ProviderAway."""
        told = self._ask("ListRooms", {"names": [room.name]}, {"roomList": True}, times=1)
        found = (
            entry.get("metadata") for entry in reading.parts(told, "rooms") if entry.get("name") == room.name
        )
        return next((text for text in found if isinstance(text, str)), "")

    def describe(self, room: Room, metadata: str) -> None:
        """Replace a room's metadata.  Raises ProviderAway."""
        self._ask(
            "UpdateRoomMetadata",
            {"room": room.name, "metadata": metadata},
            {"roomAdmin": True, "room": room.name},
        )

    def busy_rooms(self) -> Sequence[Room]:
        """List the rooms that have participants, and a name that a URL of ours can hold.  Raises ProviderAway."""
        told = self._ask("ListRooms", {}, {"roomList": True})
        busy = (
            self._room(entry) for entry in reading.parts(told, "rooms") if number(entry, "num_participants")
        )
        return [room for room in busy if room is not None]

    def evict(self, room: Room, participant: Participant) -> None:
        """Remove a participant, unless that very stay is over.  Raises ProviderAway.

        LiveKit removes whoever has an identity now, so this asks first whether it is still the same stay.  The
        removal is not tried twice: the second try could remove whoever has come in meanwhile.
        """
        who = {"room": room.name, "identity": participant.identity}
        grant = {"roomAdmin": True, "room": room.name}
        there = self._ask("GetParticipant", who, grant)
        if not there or (participant.sid and there.get("sid") != participant.sid):
            return
        self._ask("RemoveParticipant", who, grant, times=1)

    def evidence(self, body: bytes, headers: Mapping[str, str]) -> Evidence | None:
        """What a webhook says, or None if it is nothing to us.  Raises BadSignature."""
        claims = tokens.verify(
            self._secret, headers.get("Authorization", "").removeprefix("Bearer "), issuer=self._key
        )
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if not hmac.compare_digest(reading.text(claims, "sha256").encode(), digest.encode()):
            raise BadSignature
        told = reading.an_object(body)
        if told is None:
            return None
        at = number(told, "created_at")
        if abs(time.time() - at) > FRESH_FOR.total_seconds():
            raise BadSignature
        room, event = self._room(told.get("room")), EVENTS.get(reading.text(told, "event"))
        if room is None or event is None:
            return None
        who = participant_of(told.get("participant"))
        if who is None and event is not RoomEvent.ROOM_FINISHED:
            return None
        return Evidence(
            id=reading.id_of(told.get("id"), body),
            event=event,
            room=room,
            participant=who,
            at_ms=at * 1000,
        )

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._http.close()

    def _room(self, entry: Any) -> Room | None:
        """The room that LiveKit names; None where no URL of ours can hold that name, since such a room is not ours."""
        try:
            return Room.parse(f"{self.server}/{reading.text(entry, 'name')}")
        except BadRoom:
            return None

    def _token(self, identity: str, grants: Mapping[str, Any], **claims: Any) -> str:
        said = {"iss": self._key, "sub": identity, "video": grants, **claims}
        return tokens.sign(self._secret, said, TOKEN_LASTS)

    def _ask(
        self, call: str, body: Mapping[str, Any], grant: Mapping[str, Any], *, times: int = 2
    ) -> dict[str, Any]:
        """Call the server; returns its answer, or an empty one where it has no such room or participant.

        Raises ProviderAway: at once, if the server failed to answer within the last RETRY_SILENT_SERVER_AFTER.
        """
        if time.monotonic() < self._not_before:
            raise ProviderAway
        for attempt in range(1, times + 1):
            try:
                return self._ask_once(call, body, grant)
            except NoAnswer as error:
                log.warning("livekit_call_failed", call=call, attempt=attempt, because=str(error))
                cause = error
        self._not_before = time.monotonic() + RETRY_SILENT_SERVER_AFTER.total_seconds()
        raise ProviderAway from cause

    def _ask_once(self, call: str, body: Mapping[str, Any], grant: Mapping[str, Any]) -> dict[str, Any]:
        token = tokens.sign(self._secret, {"iss": self._key, "video": grant}, ASKING_LASTS)
        url = f"{self.server.replace('ws', 'http', 1)}/twirp/livekit.RoomService/{call}"
        headers = {"Authorization": f"Bearer {token}"}
        answer = self._http.ask("POST", url, body, within=ANSWERS_WITHIN, headers=headers)
        if answer.status in (401, 403):
            raise ProviderAway("The LiveKit server refuses LIVEKIT_API_KEY and LIVEKIT_API_SECRET.")
        told = answer.told
        if told is None:
            raise NoAnswer(f"status {answer.status}, and no JSON object")
        if answer.status == 404 and told.get("code") == "not_found":
            return {}
        if not answer.is_good:
            raise NoAnswer(f"status {answer.status}")
        return told


def _room_config(room: Room, **more: Any) -> dict[str, Any]:
    """What a token says of the room that its holder makes by joining it: a private voice room is full with two."""
    config = {**more, **({"maxParticipants": PEOPLE} if is_voice_room(room) else {})}
    return {"roomConfig": config} if config else {}
