"""The table of docs/figures.md is what `make figures` writes, and has every benchmark."""

import ast
import re
import string
from pathlib import Path

import pytest

from benchmarks import figures, scripted

ROOT = Path(__file__).parents[2]


def fields_said(name):
    """What a benchmark puts into its line, beside what every line has."""
    source = (ROOT / "benchmarks" / f"{name.replace('-', '_')}.py").read_text()
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    said = [call for call in calls if ast.unparse(call.func) in ("say", "report.say")]
    assert len(said) == 1
    return {keyword.arg for keyword in said[0].keywords}


def fields_shown(row):
    return {name for cell in row for _, name, _, _ in string.Formatter().parse(cell) if name}


def test_the_table_is_what_the_command_writes_from_the_lines_that_are_kept():
    page = figures.PAGE.read_text()

    assert figures.written(page, figures.kept()) == page


def test_the_voice_that_bots_hear_while_they_are_measured_is_there():
    assert len(scripted.recording()) > 16_000  # a second


def test_every_benchmark_has_its_figures():
    modules = (ROOT / "benchmarks").glob("*.py")
    saying = {
        each.stem.replace("_", "-")
        for each in modules
        if re.search(r"^    (report\.)?say\($", each.read_text(), re.M)
    }

    assert {name.replace("_", "-") for name in saying} == set(figures.FIGURES)


def test_the_makefile_names_every_benchmark():
    lists = re.findall(r"^bench-(livekit-)?%:.*: (.*)$", (ROOT / "Makefile").read_text(), re.M)

    assert {prefix + name for prefix, names in lists for name in names.split(", ")} == set(figures.FIGURES)


@pytest.mark.parametrize("name", figures.FIGURES)
def test_a_row_shows_what_its_benchmark_says(name):
    for row in figures.FIGURES[name].rows:
        assert fields_shown(row) <= fields_said(name)


def test_a_benchmark_that_fails_leaves_its_rows_as_they_are(monkeypatch, tmp_path):
    for name in ("PAGE", "KEPT"):
        copy = tmp_path / name
        copy.write_text(getattr(figures, name).read_text())
        monkeypatch.setattr(figures, name, copy)
    before = figures.PAGE.read_text()
    monkeypatch.setattr(figures, "run", lambda name: [][0])

    assert figures.main(["join"]) == 1
    assert figures.PAGE.read_text() == before


@pytest.mark.parametrize("needed, rig", [("livekit", "livekit_server"), ("postgresql", "postgresql_server")])
def test_a_fresh_clone_has_what_a_benchmark_starts(needed, rig):
    """Each benchmark that starts such a server has `make` find or build it first."""
    makefile = (ROOT / "Makefile").read_text()
    ready = {
        name for names in re.findall(rf"^(bench-.*): {needed}$", makefile, re.M) for name in names.split()
    }
    starting = {
        f"bench-{name}"
        for name in figures.FIGURES
        if f"{rig}(" in (ROOT / "benchmarks" / f"{name.replace('-', '_')}.py").read_text()
    }

    assert {name for name in starting if not name.startswith("bench-livekit-")} == ready
