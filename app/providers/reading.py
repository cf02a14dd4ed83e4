"""Reading what servers of others say: any part may be missing, or be something else than was promised."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

_AN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

Object = dict[str, Any]


def an_object(body: bytes) -> Object | None:
    """The JSON object that a body is, if it is one."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def part(of: object, name: str) -> Object:
    """An object within another; an empty one, if there is none."""
    found = of.get(name) if isinstance(of, Mapping) else None
    return found if isinstance(found, dict) else {}


def parts(of: object, name: str) -> list[Object]:
    """The objects of a list within an object."""
    found = of.get(name) if isinstance(of, Mapping) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def text(of: object, name: str) -> str:
    """A text that can be written anywhere; empty, if there is none."""
    found = of.get(name) if isinstance(of, Mapping) else None
    return found.encode("utf-8", "replace").decode() if isinstance(found, str) else ""


def number(value: object) -> float:
    """A number of 0 or more, also where it is written as a text; 0 for anything else."""
    try:
        found = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return found if math.isfinite(found) and found > 0 and not isinstance(value, bool) else 0.0


def id_of(told: object, body: bytes) -> str:
    """The name under which a message that is delivered twice is recognised: its id, or else a digest of its body."""
    is_one = isinstance(told, str) and _AN_ID.fullmatch(told)
    return told if is_one and isinstance(told, str) else hashlib.sha256(body).hexdigest()
