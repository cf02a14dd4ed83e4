"""What the schemas of all subjects are made of: kinds of fields, checks, and the refusal of unknown fields."""

import difflib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

METADATA_AT_MOST = 4096  # bytes of JSON


class Whole(validate.Regexp):
    """Matches the whole value; the pattern is spelled as in OpenAPI, where `$` does not match before a last newline."""

    def __call__(self, value: Any) -> Any:
        if re.fullmatch(str(self.regex.pattern), value, re.ASCII) is None:
            raise ValidationError(self._format_error(value))
        return value


NAME = Whole(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", error="Use up to 64 letters, digits, _ and -.")
USER = Whole(r"^[A-Za-z0-9._@:+-]{1,128}$", error="Use up to 128 letters, digits and . _ @ : + -.")
LANGUAGE = Whole(r"^[a-z]{2,3}(-[A-Z]{2})?$", error="Use a language as in en or en-GB.")


def one_line(value: str) -> None:
    """Something to read: nothing but spaces would be a name that nobody sees."""
    if not value.isprintable() or value.isspace():
        raise ValidationError("Use printable characters on one line.")


def printable(value: str) -> None:
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", value):
        raise ValidationError("Leave control characters out.")


def small(value: Any) -> None:
    if len(json.dumps(value)) > METADATA_AT_MOST:
        raise ValidationError(f"Keep it under {METADATA_AT_MOST} bytes.")


def between(low: timedelta, high: timedelta) -> validate.Range:
    seconds = f"{int(low.total_seconds())} to {int(high.total_seconds())}"
    return validate.Range(low, high, error=f"Use {seconds} seconds.")


class Flag(fields.Boolean):
    """Takes true or false, and none of the words and numbers that marshmallow would read as one of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Seconds(fields.Integer):
    """A duration, in whole seconds."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        seconds = super()._deserialize(value, *args, **kwargs)
        try:
            return None if seconds is None else timedelta(seconds=seconds)
        except OverflowError:
            raise self.make_error("too_large", input=value) from None

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return None if value is None else int(value.total_seconds())


class Moment(fields.String):
    """Milliseconds since 1970, shown as RFC 3339."""

    def __init__(self, **more: Any) -> None:
        super().__init__(allow_none=True, metadata={"format": "date-time"}, **more)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")


def page_after(place: validate.Validator) -> fields.String:
    """Where a page of a long list begins; `place` says what `next` of the page before may look like."""
    description = "What `next` said in the page before"
    return fields.String(load_default="", validate=place, metadata={"description": description})


def page_limit(default: int = 100) -> fields.Integer:
    """How much of a long list a page has."""
    return fields.Integer(load_default=default, validate=validate.Range(1, 1000))


def next_page() -> fields.String:
    """What a page of a long list says of the one that follows."""
    description = "What the next page comes after; null: these were the last"
    return fields.String(allow_none=True, metadata={"description": description})


class Strict(Schema):
    """Refuses unknown fields, so that a misspelt one is not ignored."""

    class Meta:
        unknown = RAISE

    def handle_error(self, error: ValidationError, data: Any, **_: Any) -> None:
        """Add to the message about an unknown field which fields there are, and which one was likely meant."""
        if isinstance(error.messages, dict):
            known = [field.data_key or name for name, field in self.load_fields.items()]
            for name in error.messages.keys() - {*known, "_schema"}:
                error.messages[name] = [_unknown(str(name), known)]


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=1) or [
        each for each in known if name and each.startswith(f"{name.lower()}_")
    ]
    hint = f"; did you mean {near[0]}?" if near else "."
    return f"Unknown field{hint} Known: {', '.join(known)}."


def value_of(thing: Any, name: str) -> Any:
    return thing[name] if isinstance(thing, dict) else getattr(thing, name)


def sentence(messages: Any, path: str = "") -> str:
    """The first thing that is wrong, with where it is: `max_duration: Not a valid integer.`"""
    while isinstance(messages, dict) and messages:
        name, messages = next(iter(messages.items()))
        if name not in {"json", "query", "_schema"}:
            path = f"{path}.{name}" if path else str(name)
    text = messages[0] if isinstance(messages, list) and messages else messages
    return f"{path}: {text}" if path else str(text)
