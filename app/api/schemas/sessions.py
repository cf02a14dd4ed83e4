"""Sessions: one, its history, and pages of them."""

from datetime import timedelta

from marshmallow import Schema, fields, validate

from greenroom.app.api.schemas.facts import FactsSchema
from greenroom.app.api.schemas.fields import (
    Moment,
    Seconds,
    Strict,
    Whole,
    between,
    next_page,
    page_after,
    page_limit,
    value_of,
)
from greenroom.app.rooms.cleaning import LONGEST_TIMESTAMP
from greenroom.app.rooms.extending import LONGEST_SESSION
from greenroom.app.rooms.moves import Target
from greenroom.app.rooms.procedures import Underway


class PauseSchema(Schema):
    """Why a bot is paused."""

    call = fields.Function(
        lambda pause: str(pause.call.room) if pause.call else None,
        metadata={
            "type": ["string", "null"],
            "description": "The room whose call its user is in meanwhile; null: somebody asked for it",
        },
    )


def _moving_to(procedure: Underway | None) -> str | None:
    target = Target.of_procedure(procedure)
    return str(target.room) if target else None


class SessionSchema(FactsSchema):
    session_id = fields.String(attribute="id")
    room_url = fields.Function(lambda session: str(value_of(session, "room")), metadata={"type": "string"})
    state = fields.String()
    moving_to = fields.Function(
        lambda session: _moving_to(value_of(session, "procedure")),
        metadata={
            "type": ["string", "null"],
            "description": "The room that its bot is on its way to; also while its state does not say so",
        },
    )
    reason = fields.String(allow_none=True, metadata={"description": "Why it ended; null while it is on"})
    pause = fields.Nested(
        PauseSchema,
        allow_none=True,
        metadata={"description": "Why its bot is to be silent; also while its state does not say so"},
    )
    epoch = fields.Integer()
    host = fields.String(allow_none=True)
    position = fields.Integer(
        allow_none=True, metadata={"description": "In the line, while no slot is free; 1 is next"}
    )
    launches = fields.Integer(metadata={"description": "How often its launch was queued, under this epoch"})
    crashes = fields.Function(
        lambda session: len(value_of(session, "crashes")),
        metadata={"type": "integer", "description": "How often its bot died lately"},
    )
    created_at = Moment(attribute="created_ms")
    updated_at = Moment(attribute="updated_ms")
    version = fields.Integer()


class VisitSchema(Schema):
    """A person's being in a session's room, from one coming to the next going."""

    identity = fields.String()
    name = fields.String(allow_none=True, metadata={"description": "As the room has it"})
    joined_at = Moment(attribute="joined_ms")
    left_at = Moment(attribute="left_ms")
    metadata = fields.Dict(metadata={"description": "What else the room told of them"})


class SessionWithHistorySchema(SessionSchema):
    """A session with what came of it; the last four are told to whoever has the API key alone."""

    message_count = fields.Integer(metadata={"description": "What people and the bot have said in it"})
    duration_ms = fields.Integer(metadata={"description": "Until now, while it is on"})
    people = fields.List(fields.Nested(VisitSchema), metadata={"description": "Who came and went, each stay"})
    config = fields.Dict(metadata={"description": "What POST /config has changed of its bot, while it is on"})


class CleanupSchema(Strict):
    """A wish that a bot be cleaned up."""

    timestamp = fields.String(
        validate=validate.Length(1, LONGEST_TIMESTAMP),
        metadata={"description": "By which the client knows this wish: sent twice, it is done once"},
    )


class CleanedSchema(Schema):
    """What a bot had under way, and has not any more."""

    answer = fields.Boolean(metadata={"description": "It said something, or thought of what to say"})
    tools = fields.Integer(metadata={"description": "Calls that had no result yet"})
    tasks = fields.Integer(metadata={"description": "Reads that went on beside the conversation"})
    is_awaited = fields.Boolean(metadata={"description": "Whether all of it has ended"})
    is_written = fields.Boolean(metadata={"description": "Whether everything that was said is written"})
    read_anew = fields.List(fields.String(), metadata={"description": "From its source: memory, assistant"})


class CleanedUpSchema(Schema):
    session_id = fields.String()
    timestamp = fields.String(allow_none=True)
    cleaned = fields.Nested(CleanedSchema)


class ExtendSchema(Strict):
    """By how much longer, or how long in all since it was asked for."""

    seconds = Seconds(strict=True, validate=between(timedelta(seconds=1), LONGEST_SESSION))
    max_duration = Seconds(strict=True, validate=between(timedelta(seconds=10), LONGEST_SESSION))


class PageSchema(Strict):
    """Which part of a long list."""

    after = page_after(Whole(r"^([0-9]{1,15}-[A-Za-z0-9_-]{1,64})?$", error="Use what `next` said."))
    limit = page_limit()


class SessionsSchema(Schema):
    sessions = fields.List(fields.Nested(SessionSchema))
    next = next_page()


class EventSchema(Schema):
    id = fields.String()
    at = Moment(attribute="at_ms")
    event = fields.String()
    epoch = fields.Integer()
    reason = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)
    person = fields.String(
        allow_none=True, metadata={"description": "Who came or went; told to whoever has the key alone"}
    )
    name = fields.String(
        attribute="appearance.name", allow_none=True, metadata={"description": "Theirs, as the room has it"}
    )
    conversation_id = fields.String(
        allow_none=True, metadata={"description": "Of which it tells; to whoever has the key alone"}
    )
    sequence = fields.Integer(allow_none=True, metadata={"description": "And of which turn in it"})


class EventsSchema(Schema):
    events = fields.List(fields.Nested(EventSchema))
