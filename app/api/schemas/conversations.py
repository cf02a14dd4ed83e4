"""Conversations: which are asked for, and what is told of them."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from greenroom.app.api.schemas.fields import (
    NAME,
    USER,
    Moment,
    Strict,
    next_page,
    page_after,
    page_limit,
    printable,
)
from greenroom.app.rooms.reading import moment_ms

JSON, VTT, PLAIN = "application/json", "text/vtt", "text/plain"
LONGEST_PLACE = 400  # characters


def is_id(text: str) -> bool:
    """Whether a conversation may be called so."""
    try:
        NAME(text)
    except ValidationError:
        return False
    return True


class When(fields.String):
    """A day, or a moment, as RFC 3339 has it; in UTC where it does not say.  Read as milliseconds since 1970."""

    def __init__(self, **more: Any) -> None:
        super().__init__(load_default=None, **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return moment_ms(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class _PageSchema(Strict):
    after = page_after(validate.Length(max=LONGEST_PLACE))


class ConversationsQuerySchema(_PageSchema):
    """Which conversations."""

    user_id = fields.String(data_key="user", load_default=None, validate=USER)
    assistant = fields.String(load_default=None, validate=NAME)
    room = fields.String(
        load_default=None,
        validate=[validate.Length(1, 512), printable],
        metadata={"description": "The room_url in which it was last"},
    )
    from_ms = When(
        data_key="from", metadata={"description": "Those that began then or later: a day, or a moment"}
    )
    to_ms = When(data_key="to", metadata={"description": "Those that began before"})
    words = fields.String(
        data_key="q",
        load_default="",
        validate=[validate.Length(max=200), printable],
        metadata={"description": "What somebody said, word for word; large and small letters are alike"},
    )
    limit = page_limit()


class TurnsQuerySchema(_PageSchema):
    """Which turns of a conversation, and how they are written."""

    format = fields.String(
        load_default=None,
        validate=validate.OneOf(["json", "vtt", "text"]),
        metadata={"description": "Comes before the `Accept` header"},
    )
    limit = page_limit(1000)


class ConversationSchema(Schema):
    conversation_id = fields.String(attribute="id")
    user_id = fields.String()
    assistant = fields.String(allow_none=True)
    room_url = fields.String(attribute="room", allow_none=True, metadata={"description": "Where it was last"})
    turn_count = fields.Integer(metadata={"description": "Of the turns that are kept for good"})
    started_at = Moment(attribute="started_ms")
    last_at = Moment(attribute="last_ms")


class ConversationsSchema(Schema):
    conversations = fields.List(fields.Nested(ConversationSchema))
    next = next_page()


class SaidCallSchema(Schema):
    id = fields.String()
    name = fields.String()
    arguments = fields.String(metadata={"description": "As the model wrote them, which may be no JSON"})


class TurnSchema(Schema):
    id = fields.String()
    sequence = fields.Integer()
    role = fields.String(metadata={"description": "user, assistant or tool"})
    person = fields.String(allow_none=True, metadata={"description": "Who, in a room of several"})
    content = fields.String()
    interrupted = fields.Boolean(metadata={"description": "Whether `content` is only what was heard of it"})
    tool_calls = fields.List(fields.Nested(SaidCallSchema))
    tool_call_id = fields.String(allow_none=True, metadata={"description": "Whose result this is"})
    tool_status = fields.String(allow_none=True)
    source = fields.String()
    started_at = Moment(attribute="started_ms")
    ended_at = Moment(attribute="ended_ms")


class ToldConversationSchema(ConversationSchema):
    turns = fields.List(fields.Nested(TurnSchema))
    next = next_page()
