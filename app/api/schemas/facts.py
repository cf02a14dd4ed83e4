"""What is asked for of a bot, in every request and answer that tells it."""

from datetime import timedelta
from typing import Any

from marshmallow import fields, validate

from greenroom.app.api.schemas.character import CharacterSchema
from greenroom.app.api.schemas.fields import (
    NAME,
    USER,
    Flag,
    Seconds,
    between,
    printable,
    small,
    value_of,
)
from greenroom.app.api.schemas.users import profile
from greenroom.app.rooms.brief import FACTS, Mode
from greenroom.app.rooms.extending import LONGEST_SESSION

LONGEST_PERSISTENCE = LONGEST_SILENCE = timedelta(hours=1)


class FactsSchema(CharacterSchema):
    """What is asked for of a bot, and told of one: a line for each fact of `greenroom.app.rooms.brief.Brief`."""

    user_id = fields.String(
        validate=USER, metadata={"description": "Who the bot is for; none: a fresh guest"}
    )
    bot = fields.String(validate=NAME)
    assistant = fields.String(
        validate=NAME,
        allow_none=True,
        metadata={
            "description": "Of GET /assistants, by name or id: what the call does not name is as it has it"
        },
    )
    memory = Flag(metadata={"description": "Whether the bot knows its user from earlier conversations"})
    instructions = fields.String(
        validate=[validate.Length(max=2000), printable],
        allow_none=True,
        metadata={"description": "What the bot is told behind its prompt"},
    )
    profile = fields.Dict(
        keys=fields.String(),
        validate=profile,
        metadata={"description": "Of the user, as first_name: kept, and told to the bot"},
    )
    mode = fields.Enum(
        Mode, by_value=True, metadata={"description": "Whether the bot is heard, or seen as well (forum)"}
    )
    session_persistence = Seconds(
        attribute="persistence", strict=True, validate=between(timedelta(0), LONGEST_PERSISTENCE)
    )
    max_duration = Seconds(strict=True, validate=between(timedelta(seconds=10), LONGEST_SESSION))
    silence = Seconds(
        strict=True,
        allow_none=True,
        validate=between(timedelta(0), LONGEST_SILENCE),
        metadata={
            "description": "In which nobody says anything although people are there, until the bot asks; 0: never"
        },
    )
    conversation_id = fields.String(
        validate=NAME,
        metadata={"description": "Of a conversation of that user's, to go on with; none: a new one"},
    )
    metadata = fields.Dict(
        keys=fields.String(),
        validate=small,
        metadata={"description": "For the bot; `preferences` in it are the user's, and known in the room"},
    )
    tenant = fields.String()

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """A fact is told from the brief, but for what has changed since it was asked for."""
        own = obj.get(attr, default) if isinstance(obj, dict) else getattr(obj, attr, default)
        return getattr(value_of(obj, "brief"), attr) if own is default and attr in FACTS else own
