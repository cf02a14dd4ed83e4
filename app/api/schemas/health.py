"""Whether the web process lives, and what it depends on."""

from marshmallow import Schema, fields


class ReadySchema(Schema):
    ready = fields.Boolean()
    checks = fields.Dict(keys=fields.String(), values=fields.String())


class LiveSchema(Schema):
    live = fields.Boolean()
