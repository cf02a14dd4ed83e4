"""Schemas of requests and answers.  They are separate, so that a new internal field is not shown by default."""

import dataclasses
import difflib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from greenroom.app.passes import LINK_LASTS
from greenroom.app.rooms.brief import Brief, Mode


class Whole(validate.Regexp):
    """Matches the whole value; the pattern is spelled as in OpenAPI, where `$` does not match before a last newline."""

    def __call__(self, value: Any) -> Any:
        if re.fullmatch(str(self.regex.pattern), value, re.ASCII) is None:
            raise ValidationError(self._format_error(value))
        return value


NAME = Whole(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", error="Use up to 64 letters, digits, _ and -.")
USER = Whole(r"^[A-Za-z0-9._@:+-]{1,128}$", error="Use up to 128 letters, digits and . _ @ : + -.")
LANGUAGE = Whole(r"^[a-z]{2,3}(-[A-Z]{2})?$", error="Use a language as in en or en-GB.")
FACTS = frozenset(each.name for each in dataclasses.fields(Brief))
METADATA_AT_MOST = 4096  # bytes of JSON
LONGEST_SESSION = timedelta(hours=24)
LONGEST_PERSISTENCE = timedelta(hours=1)


def _one_line(value: str) -> None:
    if not value.isprintable():
        raise ValidationError("Use printable characters on one line.")


def _printable(value: str) -> None:
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", value):
        raise ValidationError("Leave control characters out.")


def _small(value: Any) -> None:
    if len(json.dumps(value)) > METADATA_AT_MOST:
        raise ValidationError(f"Keep it under {METADATA_AT_MOST} bytes.")


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=1) or [
        each for each in known if name and each.startswith(f"{name.lower()}_")
    ]
    hint = f"; did you mean {near[0]}?" if near else "."
    return f"Unknown field{hint} Known: {', '.join(known)}."


class Strict(Schema):
    """Refuses unknown fields, so that a misspelt one is not ignored."""

    class Meta:
        unknown = RAISE

    def handle_error(self, error: ValidationError, data: Any, **_: Any) -> None:
        """Add to the message about an unknown field which fields there are, and which one was likely meant."""
        if isinstance(error.messages, dict):
            for name in error.messages.keys() - self.fields.keys() - {"_schema"}:
                error.messages[name] = [_unknown(str(name), list(self.fields))]


class Flag(fields.Boolean):
    """Takes true or false, and none of the words and numbers that marshmallow would read as one of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Seconds(fields.Integer):
    """A duration, in whole seconds."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        seconds = super()._deserialize(value, *args, **kwargs)
        try:
            return None if seconds is None else timedelta(seconds=seconds)
        except OverflowError:
            raise self.make_error("too_large", input=value) from None

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return None if value is None else int(value.total_seconds())


def _of(thing: Any, name: str) -> Any:
    return thing[name] if isinstance(thing, dict) else getattr(thing, name)


def _between(low: timedelta, high: timedelta) -> validate.Range:
    seconds = f"{int(low.total_seconds())} to {int(high.total_seconds())}"
    return validate.Range(low, high, error=f"Use {seconds} seconds.")


class FactsSchema(Schema):
    """What is asked for of a bot, and told of one: a line for each fact of `greenroom.app.rooms.brief.Brief`."""

    user_id = fields.String(
        validate=USER, metadata={"description": "Who the bot is for; none: a fresh guest"}
    )
    bot = fields.String(validate=NAME)
    assistant = fields.String(
        validate=NAME, allow_none=True, metadata={"description": "Kept and told to the bot; nothing else yet"}
    )
    personality = fields.String(validate=NAME)
    persona = fields.String(validate=[validate.Length(max=2000), _printable], allow_none=True)
    voice = fields.String(validate=[validate.Length(min=1, max=64), _one_line], allow_none=True)
    language = fields.String(
        validate=LANGUAGE,
        allow_none=True,
        metadata={"description": "Kept and told to the bot; nothing else yet"},
    )
    mode = fields.Enum(
        Mode, by_value=True, metadata={"description": "Whether the bot is heard, or seen as well (forum)"}
    )
    session_persistence = Seconds(
        attribute="persistence", strict=True, validate=_between(timedelta(0), LONGEST_PERSISTENCE)
    )
    max_duration = Seconds(strict=True, validate=_between(timedelta(seconds=10), LONGEST_SESSION))
    conversation_id = fields.String(
        validate=NAME,
        metadata={"description": "Of a conversation of that user's, to go on with; none: a new one"},
    )
    metadata = fields.Dict(
        keys=fields.String(),
        validate=_small,
        metadata={"description": "For the bot; `preferences` in it are the user's, and known in the room"},
    )
    tenant = fields.String()

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """A fact is told from the brief, but for what has changed since it was asked for."""
        own = super().get_attribute(obj, attr, default)
        return getattr(_of(obj, "brief"), attr) if own is default and attr in FACTS else own


class JoinSchema(Strict, FactsSchema):
    """What a caller of /join asks for; every field may be left out."""

    class Meta(Strict.Meta):
        exclude = ("tenant",)  # nobody chooses it by asking

    room_url = fields.String(metadata={"description": "As in local:standup; none: a fresh room"})
    user_name = fields.String(
        validate=[validate.Length(min=1, max=64), _one_line],
        metadata={"description": "What the others in the room, and the bot, may call that user"},
    )


class WaitSchema(Strict):
    """How long the answer is held back."""

    wait = fields.Float(
        load_default=0.0,
        validate=validate.Range(0, 30),
        metadata={"description": "Seconds to hold the answer until the bot is in the room"},
    )


class IceServerSchema(Schema):
    urls = fields.List(fields.String())
    username = fields.String()
    credential = fields.String()


class ConnectSchema(Schema):
    """Everything that the person's client needs to get in."""

    provider = fields.String()
    room_url = fields.String()
    url = fields.String(
        allow_none=True, metadata={"description": "Where to connect: LiveKit's server, or Daily's room"}
    )
    room_token = fields.String(
        allow_none=True, metadata={"description": "LiveKit's or Daily's token, for that room as that user"}
    )
    offer_url = fields.String(metadata={"description": "Where to POST the offer, for a local room"})
    token = fields.String(
        metadata={"description": "Bearer token for this session alone; may go to a browser"}
    )
    user_id = fields.String()
    ice_servers = fields.List(fields.Nested(IceServerSchema))


class JoinedSchema(FactsSchema):
    """The room's one session."""

    session_id = fields.String()
    status = fields.String(metadata={"description": "The session's state; queued while all slots are taken"})
    position = fields.Integer(
        allow_none=True, metadata={"description": "In the line, if it is queued; 1 is next"}
    )
    reused = fields.Boolean(
        metadata={"description": "Whether the bot was there, or on its way, before this call"}
    )
    room_url = fields.String()
    session_url = fields.String()
    connect = fields.Nested(ConnectSchema)


class LeaveSchema(Strict):
    """Which bot leaves; one of the two fields must be given."""

    room_url = fields.String()
    session_id = fields.String(validate=NAME)


class LeftSchema(Schema):
    status = fields.String(metadata={"description": "left, or empty if there was no bot"})
    session_id = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)


class HeardSchema(Schema):
    heard = fields.Boolean(metadata={"description": "false if it is nothing to us, or was heard before"})


class ConfigSchema(Strict):
    """What to change of the bot in a room; null goes back to the join's, else its personality's."""

    room_url = fields.String(required=True)
    personality = fields.String(validate=NAME, allow_none=True)
    voice = fields.String(validate=[validate.Length(min=1, max=64), _one_line], allow_none=True)
    language = fields.String(validate=LANGUAGE, allow_none=True)
    mode = fields.Enum(Mode, by_value=True, allow_none=True)
    prompt = fields.String(validate=[validate.Length(max=8000), _printable], allow_none=True)


class ConfiguredSchema(Schema):
    room_url = fields.String()
    session_id = fields.String()
    config = fields.Dict()


class OfferSchema(Strict):
    """A browser's offer, as pipecat's own clients send it."""

    sdp = fields.String(required=True, validate=validate.Length(min=1, max=60_000))
    type = fields.String(required=True, validate=validate.OneOf(["offer"]))
    pc_id = fields.String(allow_none=True, validate=validate.Length(max=128))
    restart_pc = Flag(allow_none=True)
    request_data = fields.Raw(allow_none=True)
    requestData = fields.Raw(  # noqa: N815
        allow_none=True, metadata={"description": "The same, as some clients spell it"}
    )


class AnswerSchema(Schema):
    sdp = fields.String()
    type = fields.String()
    pc_id = fields.String(allow_none=True)


class CandidateSchema(Strict):
    candidate = fields.String(required=True, validate=validate.Length(max=1000))
    sdp_mid = fields.String(required=True, allow_none=True, validate=validate.Length(max=64))
    sdp_mline_index = fields.Integer(
        required=True, allow_none=True, strict=True, validate=validate.Range(0, 1000)
    )


class CandidatesSchema(Strict):
    """More ways to reach the browser, found after its offer."""

    pc_id = fields.String(required=True, validate=validate.Length(max=128))
    candidates = fields.List(fields.Nested(CandidateSchema), required=True, validate=validate.Length(max=64))


class AcceptedSchema(Schema):
    status = fields.String()


class Moment(fields.String):
    """Milliseconds since 1970, shown as RFC 3339."""

    def __init__(self, **more: Any) -> None:
        super().__init__(allow_none=True, metadata={"format": "date-time"}, **more)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")


class SessionSchema(FactsSchema):
    session_id = fields.String(attribute="id")
    room_url = fields.Function(lambda session: str(_of(session, "room")), metadata={"type": "string"})
    state = fields.String()
    reason = fields.String(allow_none=True, metadata={"description": "Why it ended; null while it is on"})
    epoch = fields.Integer()
    host = fields.String(allow_none=True)
    position = fields.Integer(
        allow_none=True, metadata={"description": "In the line, while no slot is free; 1 is next"}
    )
    launches = fields.Integer(metadata={"description": "How often its launch was queued, under this epoch"})
    crashes = fields.Function(
        lambda session: len(_of(session, "crashes")),
        metadata={"type": "integer", "description": "How often its bot died lately"},
    )
    created_at = Moment(attribute="created_ms")
    updated_at = Moment(attribute="updated_ms")
    version = fields.Integer()


class PageSchema(Strict):
    """Which part of a long list."""

    after = fields.String(
        load_default="",
        validate=Whole(r"^([0-9]{1,15}-[A-Za-z0-9_-]{1,64})?$", error="Use what `next` said."),
        metadata={"description": "What `next` said in the page before"},
    )
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))


class PassSchema(Strict):
    """What the new pass is for; a caller with a pass gets one for the same room only."""

    room_url = fields.String(metadata={"description": "None: the pass's room, or a fresh one"})
    user_id = fields.String(
        validate=USER, metadata={"description": "None: a guest; only the key names others"}
    )
    invitation = fields.Boolean(
        load_default=False,
        metadata={"description": "For whoever comes with it; each exchanges it here for a pass of their own"},
    )
    expires_in = Seconds(
        strict=True,
        validate=_between(timedelta(minutes=1), LINK_LASTS),
        metadata={"description": "Seconds; none: a day.  Never longer than the pass that asks"},
    )


class PassedSchema(Schema):
    """A pass: for /join as a bearer credential, or after `/talk?room=...#pass=` in a link."""

    signed = fields.String(attribute="pass", data_key="pass")
    room_url = fields.String()
    user_id = fields.String(allow_none=True, metadata={"description": "Null: an invitation"})
    expires_at = Moment(attribute="expires_at")


class TokenSchema(Schema):
    token = fields.String()
    user_id = fields.String()


class SessionsSchema(Schema):
    sessions = fields.List(fields.Nested(SessionSchema))
    next = fields.String(
        allow_none=True, metadata={"description": "What the next page comes after; null: these were the last"}
    )


class EventSchema(Schema):
    id = fields.String()
    at = Moment(attribute="at_ms")
    event = fields.String()
    epoch = fields.Integer()
    reason = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)


class EventsSchema(Schema):
    events = fields.List(fields.Nested(EventSchema))


class LeaseSchema(FactsSchema):
    status = fields.String()
    session_id = fields.String()
    epoch = fields.Integer()
    host = fields.String(allow_none=True, metadata={"description": "The worker that its bot runs on"})
    job_id = fields.String(allow_none=True, metadata={"description": "The Celery task that its bot runs in"})
    since = Moment(attribute="since_ms")


class KeepaliveSchema(Schema):
    age_seconds = fields.Float()
    state = fields.String()
    is_stale = fields.Boolean()


class OpenedSchema(Schema):
    value = fields.Raw()
    owner = fields.String(metadata={"description": "Who opened it"})


class StateSchema(Schema):
    """What is open in a room; null: nothing."""

    active_note = fields.Nested(OpenedSchema, allow_none=True)
    active_applet = fields.Nested(OpenedSchema, allow_none=True)
    desktop_mode = fields.Nested(OpenedSchema, allow_none=True)


class ParticipantSchema(Schema):
    identity = fields.String()
    name = fields.String()
    is_bot = fields.Boolean(metadata={"description": "Of this installation, or of others"})
    session_id = fields.String(allow_none=True, metadata={"description": "Of a bot of this installation"})


class PresenceSchema(Schema):
    """Who is in a room, by the account of its own server."""

    status = fields.Function(
        lambda presence: "unknown" if presence.participants is None else "known",
        metadata={"type": "string", "enum": ["known", "unknown"]},
    )
    because = fields.String(allow_none=True, metadata={"description": "Why it is unknown"})
    participants = fields.List(
        fields.Nested(ParticipantSchema),
        allow_none=True,
        metadata={"description": "Null while it is unknown; an empty list: nobody is there"},
    )


class RoomSchema(Schema):
    """Who has a room, where its bot runs and when it was last heard, who is there, and what is open."""

    room_url = fields.String()
    lease = fields.Nested(LeaseSchema, allow_none=True)
    keepalive = fields.Nested(KeepaliveSchema, allow_none=True)
    config = fields.Dict()
    state = fields.Nested(StateSchema)
    presence = fields.Nested(PresenceSchema)


class ReadySchema(Schema):
    ready = fields.Boolean()
    checks = fields.Dict(keys=fields.String(), values=fields.String())


class LiveSchema(Schema):
    live = fields.Boolean()
