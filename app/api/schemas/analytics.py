"""Analytics: which days are asked for, and what is told of them."""

from datetime import UTC, datetime

from marshmallow import Schema, fields

from greenroom.app.api.schemas.conversations import When
from greenroom.app.api.schemas.fields import NAME, Moment, Strict, value_of


class AnalyticsQuerySchema(Strict):
    """Which days, and which assistant."""

    from_ms = When(data_key="from", metadata={"description": "The first day"})
    to_ms = When(data_key="to", metadata={"description": "Up to before this day"})
    assistant = fields.String(load_default=None, validate=NAME)


class DaySchema(Schema):
    day = fields.Function(
        lambda each: f"{datetime.fromtimestamp(value_of(each, 'day_ms') / 1000, UTC):%Y-%m-%d}",
        metadata={"type": "string", "format": "date"},
    )
    assistant = fields.String(allow_none=True)
    sessions = fields.Integer()
    users = fields.Integer(metadata={"description": "For whom they were"})
    people = fields.Integer(metadata={"description": "Who came to them"})
    messages = fields.Integer()
    mean_ms = fields.Integer(metadata={"description": "How long those lasted that have ended"})
    longest_ms = fields.Integer()
    total_ms = fields.Integer()
    errors = fields.Integer(metadata={"description": "Those that ended because something failed"})
    reasons = fields.Dict(keys=fields.String(), values=fields.Integer())


class AnalyticsSchema(Schema):
    since = Moment(attribute="from_ms")
    until = Moment(attribute="to_ms")
    days = fields.List(fields.Nested(DaySchema))
