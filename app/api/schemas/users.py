"""Users: their profile and their preferences."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields

from greenroom.app.api.schemas.fields import Moment, Strict, printable, small

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
