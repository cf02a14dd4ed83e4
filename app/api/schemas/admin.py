"""An admin's actions, and what became of them."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from greenroom.app.api.schemas.fields import (
    NAME,
    Flag,
    Strict,
    Whole,
    next_page,
    one_line,
    page_after,
    printable,
)
from greenroom.app.rooms.administering import SESSIONS_AT_ONCE
from greenroom.app.rooms.requests.directing import LONGEST_SENTENCE

LONGEST_INSTRUCTION = 2000  # characters
OF_A_PERSONA = ("persona", "personality", "instructions")
FIELDS = {
    "say": ("text", "interrupt"),
    "instruct": ("text",),
    "mute": (),
    "unmute": (),
    "stealth": ("on",),
    "persona": OF_A_PERSONA,
    "switch": ("assistant",),
}  # of each action, beside where it is done
NEEDED = {"say": ("text",), "instruct": ("text",), "switch": ("assistant",)}
WHERE = ("session_id", "room_url", "all")


class AdminSchema(Strict):
    """What which bots are to do; one of `session_id`, `room_url` and `all` says which."""

    action = fields.String(required=True, validate=validate.OneOf(list(FIELDS)))
    session_id = fields.String(validate=NAME)
    room_url = fields.String()
    all = Flag(metadata={"description": "true: each bot that is on, a page at a time"})
    after = page_after(Whole(r"^([0-9]{1,15}-[A-Za-z0-9_-]{1,64})?$", error="Use what `next` said."))
    limit = fields.Integer(
        strict=True,
        load_default=SESSIONS_AT_ONCE,
        validate=validate.Range(1, SESSIONS_AT_ONCE),
        metadata={"description": "How many sessions a page of all has"},
    )
    text = fields.String(
        validate=[validate.Length(1, LONGEST_INSTRUCTION), printable],
        allow_none=True,
        metadata={
            "description": f"say: spoken as it is, up to {LONGEST_SENTENCE} characters; instruct: told to the model "
            "from the next answer on, null: not any more"
        },
    )
    interrupt = Flag(
        metadata={"description": "say: cut short what the bot is saying; else it waits for that"}
    )
    on = Flag(metadata={"description": "stealth: false takes it back"})
    persona = fields.String(validate=[validate.Length(min=1, max=64), one_line], allow_none=True)
    personality = fields.String(validate=NAME, allow_none=True)
    assistant = fields.String(validate=NAME, metadata={"description": "switch: the one that comes"})
    instructions = fields.String(
        validate=[validate.Length(max=LONGEST_INSTRUCTION), printable], allow_none=True
    )

    @validates_schema
    def check(self, wanted: dict[str, Any], **_: object) -> None:
        """Whether each field is of the action: one that is overlooked would be taken for done."""
        if (wanted.get("all") is True) + ("session_id" in wanted) + ("room_url" in wanted) != 1:
            raise ValidationError(
                "Name whose bot by session_id or room_url, or write all: true; one of them."
            )
        action = wanted["action"]
        given = wanted.keys() - {"action", "after", "limit", *WHERE}
        if others := sorted(given - {*FIELDS[action]}):
            raise ValidationError(f"{action} has no {' and no '.join(others)}.")
        if missing := [name for name in NEEDED.get(action, ()) if name not in wanted]:
            raise ValidationError(f"{action} needs {' and '.join(missing)}.")
        if action == "persona" and not given:
            raise ValidationError(f"persona needs one of {', '.join(OF_A_PERSONA)}.")
        if action == "say" and (not (text := wanted["text"] or "").strip() or len(text) > LONGEST_SENTENCE):
            raise ValidationError(f"say needs a text of up to {LONGEST_SENTENCE} characters.")


class DidSchema(Schema):
    """What a bot answered; which of these there are depends on the action."""

    people = fields.Integer(metadata={"description": "say: how many are there to hear it"})
    waits = fields.Boolean(metadata={"description": "say: until the bot has said what it is saying"})
    muted = fields.Boolean()
    stealth = fields.Boolean()
    guided = fields.Boolean(metadata={"description": "Its model is told an instruction"})
    cut_short = fields.Boolean(metadata={"description": "What the bot was saying was cut short"})


class AdminResultSchema(Schema):
    """What became of it with one session's bot."""

    session_id = fields.String()
    room_url = fields.String()
    status = fields.String(validate=validate.OneOf(["done", "refused"]))
    kind = fields.String(
        metadata={"description": "Why it was refused: the last word of the type of the problem"}
    )
    detail = fields.String()
    did = fields.Nested(DidSchema)


class AdminedSchema(Schema):
    action = fields.String()
    results = fields.List(fields.Nested(AdminResultSchema))
    next = next_page()
