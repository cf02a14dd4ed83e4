"""Users: their profile and their preferences."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from greenroom.app.api.schemas.fields import Moment, Strict, printable, small
from greenroom.app.rooms.whereabouts import Active, Status

FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
LONGEST_VALUE = 500  # characters


def profile(value: dict[str, Any]) -> None:
    """Checks the names and the values of a profile."""
    small(value)
    for name, each in value.items():
        if not FIELD.fullmatch(name):
            raise ValidationError(f"Write a field as in first_name, not {name[:64]!r}.")
        if isinstance(each, str) and len(each) <= LONGEST_VALUE:
            printable(each)
        elif each is not None and not isinstance(each, int | float):
            raise ValidationError(f"{name}: Use up to {LONGEST_VALUE} characters, a number, true or false.")


class UserSchema(Strict):
    """What is said of a user; in a change, null takes an entry out."""

    profile = fields.Dict(
        keys=fields.String(),
        validate=profile,
        metadata={"description": "As first_name, email: what is known"},
    )
    preferences = fields.Dict(
        keys=fields.String(), validate=small, metadata={"description": "What the user would like, as JSON"}
    )


class ToldUserSchema(Schema):
    user_id = fields.String(attribute="id")
    profile = fields.Dict()
    preferences = fields.Dict()
    created_at = Moment(attribute="created_ms")
    updated_at = Moment(attribute="updated_ms")


class SeenUserSchema(Schema):
    user_id = fields.String()
    conversations = fields.Integer()
    turns = fields.Integer()
    last_seen_at = Moment(attribute="last_ms")


class FactSchema(Schema):
    key = fields.String()
    text = fields.String()
    updated_at = Moment(attribute="updated_ms")


class KnownUserSchema(ToldUserSchema):
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    last_seen_at = Moment(attribute="last_seen_ms")
    facts = fields.List(fields.Nested(FactSchema))


class ErasedSchema(Schema):
    user_id = fields.String()
    erased = fields.Dict(
        keys=fields.String(), values=fields.Integer(), metadata={"description": "How many rows of each table"}
    )


class ExportSchema(Schema):
    """Each table of the database, with the rows that are of the user."""


class PlaceSchema(Schema):
    """A user's session, or a call in which they are."""

    status = fields.String(
        validate=validate.OneOf([*Status]), metadata={"description": "Inactive while there is none"}
    )
    room_url = fields.Function(
        lambda place: str(place.room) if place.room else None,
        data_key="roomUrl",
        metadata={"type": ["string", "null"]},
    )
    session_id = fields.String(data_key="sessionId", allow_none=True)


PLACE = PlaceSchema()


class WhereaboutsSchema(Schema):
    """In what a user is, in the names that pages of theirs have for it."""

    active = fields.String(
        data_key="activeSession",
        validate=validate.OneOf([*Active]),
        metadata={"description": "`none`, `voice` or `forum`"},
    )
    voice = fields.Nested(PlaceSchema, data_key="voiceSession")
    forum = fields.Function(
        lambda told: {**PLACE.dump(told.forum), "joined": told.is_in_forum},
        metadata={"type": "object", "description": "As voiceSession, and whether the user has `joined`"},
    )
