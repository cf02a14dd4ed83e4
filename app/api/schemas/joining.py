"""A bot joins a room, and leaves it."""

from datetime import timedelta

from marshmallow import Schema, fields, validate

from greenroom.app.api.schemas.facts import LONGEST_PERSISTENCE, FactsSchema
from greenroom.app.api.schemas.fields import NAME, Flag, Seconds, Strict, between, one_line
from greenroom.app.resume_tokens import LONGEST
from greenroom.app.rooms.brief import Mode


class JoinSchema(Strict, FactsSchema):
    """What a caller of /join asks for; every field may be left out."""

    class Meta(Strict.Meta):
        exclude = ("tenant",)  # nobody chooses it by asking

    room_url = fields.String(metadata={"description": "As in local:standup; none: a fresh room"})
    user_name = fields.String(
        validate=[validate.Length(min=1, max=64), one_line],
        metadata={"description": "What the others in the room, and the bot, may call that user"},
    )
    stealth = Flag(
        metadata={
            "description": "Let that user listen unseen in a room that has a bot: they hear all, send nothing, and "
            "nobody is told of them, nor is the bot"
        }
    )
    resume_token = fields.String(
        validate=validate.Length(1, LONGEST),
        metadata={
            "description": "That came with `connect`, to go back to its session; nothing else is named then"
        },
    )


class WaitSchema(Strict):
    """How long the answer is held back."""

    wait = fields.Float(
        load_default=0.0,
        validate=validate.Range(0, 30),
        metadata={"description": "Seconds to hold the answer until the bot is in the room"},
    )


class IceServerSchema(Schema):
    urls = fields.List(fields.String())
    username = fields.String()
    credential = fields.String()


class ConnectSchema(Schema):
    """Everything that the person's client needs to get in."""

    provider = fields.String()
    room_url = fields.String()
    url = fields.String(
        allow_none=True, metadata={"description": "Where to connect: LiveKit's server, or Daily's room"}
    )
    room_token = fields.String(
        allow_none=True, metadata={"description": "LiveKit's or Daily's token, for that room as that user"}
    )
    offer_url = fields.String(metadata={"description": "Where to POST the offer, for a local room"})
    token = fields.String(
        metadata={"description": "For this session alone; may go to a browser. Who listens unseen has none"}
    )
    resume_token = fields.String(
        metadata={
            "description": "Leads a page that has lost its state back to this session, once: as the bearer token of "
            "POST /join, or as its `resume_token`; ends with the session"
        }
    )
    user_id = fields.String()
    ice_servers = fields.List(fields.Nested(IceServerSchema))


class JoinedSchema(FactsSchema):
    """The room's one session."""

    session_id = fields.String()
    status = fields.String(
        metadata={
            "description": "The session's state; queued while all slots are taken, transitioning while it comes "
            "from another room"
        }
    )
    position = fields.Integer(
        allow_none=True, metadata={"description": "In the line, if it is queued; 1 is next"}
    )
    reused = fields.Boolean(
        metadata={"description": "Whether the bot was there, or on its way, before this call"}
    )
    room_url = fields.String()
    session_url = fields.String()
    fell_back_from = fields.List(
        fields.String(),
        metadata={"description": "Providers that would have a fresh room first, and do not answer"},
    )
    connect = fields.Nested(ConnectSchema)


class MoveSchema(Strict):
    """Where a session's bot goes, and how it is there; all else is as it was."""

    room_url = fields.String(required=True, metadata={"description": "A room that has no bot"})
    mode = fields.Enum(
        Mode,
        by_value=True,
        metadata={"description": "none: seen in a forum, heard alone in its user's own voice room"},
    )


class LeaveSchema(Strict):
    """Which bot leaves; one of the first two fields must be given."""

    room_url = fields.String()
    session_id = fields.String(validate=NAME)
    teardown_delay = Seconds(
        strict=True,
        validate=between(timedelta(0), LONGEST_PERSISTENCE),
        metadata={
            "description": "How long the bot waits for somebody to join or to come back before it leaves; "
            "0, or left out: it leaves at once"
        },
    )


class LeftSchema(Schema):
    status = fields.String(
        metadata={"description": "left, waiting if it leaves after the delay, or empty if there was no bot"}
    )
    session_id = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
