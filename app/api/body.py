"""Reading a request's body: JSON as the standard has it, bounded in size and depth."""

import json
import math
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Request, current_app, request
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser, abort

from greenroom.app.errors.callers import BadJson

DEEPEST = 8  # levels; nothing of ours has more than four

View = TypeVar("View", bound=Callable[..., Any])


class StrictParser(FlaskParser):
    """Refuses what Python's JSON parser accepts and the standard does not: NaN, 1e999, repeated keys, deep nesting."""

    DEFAULT_UNKNOWN_BY_LOCATION = {}  # noqa: RUF012  the schema decides; webargs would ignore an unknown query

    def _raw_load_json(self, req: Request) -> Any:
        if req.mimetype != "application/json":
            abort(415, messages={"json": ["Send JSON, with Content-Type: application/json."]})
        try:
            value = json.loads(
                req.get_data(cache=True).decode(),
                parse_constant=_refuse_constant,
                parse_float=_finite,
                object_pairs_hook=_without_repeats,
            )
            _check_depth(value, DEEPEST)
        except (BadJson, RecursionError, ValueError) as error:
            reason = str(error) if isinstance(error, BadJson) else "The body is not JSON."
            abort(400, exc=error, messages={"json": [reason]})
        return value


class JsonBlueprint(Blueprint):
    """A blueprint whose views get their arguments from the strict parser."""

    ARGUMENTS_PARSER = StrictParser()


def accepts(size: int) -> Callable[[View], View]:
    """Let a view take bodies of up to `size` bytes."""

    def mark(view: View) -> View:
        view.body_at_most = size  # type: ignore[attr-defined]
        return view

    return mark


def apply_limit() -> None:
    """Apply a view's own limit before its request is read."""
    view = current_app.view_functions.get(request.endpoint or "")
    if size := getattr(view, "body_at_most", None):
        request.max_content_length = size


def _refuse_constant(name: str) -> None:
    raise BadJson(f"{name} is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadJson("A number is too large to be one.")
    return number


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise BadJson("A name stands twice in one object.")
    return names


def _check_depth(value: Any, left: int) -> None:
    if left == 0:
        raise BadJson(f"The body is nested deeper than {DEEPEST} levels.")
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return
    for part in value:
        if isinstance(part, (dict, list)):
            _check_depth(part, left - 1)
