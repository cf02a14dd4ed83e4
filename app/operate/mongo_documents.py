"""Documents as MongoDB's tools export them: extended JSON, an array or a document a line, with names in camelCase."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

TYPES: Mapping[str, Callable[[Any], Any]] = {
    "$oid": str,
    "$uuid": str,
    "$symbol": str,
    "$numberInt": int,
    "$numberLong": int,
    "$numberDouble": lambda value: _number(value),
    "$numberDecimal": lambda value: _number(value),
    "$date": lambda value: _milliseconds(value),
}


class BadDocument(ValueError):
    """A document that cannot be read; its text says why."""


def documents_in(text: str) -> Iterator[Mapping[str, Any] | BadDocument]:
    """Each document of a file, in the order in which they stand there, with values of JSON's own kinds."""
    for value in _values(text):
        if isinstance(value, BadDocument):
            yield value
            continue
        try:
            document = _plain(value)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            yield BadDocument(f"a value of MongoDB's cannot be read: {error}")
            continue
        yield document if isinstance(document, dict) else BadDocument("it is no document")


def in_snake_case(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same with names as ours are written, as in personality_id for personalityId; null says nothing."""
    return {
        _snake(name): in_snake_case(value) if isinstance(value, dict) else value
        for name, value in document.items()
        if value is not None
    }


def _values(text: str) -> Iterator[Any]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield _line(line, number)
        return
    yield from whole if isinstance(whole, list) else [whole]


def _line(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return BadDocument(f"line {number} is not JSON")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return _finite(value)
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name in TYPES:
            return TYPES[name](_plain(inner))
    return {name: _plain(each) for name, each in value.items()}


def _number(value: Any) -> float | int:
    number = _finite(float(value))
    return int(number) if number.is_integer() else number


def _finite(number: float) -> float:
    """Python reads NaN and 1e999, which are no JSON: PostgreSQL keeps neither, and no client reads them."""
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number")
    return number


def _milliseconds(value: Any) -> int:
    """Since 1970, from RFC 3339 or from milliseconds."""
    if isinstance(value, int):
        return value
    return int(datetime.fromisoformat(value).timestamp() * 1000)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
