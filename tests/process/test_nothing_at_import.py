"""An import builds nothing: no file is made, no socket opened, no setting read, until somebody calls something.

What is built at an import is built in every process that imports it, for what it does not do, and in every test.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Read by being run: gunicorn's and Flower's configuration
READ_AS_CONFIGURATION = {"greenroom.app.gunicorn.config", "greenroom.app.flower"}
STARTS_BY_BEING_RUN = "__main__"

# Every setting is wrong, so that whoever reads one fails; whoever makes or connects something is written down.
SCRIPT = """
import importlib, json, os, sys
sys.path.insert(0, sys.argv[1])
seen = []

def watch(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        path = args[0]  # a number is a pipe's, to a program that a library runs
        if not isinstance(path, int) and path != os.devnull:
            seen.append(["opened for writing", str(path)])
    elif event in ("socket.connect", "socket.bind", "os.mkdir"):
        seen.append([event, str(args[:2])])

import greenroom.app.settings
importlib.import_module("pipecat.pipeline.worker")  # what libraries do is theirs
sys.addaudithook(watch)
for module in sys.argv[2:]:
    importlib.import_module(module)
print(json.dumps(seen))
"""


def modules():
    """All of ours, as they are imported."""
    for part in ("app", "tasks", "bots"):
        for path in sorted((ROOT / part).rglob("*.py")):
            names = path.relative_to(ROOT).with_suffix("").parts
            if names[-1] != STARTS_BY_BEING_RUN:
                yield ".".join(["greenroom", *(names[:-1] if names[-1] == "__init__" else names)])


@pytest.mark.parametrize("environ", [{}, {"SLOTS": "none", "REDIS_URL": "nowhere", "VAR_DIR": "/dev/null"}])
def test_importing_makes_nothing_opens_nothing_and_reads_no_setting(tmp_path, environ):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / ".env").write_text("SLOTS=none\n")
    folder.chmod(0o500)
    chosen = [module for module in modules() if module not in READ_AS_CONFIGURATION]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(ROOT), *chosen],
        env={"PATH": "", "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", **environ},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    folder.chmod(0o700)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
    assert [path.name for path in folder.iterdir()] == [".env"]
    assert len(chosen) > 120
