"""The table in docs/architecture.md says what each folder imports, of ours."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = "| folder | what it is | may import, of ours |"
EVERYTHING = "everything"


def _rows():
    """Each folder or file of the table, with what it may import; None if that is everything."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    lines = page[page.index(TABLE) :].split("\n\n")[0].splitlines()[2:]
    rows = {}
    for line in lines:
        folders, _, may_import = line.strip("| ").split(" | ")
        for folder in _named(folders):
            rows[folder] = None if may_import == EVERYTHING else {folder, *_named(may_import)}
    return rows


def _named(text):
    return re.findall(r"`([^`]+)`", text)


ROWS = _rows()


def _row_of(path):
    """The closest row: a file's own, or that of the innermost folder that it lies in."""
    return max((row for row in ROWS if _lies_in(path, row)), key=len, default=None)


def _lies_in(path, place):
    return path == place or path.startswith(f"{place}/")


def _imports_of_ours(path):
    """The modules that a file imports anywhere, within functions too, as paths."""
    return _imported_by(ast.walk(ast.parse((ROOT / path).read_text())))


def _imported_at_once(path):
    """The modules that are imported when the file is, as files."""
    imported = _imported_by(_run_at_once(ast.parse((ROOT / path).read_text())))
    return {each if each.endswith(".py") else f"{each}/__init__.py" for each in imported}


def _run_at_once(node):
    for each in ast.iter_child_nodes(node):
        is_for_types = isinstance(each, ast.If) and ast.unparse(each.test) == "TYPE_CHECKING"
        if not is_for_types and not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield each
            yield from _run_at_once(each)


def _imported_by(nodes):
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{each.name}" for each in node.names]
        else:
            continue
        yield from (_path_of(name) for name in names if name.startswith("greenroom."))


def _path_of(name):
    """Where a module is, or what it is imported from."""
    parts = name.split(".")[1:]
    for count in range(len(parts), 0, -1):
        path = "/".join(parts[:count])
        if (ROOT / f"{path}.py").is_file():
            return f"{path}.py"
        if (ROOT / path).is_dir():
            return path
    raise AssertionError(f"{name} is nowhere")


def _files():
    found = [path for top in ("app", "bots", "tasks") for path in (ROOT / top).rglob("*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def test_a_row_is_of_a_folder_or_a_file_that_is_there():
    assert [row for row in ROWS if not (ROOT / row).exists()] == []


@pytest.mark.parametrize("path", _files())
def test_a_file_imports_what_its_row_allows(path):
    imported = sorted(set(_imports_of_ours(path)))
    row = _row_of(path)
    assert row or not imported, f"{path} is in no row of the table in docs/architecture.md"
    allowed = ROWS[row] if row else ()

    if allowed is not None:
        assert [each for each in imported if not any(_lies_in(each, place) for place in allowed)] == []


def test_no_two_files_need_each_other_to_be_imported():
    """Python stops at the one that is imported first, which is another one in each process and each test."""
    order = TopologicalSorter({path: _imported_at_once(path) for path in _files()})

    order.prepare()  # raises CycleError, which names them
