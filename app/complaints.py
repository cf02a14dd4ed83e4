"""What pipecat warns of, without the words of people.

pipecat puts what it stumbled over into its sentences: messages, transcripts, names.  A sentence is kept as it stands in
pipecat's source; what was put into it only where that is known to be no person's.
"""

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loguru import Record

LONGEST = 500  # characters
WITHHELD = "…"
METHODS = frozenset({"trace", "debug", "info", "success", "warning", "error", "critical", "exception"})

# Values that are told: by themselves, and where a service or a connection says why it failed.
OURS = frozenset({"self", "self.name", "service.name", "processor"})
REASONS = frozenset({"e", "error", "error.error", "exception", "frame", "frame.error"})
SERVICES = (
    "pipecat.pipeline.worker",
    "pipecat.runner",
    "pipecat.services",
    "pipecat.transports.daily",
    "pipecat.transports.livekit",
    "pipecat.workers",
)
# What pydantic quotes of the input that it refuses
_QUOTED = re.compile(r"input_value=.*?(?=, input_type=|\]|$)", re.DOTALL)


def without_words(record: "Record") -> str:
    """What a record of pipecat's says."""
    said = record["message"]
    template = _template(record["file"].path, record["line"])
    if template is None:
        return WITHHELD
    found = re.fullmatch("".join(_as_pattern(part) for part in template), said, re.DOTALL)
    values = list(found.groups()) if found else []
    told = [
        part if isinstance(part, str) else _told(part.expression, values, record["name"] or "")
        for part in template
    ]
    return "".join(told)[:LONGEST]


def is_of_pipecat(record: "Record") -> bool:
    return (record["name"] or "").partition(".")[0] == "pipecat"


def tells_of_services(name: str) -> bool:
    """Whether what goes wrong in this module is a service's or a connection's, rather than a person's message."""
    return any(name == module or name.startswith(f"{module}.") for module in SERVICES)


class _Hole:
    """Where something is put into a sentence."""

    def __init__(self, expression: str) -> None:
        self.expression = expression


def _as_pattern(part: "str | _Hole") -> str:
    return re.escape(part) if isinstance(part, str) else "(.*?)"


def _told(expression: str, values: list[str], module: str) -> str:
    value = values.pop(0) if values else WITHHELD
    if expression in OURS or (expression in REASONS and tells_of_services(module)):
        return _QUOTED.sub(f"input_value={WITHHELD}", value)
    return WITHHELD


@cache
def _template(path: str, line: int) -> "tuple[str | _Hole, ...] | None":
    """The sentence in the source of which a line is a part; None if it is put together in another way."""
    calls = [call for call in _calls(path) if call.lineno <= line <= (call.end_lineno or call.lineno)]
    if not calls or not calls[-1].args:
        return None
    said = calls[-1].args[0]
    if isinstance(said, ast.Constant) and isinstance(said.value, str):
        return (said.value,) if len(calls[-1].args) == 1 else None
    if not isinstance(said, ast.JoinedStr):
        return None
    return tuple(_part(part) for part in said.values)


def _part(part: ast.expr) -> "str | _Hole":
    if isinstance(part, ast.FormattedValue):
        return _Hole(ast.unparse(part.value))
    return str(ast.literal_eval(part))


@cache
def _calls(path: str) -> list[ast.Call]:
    """Where a module logs, from the top to the bottom."""
    try:
        tree = ast.parse(Path(path).read_text())
    except (OSError, SyntaxError, ValueError):
        return []
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS
    ]
    return sorted(calls, key=lambda call: call.lineno)
