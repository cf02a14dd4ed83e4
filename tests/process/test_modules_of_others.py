"""Started in a folder that has a `redis.py` and a `celery.py` of somebody's, our processes use the libraries."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from greenroom.app.cli_processes import OUR_PROCFILE
from greenroom.app.local import procfile

HIDDEN = ("redis", "celery", "flask", "structlog", "kombu")
LIMIT = 60  # seconds

COMMANDS = {entry.name: entry.command for entry in procfile.read(OUR_PROCFILE)}
STARTS = {
    "web": ("--check-config",),  # imports and builds the application, and ends
    "bots": ("--help",),
    "control": ("--help",),
    "beat": ("--help",),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in HIDDEN:
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('the {name}.py of somebody')\n")
    (tmp_path / "mine.py").write_text("async def bot(runner_args):\n    pass\n")
    return tmp_path


@pytest.mark.parametrize("name", STARTS)
def test_a_process_finds_the_libraries_and_bots_in_modules_that_lie_there(folder: Path, name: str):
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "VAR_DIR": str(folder / "var"),
        "API_KEY": "d6f4a1c09b7e4b35a2f8",
        "BOTS": "mine=mine:bot",
    }
    environ.pop("PYTHONPATH", None)
    done = subprocess.run(
        [*COMMANDS[name], *STARTS[name]],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
