"""Everything of ours is imported as a part of `greenroom`, in the repository too.

There the parts lie at the top, and the working folder is on Python's path: `import app` works, and makes a second
module of the same file, whose classes are not those of `greenroom.app`.
"""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = "app|tasks|bots"
PART = rf"(?:{PARTS})(?:\.\w+)*"
IMPORT = re.compile(rf"(?<![\w.`])from {PART} import\b|(?:^|[;\"'])[ ]*import {PART}(?![\w-])", re.MULTILINE)
MODULE = re.compile(rf"(?<![\w./-])({PARTS})\.(\w+)")
PLAY_DEVELOPERS = {Path(__file__), ROOT / "tests" / "process" / "test_installed.py"}
RUN = re.compile(rf"-m[\"', ]+(?:{PARTS})\b")


def sources():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    names = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in names if path.is_file() and not path.is_symlink()]


def strings_in(source):
    return re.findall(r'"([^"\n]+)"', source)


def is_a_module(match):
    folder = ROOT / match[1]
    return (folder / match[2]).is_dir() or (folder / f"{match[2]}.py").is_file()


@pytest.mark.heavy
@pytest.mark.parametrize("suffix", [".py", ".toml", ""])
def test_nothing_imports_a_part_by_itself(suffix):
    found = []
    for path in sources():
        if path.suffix != suffix or path in PLAY_DEVELOPERS:
            continue
        source = path.read_text(errors="replace")
        found += [(path.name, match[0]) for match in IMPORT.finditer(source)]
        found += [(path.name, match[0]) for match in RUN.finditer(source)]

    assert found == []


@pytest.mark.heavy
def test_no_string_names_a_module_of_a_part_by_itself():
    """As in `monkeypatch.setattr("app.rooms...")`, which would change a module that nobody uses."""
    found = [
        (path.name, text)
        for path in sources()
        if path.suffix == ".py" and path not in PLAY_DEVELOPERS
        for text in strings_in(path.read_text())
        if (match := MODULE.match(text)) and is_a_module(match)
    ]

    assert found == []


def test_a_part_is_the_folder_at_the_repositorys_top():
    for part in PARTS.split("|"):
        assert (ROOT / "greenroom" / part).resolve() == ROOT / part
    assert (ROOT / "greenroom" / "Procfile").resolve() == ROOT / "Procfile"
