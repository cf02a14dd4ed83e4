"""Requests to a bot that callers send as they are; `app/rooms/requests` has their fields and their answers."""

from marshmallow import INCLUDE, Schema


class AnyRequestSchema(Schema):
    """The fields of the request; the request itself says which those are."""

    class Meta:
        unknown = INCLUDE


class AnyAnswerSchema(Schema):
    """The fields of the bot's answer."""

    class Meta:
        unknown = INCLUDE
