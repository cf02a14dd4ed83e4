"""How a bot shall be: what both a join and an assistant say of it."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from greenroom.app.api.schemas.fields import LANGUAGE, NAME, Strict, one_line, printable
from greenroom.app.rooms.brief import WORDS

VOICE_PARAMETERS_AT_MOST = 32
VOICE_RANGES = {
    "speed": (0.25, 4.0),
    "stability": (0.0, 1.0),
    "similarity_boost": (0.0, 1.0),
    "style": (0.0, 1.0),
}


def voice_parameters(value: dict[str, Any]) -> None:
    """Services have parameters of their own, so any name will do; those that most of them have must make sense."""
    if len(value) > VOICE_PARAMETERS_AT_MOST:
        raise ValidationError(f"Use at most {VOICE_PARAMETERS_AT_MOST} parameters.")
    for name, number in value.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
            raise ValidationError(
                f"Write a parameter's name as in speed or similarity_boost, not {name[:64]!r}."
            )
        if not isinstance(number, int | float | str) or (isinstance(number, str) and not _is_word(number)):
            raise ValidationError(f"{name}: Use a number, true or false, or up to 64 printable characters.")
        if name in VOICE_RANGES:
            low, high = VOICE_RANGES[name]
            if isinstance(number, bool | str) or not low <= number <= high:
                raise ValidationError(f"{name}: Use a number from {low:g} to {high:g}.")


def _is_word(value: str) -> bool:
    return len(value) <= 64 and value.isprintable()


def _words(word: str, about: str) -> fields.String:
    longest = 8000 if word == "system" else 500
    return fields.String(
        validate=[validate.Length(min=1, max=longest), printable], metadata={"description": about}
    )


class _PromptsSchema(Strict):
    """Words for the bot, each in the place of its personality's."""


PromptsSchema = _PromptsSchema.from_dict(
    {word: _words(word, about) for word, about in WORDS.items()}, name="PromptsSchema"
)


class CharacterSchema(Schema):
    """What a bot is called, says and sounds like; `greenroom.app.rooms.precedence` decides between several."""

    personality = fields.String(validate=NAME)
    persona = fields.String(
        validate=[validate.Length(min=1, max=64), one_line],
        allow_none=True,
        metadata={"description": "The name that the bot goes by; none: its personality's"},
    )
    prompts = fields.Nested(PromptsSchema)
    voice = fields.String(validate=[validate.Length(min=1, max=64), one_line], allow_none=True)
    voice_parameters = fields.Dict(
        keys=fields.String(),
        validate=voice_parameters,
        metadata={"description": "As speed and stability, by the names of the service that speaks"},
    )
    language = fields.String(
        validate=LANGUAGE,
        allow_none=True,
        metadata={"description": "What is spoken, as in en or en-GB; none: the personality's language"},
    )
