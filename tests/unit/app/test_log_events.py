"""Events in the log have names from one list: what is logged is on it, and what is on it is logged."""

import ast
import re
from functools import cache
from pathlib import Path

from greenroom.app.log_events import EVENTS

ROOT = Path(__file__).parents[3]
METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
OTHER_LOGGERS = {
    "app/settings",
    "app/gunicorn/",
    "app/complaints.py",
}  # the standard library's, in sentences


@cache
def calls():
    """Each call of a logger of ours: where it is, and its first argument."""
    return list(_calls())


def _calls():
    for top in ("app", "bots", "tasks"):
        for path in sorted((ROOT / top).rglob("*.py")):
            where = str(path.relative_to(ROOT))
            if any(where.startswith(other) for other in OTHER_LOGGERS):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                name = ast.unparse(node.func.value)
                if node.func.attr in METHODS and (name == "log" or name.startswith("structlog.get_logger(")):
                    yield f"{where}:{node.lineno}", node.args[1 if node.func.attr == "log" else 0]


def named(first):
    """The names that an argument may be; none for what is put together, which nobody could search for."""
    ways = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
    return [way.value if isinstance(way, ast.Constant) else None for way in ways]


def test_what_is_logged_is_on_the_list():
    strange = [(where, name) for where, first in calls() for name in named(first) if name not in EVENTS]

    assert strange == []


def test_what_is_on_the_list_is_logged():
    assert {name for _, first in calls() for name in named(first)} >= EVENTS.keys()


def test_names_are_a_noun_and_what_became_of_it():
    for name in EVENTS:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name)
        assert re.search(r"(ed|made|lost|put_out|given_up|heard|over)$", name), name


def test_operators_are_told_of_each():
    page = (ROOT / "docs" / "operations.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", page, re.MULTILINE))

    assert {name: rows.get(name) for name in EVENTS} == EVENTS
