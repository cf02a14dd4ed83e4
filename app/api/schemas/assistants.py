"""Assistants: what comes in, and what is told of them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from greenroom.app.api.schemas.character import CharacterSchema
from greenroom.app.api.schemas.facts import LONGEST_PERSISTENCE, LONGEST_SILENCE
from greenroom.app.api.schemas.fields import (
    NAME,
    Flag,
    Moment,
    Seconds,
    Strict,
    Whole,
    between,
    next_page,
    page_after,
    page_limit,
    sentence,
)
from greenroom.app.errors.families import Rejected
from greenroom.app.rooms.assistants import Assistant, VoiceSessionConfig
from greenroom.app.rooms.extending import LONGEST_SESSION
from greenroom.app.rooms.voice_rooms import RoomPrivacy

FIELD = Whole(r"^[a-z][a-z0-9_]{0,63}$", error="Write a field as in first_name.")
FIELDS_AT_MOST = 16  # of a profile, that an assistant may require


class VoiceSessionConfigSchema(Strict):
    """How voice sessions with an assistant go."""

    enabled = Flag(load_default=True)
    persistence = Seconds(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=between(timedelta(0), LONGEST_PERSISTENCE),
        metadata={"description": "Seconds that the bot waits in an empty room; null: SESSION_PERSISTENCE"},
    )
    room_privacy = fields.Enum(RoomPrivacy, by_value=True, load_default=RoomPrivacy.PRIVATE)
    max_duration = Seconds(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=between(timedelta(seconds=10), LONGEST_SESSION),
        metadata={"description": "Seconds; null: MAX_DURATION"},
    )
    silence = Seconds(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=between(timedelta(0), LONGEST_SILENCE),
        metadata={
            "description": "Seconds in which people who are there say nothing, until the bot asks; the same again, and "
            "its session ends; 0: never; null: its personality's, else SILENCE"
        },
    )
    auto_start = Flag(load_default=False, metadata={"description": "Whether it comes before anybody asks"})
    rollout_share = fields.Integer(
        strict=True,
        load_default=100,
        validate=validate.Range(0, 100),
        metadata={"description": "Percent of its users who get voice sessions"},
    )


class _AssistantFields(CharacterSchema):
    name = fields.String(required=True, validate=NAME)
    bot = fields.String(
        validate=NAME, allow_none=True, metadata={"description": "None: the installation's default"}
    )
    personality = fields.String(
        validate=NAME, allow_none=True, metadata={"description": "None: the installation's default"}
    )
    memory = Flag(metadata={"description": "Whether it knows its users from earlier conversations"})
    recording = Flag(
        metadata={
            "description": "Whether its users' voice rooms at Daily may be recorded; nothing starts that by itself"
        }
    )
    require_profile = fields.List(
        fields.String(validate=FIELD),
        validate=validate.Length(max=FIELDS_AT_MOST),
        metadata={"description": "Fields of their profile that its users must have, or bring to /join"},
    )
    voice_session_config = fields.Nested(VoiceSessionConfigSchema)


class AssistantSchema(Strict, _AssistantFields):
    """A whole assistant; what is left out is as in one that says nothing of it."""

    @post_load
    def as_facts(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "require_profile" in data:
            data["require_profile"] = tuple(dict.fromkeys(data["require_profile"]))
        return data


def assistant_of(its_id: str, facts: Mapping[str, Any]) -> Assistant:
    """The assistant that the schema's facts are of."""
    config = facts.get("voice_session_config")
    named = None if config is None else VoiceSessionConfig(**config)
    return Assistant(its_id, **{**facts, "voice_session_config": named})


def read_assistant(its_id: str, described: Mapping[str, Any]) -> Assistant:
    """The assistant that is described as in a request.  Raises Rejected, in a sentence."""
    try:
        return assistant_of(its_id, AssistantSchema().load(described))
    except ValidationError as error:
        raise Rejected(sentence(error.messages)) from None


class AssistantChangesSchema(AssistantSchema):
    """What to change of an assistant; what is left out stays, in its voice sessions' configuration too."""

    def __init__(self, **more: Any) -> None:
        super().__init__(partial=True, **more)


class ToldAssistantSchema(_AssistantFields):
    """An assistant, with all of its voice sessions' configuration that is in effect."""

    id = fields.String()
    created_at = Moment(attribute="created_ms")
    updated_at = Moment(attribute="updated_ms")


class AssistantsPageSchema(Strict):
    """Which part of the list."""

    after = page_after(Whole(r"^([A-Za-z0-9][A-Za-z0-9_-]{0,63})?$", error="Use what `next` said."))
    limit = page_limit()


class AssistantsSchema(Schema):
    assistants = fields.List(fields.Nested(ToldAssistantSchema))
    next = next_page()
