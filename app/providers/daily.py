"""Daily: its tokens, its rooms, its webhooks, as its published reference has them.

Tokens are signed here, with the API key, so that a join waits for no server: the one thing that has to be
asked for it, once a process, is the domain's id.
https://docs.daily.co/docs/guides/privacy-and-security/self-signing-tokens
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog

from greenroom.app.errors.rooms import BadRoom, NotUnseenThere, ProviderAway
from greenroom.app.providers import daily_webhooks, reading, tokens
from greenroom.app.providers.daily_people import in_daily, participant
from greenroom.app.providers.daily_rest import Refused, Rest
from greenroom.app.providers.daily_rooms import PRIVATE, changes_of, model_of, wanted
from greenroom.app.providers.http import Json
from greenroom.app.rooms.providers import (
    NOTHING,
    TOKEN_LASTS,
    About,
    Admission,
    Evidence,
    Participant,
    RoomEvent,
    bot_identity,
    is_listener,
    listener_identity,
)
from greenroom.app.rooms.room import DAILY, Room
from greenroom.app.rooms.voice_rooms import (
    check_voice_room,
    is_voice_room,
)
from greenroom.app.settings import Settings

REHEARSAL_LASTS_S = 60
log = structlog.get_logger(__name__)


class Daily:
    """One Daily domain."""

    name = DAILY

    def __init__(self, domain_host: str, api_key: str, api_url: str, webhook_secret: str = "") -> None:
        self.server = f"https://{domain_host}"
        self._api_key = api_key
        self._rest = Rest(api_url, api_key)
        self._webhook_secret = webhook_secret
        self._domain_id: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Daily":
        """The Daily domain of these settings, if they have one."""
        return cls(
            settings.daily_domain,
            settings.daily_api_key,
            settings.daily_api_url,
            settings.daily_webhook_secret,
        )

    def admit(self, room: Room, user_id: str, about: About = NOTHING) -> Admission:
        """Sign the token with which a person enters; asks Daily for the domain's id, once in a process's life."""
        check_voice_room(room, user_id)
        return Admission(str(room), self._token(room, in_daily(user_id), about.name or user_id))

    def admit_unseen(self, room: Room, user_id: str) -> Admission:
        """Sign the token of somebody without presence: Daily's clients are not told of them."""
        if is_voice_room(room):
            raise NotUnseenThere
        may_only_listen = {"hp": False, "cs": False}  # hasPresence, canSend
        identity = listener_identity(user_id)
        return Admission(str(room), self._token(room, in_daily(identity), identity, p=may_only_listen))

    def bot_token(self, room: Room, *, name: str) -> str:
        """Let a room's bot in, under the user_id that all bots of that room have.

        An owner's, so that it may speak in rooms where only owners may.
        """
        return self._token(room, in_daily(bot_identity(room)), name, is_owner=True)

    def prepare(self, room: Room, *, recording: bool | None = None) -> None:
        """Get or make the room; safe to repeat, and to do in two places at once.

        A room that somebody made by hand is left as it is, but for a voice room, which is as voice rooms are.
        """
        model = model_of(room)
        found = self._find(room) or self._make(room, wanted(model, recording=bool(recording)))
        if changes := changes_of(found, wanted(model, recording=recording), is_exact=model is not PRIVATE):
            self._ask("POST", f"/rooms/{room.name}", changes)

    def open(self, room: Room, *, recording: bool = False) -> None:
        """Make a voice room ready, as `prepare` does any room.  Raises ProviderAway."""
        self.prepare(room, recording=recording)

    def rehearse(self, room: Room) -> None:
        """Make a room, sign a token for it, and remove it.  If this process dies before that, Daily does it."""
        self._make(
            room,
            {"privacy": "private", "properties": {**PRIVATE, "exp": int(time.time()) + REHEARSAL_LASTS_S}},
        )
        self.admit(room, "doctor")
        with suppress(_NotFound):
            self._ask("DELETE", f"/rooms/{room.name}")

    def presence(self, room: Room) -> Sequence[Participant] | None:
        """Who is there, as of up to 15 seconds ago."""
        try:
            answer = self._ask("GET", f"/rooms/{room.name}/presence")
        except _NotFound:
            return ()
        return tuple(
            replace(participant(room, each), since_ms=_moment(reading.text(each, "joinTime")))
            for each in reading.parts(answer, "data")
            if not is_listener(reading.text(each, "userId"))
        )

    def busy_rooms(self) -> Sequence[Room]:
        """Those with somebody in them, as of up to 15 seconds ago."""
        there = self._ask("GET", "/presence")
        return tuple(room for name, people in there.items() if people and (room := self._room(name)))

    def evict(self, room: Room, participant: Participant) -> None:
        """Remove a participant; does nothing if they have gone."""
        whom = (
            {"ids": [participant.sid]} if participant.sid else {"user_ids": [in_daily(participant.identity)]}
        )
        self._eject(room, whom)

    def evict_bots(self, room: Room) -> None:
        """Remove whichever bot of ours is in a room.  By its user_id, since presence lags by up to 15 seconds."""
        self._eject(room, {"user_ids": [in_daily(bot_identity(room))]})

    def evidence(self, body: bytes, headers: Mapping[str, str]) -> Evidence | None:
        """What a webhook says, or None if it is nothing to us.  Raises BadSignature."""
        if daily_webhooks.is_probe(body):
            return None
        daily_webhooks.check(body, headers, self._webhook_secret)
        said = reading.an_object(body)
        event, about = daily_webhooks.EVENTS.get(reading.text(said, "type")), reading.part(said, "payload")
        room = self._room(about.get("room"))
        if said is None or event is None or room is None or not said.get("id"):
            return None
        who = None
        if event is not RoomEvent.ROOM_FINISHED:
            told = {
                "userId": about.get("user_id"),
                "userName": about.get("user_name"),
                "id": about.get("session_id"),
            }
            who = participant(room, told)
            if is_listener(who.identity):
                return None
        return Evidence(
            reading.id_of(said["id"], body), event, room, who, daily_webhooks.happened_ms(event, about, said)
        )

    def close(self) -> None:
        self._rest.close()

    # Tokens

    def _token(
        self, room: Room, user_id: str, user_name: str, *, is_owner: bool = False, **more: Json
    ) -> str:
        """The short names are those of tokens that are signed by whoever has the API key."""
        claims = {
            "d": self._own_id(),
            "r": room.name,  # without it the token opens every room of the domain
            "ud": user_id,
            "u": user_name,
            "o": is_owner,
            "ejt": False,  # it is to get in with: who is in stays when it expires
            "ss": not is_voice_room(room),
            "iat": int(time.time()),
            **more,
        }
        return tokens.sign(self._api_key, claims, TOKEN_LASTS)

    def _own_id(self) -> str:
        if self._domain_id is None:
            found = self._ask("GET", "/").get("domain_id")
            if not isinstance(found, str) or not found:
                raise ProviderAway("Daily does not say which domain DAILY_API_KEY is for.")
            self._domain_id = found
        return self._domain_id

    # Rooms

    def _find(self, room: Room) -> Json | None:
        try:
            return self._ask("GET", f"/rooms/{room.name}")
        except _NotFound:
            return None

    def _make(self, room: Room, wanted: Json) -> Json:
        try:
            self._rest.ask("POST", "/rooms", {"name": room.name, **wanted})
        except Refused as refusal:
            found = self._find(room)  # somebody else was quicker, or an earlier try of ours came through
            if found is None:
                raise _away(refusal, "POST", "/rooms") from refusal
            return found
        log.info("daily_room_made", room=str(room))
        return {"privacy": wanted["privacy"], "config": wanted["properties"]}

    def _eject(self, room: Room, whom: Json) -> None:
        path = f"/rooms/{room.name}/eject"
        try:
            self._rest.ask("POST", path, whom)
        except Refused as refusal:
            if refusal.status not in (400, 404):
                raise _away(refusal, "POST", path) from refusal
            # No room, or no meeting in it
            log.info("daily_eject_skipped", room=str(room), kind=refusal.kind, info=refusal.info[:200])

    def _room(self, name: object) -> Room | None:
        """The room that Daily names; None where no URL of ours can hold that name, since such a room is not ours."""
        try:
            return Room.parse(f"{self.server}/{name}") if isinstance(name, str) else None
        except BadRoom:
            return None

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        try:
            return self._rest.ask(method, path, body)
        except Refused as refusal:
            if refusal.status == 404:
                raise _NotFound from refusal
            raise _away(refusal, method, path) from refusal


class _NotFound(ProviderAway):
    """Daily has no such thing; if that is wrong, look at DAILY_API_URL."""


def _away(refusal: Refused, method: str, path: str) -> ProviderAway:
    log.error(
        "daily_refused",
        method=method,
        path=path,
        status=refusal.status,
        kind=refusal.kind,
        info=refusal.info[:200],
    )
    if refusal.status in (401, 403) or refusal.kind == "authorization-header-error":
        return ProviderAway(
            "Daily does not take DAILY_API_KEY; set it to a key of the domain in DAILY_DOMAIN."
        )
    return ProviderAway("Daily would not do what it was asked; the log has its words.")


def _moment(text: str) -> int | None:
    """The time that Daily writes, as in 2026-11-28T09:15:00.000Z, in ms."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return None
