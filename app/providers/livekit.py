"""LiveKit: its tokens, its server's API, its webhooks.

Five calls and one kind of token are all that we need of it; its own package for them
would cost each web process 40 MB and a third of a second.
"""

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from greenroom.app.errors import BadRoom, BadSignature, ProviderAway
from greenroom.app.providers import names, reading, tokens
from greenroom.app.providers.room_metadata import room_facts, with_facts
from greenroom.app.rooms.providers import (
    BOT,
    NOTHING,
    TOKEN_LASTS,
    About,
    Admission,
    Evidence,
    Participant,
    RoomEvent,
    bot_identity,
    check_voice_room,
)
from greenroom.app.rooms.room import LIVEKIT, Room
from greenroom.app.rooms.sessions import Session
from greenroom.app.settings import Settings

if TYPE_CHECKING:
    import httpx

REHEARSAL_LASTS_S = 10
ANSWERS_WITHIN = timedelta(seconds=2)
NOT_ASKED_FOR = timedelta(
    seconds=5
)  # again, who did not answer: rooms by the hundred may want to know at once
ANSWER_AT_MOST = 4 * 1024 * 1024  # bytes
ASKING_LASTS = timedelta(minutes=1)  # a token for one call
FRESH_FOR = timedelta(minutes=5)  # a webhook, both ways
EVENTS: Mapping[str, RoomEvent] = {event.value: event for event in RoomEvent}  # ours have LiveKit's own names
MACHINERY = frozenset({"EGRESS", "INGRESS"})  # kinds of participants that are nobody: recorders and feeds

log = structlog.get_logger(__name__)


class LiveKit:
    """One LiveKit server."""

    name = LIVEKIT

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        self.server = url
        self._key = api_key
        self._secret = api_secret
        self._lock = threading.Lock()
        self._made: httpx.Client | None = None
        self._not_before = 0.0  # by the monotonic clock

    @classmethod
    def of(cls, settings: Settings) -> "LiveKit":
        """The LiveKit server of these settings, if they have one."""
        return cls(settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret)

    def admit(self, room: Room, user_id: str, about: About = NOTHING) -> Admission:
        """Let a person in; asks nobody.  They cannot change what is said of them: some would pose as the bot."""
        check_voice_room(room, user_id)
        grants = {
            "roomJoin": True,
            "room": room.name,
            "canPublish": True,
            "canSubscribe": True,
            "canPublishData": True,
        }
        card: dict[str, Any] = {"greenroom": {"person": True}}  # whatever they are called
        if about.preferences:
            card["preferences"] = about.preferences
        said = {"metadata": json.dumps(card)} | ({"name": about.name} if about.name else {})
        return Admission(self.server, self._token(user_id, grants, **said))

    def bot_token(self, session: Session, name: str = "") -> str:
        """Let a room's bot in, under the identity that all bots of that room have.

        It says of itself what it is, and says what the room is for, where nobody has made that before.
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
            roomConfig={"metadata": with_facts("", room_facts(session))},
        )

    def prepare(self, room: Room) -> None:
        """Rooms come to be when somebody joins; the bot's token says what they are like."""

    def rehearse(self, room: Room) -> None:
        """Make a room, sign a way into it, and remove it.  Raises ProviderAway.

        Should we not get to remove it: the server does, when nobody has come for a while.
        """
        grant = {"roomCreate": True}
        self._ask("CreateRoom", {"name": room.name, "empty_timeout": REHEARSAL_LASTS_S}, grant)
        self.admit(room, "doctor")
        self._ask("DeleteRoom", {"room": room.name}, grant)

    def presence(self, room: Room) -> Sequence[Participant] | None:
        """Who is there, recorders and the like aside.  Raises ProviderAway."""
        told = self._ask("ListParticipants", {"room": room.name}, {"roomAdmin": True, "room": room.name})
        return [
            who for entry in reading.parts(told, "participants") if (who := _participant(entry)) is not None
        ]

    def describe(self, room: Room, metadata: str) -> None:
        """Replace a room's metadata.  Raises ProviderAway."""
        self._ask(
            "UpdateRoomMetadata",
            {"room": room.name, "metadata": metadata},
            {"roomAdmin": True, "room": room.name},
        )

    def busy_rooms(self) -> Sequence[Room]:
        """Those with somebody in them, and a name that we could give.  Raises ProviderAway."""
        told = self._ask("ListRooms", {}, {"roomList": True})
        busy = (
            self._room(entry) for entry in reading.parts(told, "rooms") if _number(entry, "num_participants")
        )
        return [room for room in busy if room is not None]

    def evict(self, room: Room, participant: Participant) -> None:
        """Put somebody out, unless that very stay is over.  Raises ProviderAway.

        LiveKit puts out whoever has an identity, so we look first whose it is now.  It is not asked twice: the
        second time might meet the one who came after.
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
        at = _number(told, "created_at")
        if abs(time.time() - at) > FRESH_FOR.total_seconds():
            raise BadSignature
        room, event = self._room(told.get("room")), EVENTS.get(reading.text(told, "event"))
        if room is None or event is None:
            return None
        who = _participant(told.get("participant"))
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
        """Let go of its connections; a further question makes new ones."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def _room(self, entry: Any) -> Room | None:
        """None for a room that no URL of ours can name: it is of others."""
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
        """What the server answers; nothing, where there is no such room or participant.

        Raises ProviderAway, at once if it did not answer a moment ago.
        """
        import httpx  # a tenth of a second, which only those pay who ask

        if time.monotonic() < self._not_before:
            raise ProviderAway
        for attempt in range(1, times + 1):
            try:
                return self._ask_once(call, body, grant)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
                log.warning("livekit_call_failed", call=call, attempt=attempt, because=type(error).__name__)
                cause = error
        self._not_before = time.monotonic() + NOT_ASKED_FOR.total_seconds()
        raise ProviderAway from cause

    def _ask_once(self, call: str, body: Mapping[str, Any], grant: Mapping[str, Any]) -> dict[str, Any]:
        token = tokens.sign(self._secret, {"iss": self._key, "video": grant}, ASKING_LASTS)
        deadline = time.monotonic() + ANSWERS_WITHIN.total_seconds()
        answer = bytearray()
        with self._client().stream(
            "POST",
            f"{self.server.replace('ws', 'http', 1)}/twirp/livekit.RoomService/{call}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        ) as reply:
            for chunk in reply.iter_bytes():
                answer += chunk
                if len(answer) > ANSWER_AT_MOST or time.monotonic() > deadline:
                    raise TimeoutError
        if reply.status_code in (401, 403):
            raise ProviderAway("The LiveKit server refuses LIVEKIT_API_KEY and LIVEKIT_API_SECRET.")
        told = json.loads(answer)
        if not isinstance(told, dict):
            raise ValueError("no object")
        if reply.status_code == 404 and told.get("code") == "not_found":
            return {}
        reply.raise_for_status()
        return told

    def _client(self) -> "httpx.Client":
        """One for all threads: its connections are kept.  It follows nobody elsewhere."""
        import httpx

        with self._lock:
            if self._made is None:
                is_here = re.match(r"wss?://(127\.|localhost\b)", self.server) is not None
                self._made = httpx.Client(
                    timeout=ANSWERS_WITHIN.total_seconds(), follow_redirects=False, trust_env=not is_here
                )
            return self._made


# The API writes names_so, webhooks write namesSo; numbers of 64 bits are strings in both.


def _value(entry: Mapping[str, Any], name: str) -> Any:
    first, *rest = name.split("_")
    return entry.get(name, entry.get(first + "".join(part.capitalize() for part in rest)))


def _number(entry: Mapping[str, Any], name: str) -> int:
    return int(reading.number(_value(entry, name)))


def _participant(entry: Any) -> Participant | None:
    """None for machinery, and for who hides."""
    identity, name, kind = (reading.text(entry, field) for field in ("identity", "name", "kind"))
    permission = reading.part(entry, "permission")
    if not identity or kind in MACHINERY or permission.get("hidden") or permission.get("recorder"):
        return None
    ours = _card(identity, entry.get("metadata"))
    epoch = ours.get("epoch")
    return Participant(
        identity=identity,
        name=name,
        is_bot=is_bot(
            identity,
            name,
            entry.get("metadata"),
            reading.part(entry, "attributes"),
            is_agent=kind == "AGENT" or bool(permission.get("agent")),
            is_caller=kind == "SIP",
        ),
        session_id=reading.text(ours, "session_id") or None,
        epoch=epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else None,
        sid=reading.text(entry, "sid"),
    )


def is_bot(
    identity: str, name: str, metadata: Any, attributes: Iterable[str], *, is_agent: bool, is_caller: bool
) -> bool:
    """Of ours or of others: by what its server and its token say, and by its name only where they say nothing."""
    known: bool | None = None
    if is_agent:
        known = True
    elif is_caller or _said(metadata).get("person") is True:
        known = False
    elif _card(identity, metadata) or any(key.startswith("lk.agent") for key in attributes):
        known = True
    return names.is_bot(known, identity, name)


def _card(identity: str, metadata: Any) -> dict[str, Any]:
    """What a bot of ours says of itself; nothing of anybody else."""
    card = _said(metadata) if identity.startswith(BOT) else {}
    return card if card.get("bot") is True else {}


def _said(metadata: Any) -> dict[str, Any]:
    try:
        said = json.loads(metadata)["greenroom"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
