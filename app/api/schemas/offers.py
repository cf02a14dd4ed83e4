"""How a browser and a bot in a local room find each other: WebRTC's offer, answer and candidates."""

from marshmallow import Schema, fields, validate

from greenroom.app.api.schemas.fields import Flag, Strict


class OfferSchema(Strict):
    """A browser's offer, as pipecat's own clients send it."""

    sdp = fields.String(required=True, validate=validate.Length(min=1, max=60_000))
    type = fields.String(required=True, validate=validate.OneOf(["offer"]))
    pc_id = fields.String(allow_none=True, validate=validate.Length(max=128))
    restart_pc = Flag(allow_none=True)
    request_data = fields.Raw(allow_none=True)
    requestData = fields.Raw(  # noqa: N815
        allow_none=True, metadata={"description": "The same, as some clients spell it"}
    )


class AnswerSchema(Schema):
    sdp = fields.String()
    type = fields.String()
    pc_id = fields.String(allow_none=True)


class CandidateSchema(Strict):
    candidate = fields.String(required=True, validate=validate.Length(max=1000))
    sdp_mid = fields.String(required=True, allow_none=True, validate=validate.Length(max=64))
    sdp_mline_index = fields.Integer(
        required=True, allow_none=True, strict=True, validate=validate.Range(0, 1000)
    )


class CandidatesSchema(Strict):
    """More ways to reach the browser, found after its offer."""

    pc_id = fields.String(required=True, validate=validate.Length(max=128))
    candidates = fields.List(fields.Nested(CandidateSchema), required=True, validate=validate.Length(max=64))


class AcceptedSchema(Schema):
    status = fields.String()
