"""A user's own voice room: what is asked for, and what is told of it."""

from datetime import timedelta

from marshmallow import Schema, fields, validate

from greenroom.app.api.schemas.facts import LONGEST_PERSISTENCE
from greenroom.app.api.schemas.fields import NAME, USER, Moment, Seconds, Strict, between, one_line
from greenroom.app.api.schemas.joining import ConnectSchema
from greenroom.app.rooms.voice_rooms import RoomPrivacy


class VoiceRoomSchema(Strict):
    """Whose voice room is wanted, and whom they talk with there."""

    user_id = fields.String(required=True, validate=USER)
    assistant = fields.String(
        validate=NAME, allow_none=True, metadata={"description": "None: the installation's default bot"}
    )
    user_name = fields.String(
        validate=[validate.Length(min=1, max=64), one_line],
        metadata={"description": "What the others in the room, and the bot, may call that user"},
    )


class VoiceSessionSchema(Schema):
    """The session that is in a voice room, or on its way."""

    session_id = fields.String()
    session_url = fields.String()
    status = fields.String(metadata={"description": "The session's state; queued while all slots are taken"})
    reused = fields.Boolean(metadata={"description": "Whether it was there before this call"})


class ToldVoiceRoomSchema(Schema):
    """A user's voice room, ready to be joined."""

    room_url = fields.String()
    room_name = fields.String()
    room_privacy = fields.Enum(RoomPrivacy, by_value=True)
    reused = fields.Boolean(metadata={"description": "Whether the room was there before this call"})
    created = Moment(attribute="created_ms")
    last_activity = Moment(attribute="active_ms")
    expires_at = Moment(attribute="expires_ms")
    fell_back_from = fields.List(
        fields.String(), metadata={"description": "Providers that would come first, and do not answer"}
    )
    auto_start = fields.Boolean(
        metadata={"description": "Whether the assistant comes by itself: then this call has brought it"}
    )
    session = fields.Nested(
        VoiceSessionSchema,
        allow_none=True,
        metadata={"description": "Null: nobody is there yet, and POST /join with `pass` brings the bot"},
    )
    signed = fields.String(
        attribute="pass",
        data_key="pass",
        metadata={"description": "For POST /join into this room, as this user, to this assistant"},
    )
    connect = fields.Nested(
        ConnectSchema, metadata={"description": "With `token` and `offer_url` once there is a session"}
    )
    notice = fields.String(allow_none=True, metadata={"description": "Words for the user"})


class LeaveVoiceRoomSchema(Strict):
    """Which voice room is left."""

    room_url = fields.String(required=True)
    teardown_delay = Seconds(
        strict=True,
        load_default=timedelta(0),
        validate=between(timedelta(0), LONGEST_PERSISTENCE),
        metadata={"description": "Seconds that the bot waits there for its user; 0: it leaves at once"},
    )
