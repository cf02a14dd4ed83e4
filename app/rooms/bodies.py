"""Dataclasses as JSON and back, for requests and answers alike: the names of fields are those of the body."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Body = Mapping[str, object]  # as JSON has it

T = TypeVar("T")


def to_body(data: Any) -> Body:
    """The fields of a dataclass, without those that are None."""
    named = {each.name: getattr(data, each.name) for each in fields(data)}
    return {
        name: value.value if isinstance(value, Enum) else value
        for name, value in named.items()
        if value is not None
    }


def of_body(cls: type[T], body: Body) -> T:
    """A dataclass from a body.  Raises ValueError where a field is missing, or of another type."""
    hints = get_type_hints(cls)
    facts = {}
    for each in fields(cls):  # type: ignore[arg-type]
        if each.name in body:
            facts[each.name] = _value(each.name, hints[each.name], body[each.name])
        elif each.default is MISSING:
            raise ValueError(f"missing: {each.name}")
    return cls(**facts)


def _value(name: str, hint: Any, value: Any) -> Any:
    kind, of = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, types.UnionType):
        if value is None and type(None) in of:
            return None
        (rest,) = (each for each in of if each is not type(None))
        return _value(name, rest, value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind is object:
        return value
    if kind is Mapping and isinstance(value, Mapping):
        return {str(key): _value(name, of[1], item) for key, item in value.items()}
    if kind is Sequence and isinstance(value, list | tuple):
        return [_value(name, of[0], item) for item in value]
    if kind in (str, int, bool, float) and type(value) is kind:
        return value
    raise ValueError(f"{name} is {type(value).__name__}")
