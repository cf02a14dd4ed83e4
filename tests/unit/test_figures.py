"""The table of docs/figures.md is what `make figures` writes, and has every benchmark."""

import ast
import re
import string
import subprocess
from pathlib import Path

import pytest

from benchmarks import figures, scripted
from tests.rigs.eventually import eventually

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


@pytest.mark.parametrize(
    ("needed", "rig"), [("livekit", "livekit_server"), ("postgresql", "postgresql_server")]
)
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


@pytest.mark.heavy
def test_a_benchmark_that_is_stuck_is_stopped_with_all_that_it_has_started(monkeypatch, tmp_path):
    monkeypatch.setattr(figures, "STOPS_WITHIN", 0.2)
    stuck = f"trap '' INT; sleep 100 & echo $! > {tmp_path}/pid; wait; sleep 100"

    with pytest.raises(subprocess.TimeoutExpired):
        figures.output(["sh", "-c", stuck], 0.5)

    eventually(lambda: has_ended(int((tmp_path / "pid").read_text())))


def has_ended(pid):
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" in status.read_text()


@pytest.mark.heavy
def test_what_a_benchmark_prints_is_read_to_the_end():
    assert figures.output(["sh", "-c", "echo first; echo last"], 10) == "first\nlast\n"
    with pytest.raises(subprocess.CalledProcessError):
        figures.output(["sh", "-c", "exit 2"], 10)
