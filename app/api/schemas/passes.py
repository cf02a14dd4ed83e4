"""Passes and tokens: what lets a person in who has no key."""

from datetime import timedelta

from marshmallow import Schema, fields

from greenroom.app.api.schemas.fields import USER, Moment, Seconds, Strict, between
from greenroom.app.passes import LINK_LASTS


class PassSchema(Strict):
    """What the new pass is for; a caller with a pass gets one for the same room only."""

    room_url = fields.String(metadata={"description": "None: the pass's room, or a fresh one"})
    user_id = fields.String(
        validate=USER, metadata={"description": "None: a guest; only the key names others"}
    )
    invitation = fields.Boolean(
        load_default=False,
        metadata={"description": "For whoever comes with it; each exchanges it here for a pass of their own"},
    )
    may_choose = fields.Boolean(
        load_default=False,
        metadata={
            "description": "Whether its holder says with whom they talk; of a pass that asks, as that pass has it"
        },
    )
    expires_in = Seconds(
        strict=True,
        validate=between(timedelta(minutes=1), LINK_LASTS),
        metadata={"description": "Seconds; none: a day.  Never longer than the pass that asks"},
    )


class PassedSchema(Schema):
    """A pass: for /join as a bearer credential, or after `/talk?room=...#pass=` in a link."""

    signed = fields.String(attribute="pass", data_key="pass")
    room_url = fields.String()
    user_id = fields.String(allow_none=True, metadata={"description": "Null: an invitation"})
    may_choose = fields.Boolean(
        metadata={"description": "Whether /join takes bot, personality, assistant and mode with it"}
    )
    expires_at = Moment(attribute="expires_at")


class ChoiceSchema(Schema):
    """Somebody to talk with: what /join names them by, and what people do."""

    id = fields.String()
    name = fields.String()
    about = fields.String()
    language = fields.String()


class ChoicesSchema(Schema):
    may_choose = fields.Boolean()
    usual = fields.String(
        metadata={"description": "Whom a join brings that names nobody, as people call them"}
    )
    bots = fields.List(fields.Nested(ChoiceSchema))
    personalities = fields.List(fields.Nested(ChoiceSchema))
    assistants = fields.List(fields.Nested(ChoiceSchema))


class TokenSchema(Schema):
    token = fields.String()
    resume_token = fields.String(
        metadata={
            "description": "Leads back to the session once, as that of `connect`, which may have been used"
        }
    )
    user_id = fields.String()
