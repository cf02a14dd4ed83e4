"""The answer to a room server's webhook."""

from marshmallow import Schema, fields


class HeardSchema(Schema):
    heard = fields.Boolean(metadata={"description": "false if it is nothing to us, or was heard before"})
