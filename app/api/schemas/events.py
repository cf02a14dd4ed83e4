"""Events: which are wanted, and how one is told."""

from marshmallow import INCLUDE, Schema, fields

from greenroom.app.api.schemas.fields import Strict


class WantedSchema(Strict):
    """Filters of the events; one that is left out is any."""

    types = fields.String(
        metadata={"description": "By commas, with a * at the end for several: session.*,voice.error"}
    )
    session = fields.String()
    room = fields.String(metadata={"description": "Its URL"})
    user = fields.String(metadata={"description": "Whose session it is"})
    tenant = fields.String()


class EventStreamSchema(Schema):
    """The `data` of each event; its `id` is what Last-Event-ID takes."""

    class Meta:
        unknown = INCLUDE

    id = fields.String(metadata={"description": "Told twice, it is one event"})
    type = fields.String()
    time = fields.String(metadata={"format": "date-time"})
    tenant = fields.String()
    user = fields.String(metadata={"description": "Whose session it is"})
    room = fields.String()
    session = fields.String()
    sequence = fields.Integer(metadata={"description": "Its place among the session's events"})
    epoch = fields.Integer()
