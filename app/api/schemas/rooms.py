"""A room: who has it, who is there, what is open, and what can be changed of its bot."""

from datetime import timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from greenroom.app.api.schemas.character import PromptsSchema, voice_parameters
from greenroom.app.api.schemas.facts import LONGEST_PERSISTENCE, LONGEST_SILENCE, FactsSchema
from greenroom.app.api.schemas.fields import (
    LANGUAGE,
    NAME,
    Moment,
    Seconds,
    Strict,
    between,
    one_line,
    printable,
    value_of,
)
from greenroom.app.rooms.asked_reaping import Deed
from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.extending import LONGEST_SESSION
from greenroom.app.rooms.leases import Found
from greenroom.app.rooms.minds import MemoryIs
from greenroom.app.rooms.providers import Source
from greenroom.app.rooms.room_states import Open

CONFIG_WORDS = (
    "guidance",
    "prompt",
    "prompts",
    "instructions",
)  # of a changed configuration, what may be long, and about people


def _seconds(low: timedelta, high: timedelta, about: str) -> Seconds:
    return Seconds(strict=True, allow_none=True, validate=between(low, high), metadata={"description": about})


class ConfigSchema(Strict):
    """What to change of the bot in a room; null goes back to the join's, else its personality's."""

    room_url = fields.String(required=True)
    personality = fields.String(validate=NAME, allow_none=True)
    persona = fields.String(validate=[validate.Length(min=1, max=64), one_line], allow_none=True)
    instructions = fields.String(validate=[validate.Length(max=2000), printable], allow_none=True)
    voice = fields.String(validate=[validate.Length(min=1, max=64), one_line], allow_none=True)
    voice_parameters = fields.Dict(keys=fields.String(), validate=voice_parameters, allow_none=True)
    language = fields.String(validate=LANGUAGE, allow_none=True)
    mode = fields.Enum(Mode, by_value=True, allow_none=True)
    prompt = fields.String(validate=[validate.Length(max=8000), printable], allow_none=True)
    prompts = fields.Nested(PromptsSchema, allow_none=True)
    model = fields.String(
        validate=[validate.Length(min=1, max=200), one_line],
        allow_none=True,
        metadata={"description": "That thinks, by its service's name for it"},
    )
    services = fields.Dict(
        keys=fields.String(),
        values=fields.List(
            fields.String(validate=[validate.Length(1, 200), one_line]), validate=validate.Length(1, 8)
        ),
        allow_none=True,
        metadata={
            "description": 'By part, as in {"thinking": ["openai/gpt-4o"]}: they come first; those that the bot '
            "had take over where one of them fails"
        },
    )
    tools = fields.List(
        fields.String(),
        validate=validate.Length(max=100),
        allow_none=True,
        metadata={"description": "The only ones that its model may call; an empty list: none"},
    )
    app_events = fields.List(
        fields.String(),
        validate=validate.Length(max=100),
        allow_none=True,
        metadata={"description": "What people do in their app of which its model is told"},
    )
    silence = _seconds(timedelta(0), LONGEST_SILENCE, "Without a word, until the bot asks; 0: never")
    persistence = _seconds(timedelta(0), LONGEST_PERSISTENCE, "That the bot waits in an empty room")
    max_duration = _seconds(
        timedelta(seconds=10),
        LONGEST_SESSION,
        "That the session may last, since it was asked for; stands in the session, as by its /extend",
    )


class ConfiguredSchema(Schema):
    room_url = fields.String()
    session_id = fields.String()
    config = fields.Dict(metadata={"description": "All that is changed of the bot now"})
    max_duration = Seconds(metadata={"description": "That the session may last"})
    with_next_bot = fields.List(
        fields.String(),
        metadata={
            "description": "What of it is so once the session has another bot: after a crash, a deploy or a move"
        },
    )
    not_ready = fields.List(
        fields.String(),
        metadata={"description": "What services lack that were named, and what to do; others do their part"},
    )


class LeaseSchema(FactsSchema):
    """Who has a room.  What its bot is told may be long, and is about people: that stands in its session."""

    class Meta:
        exclude = ("prompts", "instructions", "profile")

    status = fields.String()
    session_id = fields.String()
    epoch = fields.Integer()
    host = fields.String(allow_none=True, metadata={"description": "The worker that its bot runs on"})
    job_id = fields.String(allow_none=True, metadata={"description": "The Celery task that its bot runs in"})
    since = Moment(attribute="since_ms")


class MemorySchema(Schema):
    state = fields.Enum(MemoryIs, by_value=True)
    because = fields.String(allow_none=True, metadata={"description": "The kind of failure"})


class ServiceFailureSchema(Schema):
    service = fields.String(metadata={"description": "pipecat's class, as OpenAITTSService"})
    category = fields.String(metadata={"description": "Of pipecat's, as authentication"})
    seconds_ago = fields.Float(metadata={"description": "When the bot was last heard"})


class MindSchema(Schema):
    """How a bot's mind does, without a word that was said."""

    memory = fields.Nested(MemorySchema, metadata={"description": "What it knows from earlier conversations"})
    messages = fields.Integer(
        allow_none=True, metadata={"description": "In its longest context; null: it has none of pipecat's"}
    )
    tokens = fields.Integer(allow_none=True, metadata={"description": "About as many"})
    failure = fields.Nested(
        ServiceFailureSchema, allow_none=True, metadata={"description": "The last of a service's"}
    )


class KeepaliveSchema(Schema):
    age_seconds = fields.Float()
    state = fields.String()
    is_stale = fields.Boolean()
    mind = fields.Nested(
        MindSchema, allow_none=True, metadata={"description": "Null: the bot has not said yet"}
    )


class OpenedSchema(Schema):
    value = fields.Raw()
    owner = fields.String(metadata={"description": "Who opened it"})


class _StateSchema(Schema):
    """What is open in a room; null: nothing."""


StateSchema = _StateSchema.from_dict(
    {name.value: fields.Nested(OpenedSchema, allow_none=True) for name in Open}, name="StateSchema"
)


class TrackSchema(Schema):
    source = fields.Enum(Source, by_value=True)
    muted = fields.Boolean()


class ParticipantSchema(Schema):
    identity = fields.String()
    name = fields.String()
    is_bot = fields.Boolean(metadata={"description": "Of this installation, or of others"})
    session_id = fields.String(allow_none=True, metadata={"description": "Of a bot of this installation"})
    since = Moment(attribute="since_ms")
    tracks = fields.List(
        fields.Nested(TrackSchema),
        allow_none=True,
        metadata={"description": "What they send, and whether it is muted; null: nobody can tell"},
    )


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


class ReapAskedSchema(Schema):
    """A reaping that control has not told of yet."""

    status = fields.String(metadata={"description": "done, or asked if control takes longer"})
    room_url = fields.String()


class ReapedSchema(ReapAskedSchema):
    """What was found in a room, and done there."""

    found = fields.Enum(
        Found,
        by_value=True,
        metadata={
            "description": "alive and doubted: its bot; pending: one on its way; superseded: a dead one"
        },
    )
    done = fields.Enum(Deed, by_value=True)
    session_id = fields.String(
        allow_none=True, metadata={"description": "Of the session that has the room, or had it last"}
    )
    state = fields.String(allow_none=True, metadata={"description": "That session's state now"})
    reason = fields.String(allow_none=True, metadata={"description": "Why it has ended"})


def _without_words(told: Any) -> dict[str, Any]:
    return {name: value for name, value in value_of(told, "config").items() if name not in CONFIG_WORDS}


class RoomSchema(Schema):
    """Who has a room, where its bot runs and when it was last heard, who is there, and what is open."""

    room_url = fields.String()
    lease = fields.Nested(LeaseSchema, allow_none=True)
    keepalive = fields.Nested(KeepaliveSchema, allow_none=True)
    config = fields.Function(
        _without_words,
        metadata={
            "type": "object",
            "description": "What POST /config has changed of its bot; a prompt and instructions stand in its session",
        },
    )
    state = fields.Nested(StateSchema)
    presence = fields.Nested(PresenceSchema)
