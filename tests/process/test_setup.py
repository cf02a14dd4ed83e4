"""The scripts behind make, started several at once: one does it, and the others wait."""

import os
import shutil
import signal
import subprocess
import sys
from importlib.util import cache_from_source, find_spec
from pathlib import Path

import pytest

from tests.rigs.eventually import eventually

ROOT = Path(__file__).parents[2]
IN_TURN = ROOT / "scripts" / "in-turn"


@pytest.fixture
def start(tmp_path):
    """Start a command in this test's folder; what still runs is killed at the end."""
    started = []

    def begin(*command, **environ):
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(tmp_path),
                **environ,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()


def note(text, seconds=0.0):
    return "sh", "-c", f"echo begin {text} >>notes; sleep {seconds}; echo end {text} >>notes"


def test_of_two_at_once_one_waits_and_says_so_in_one_line(start, tmp_path):
    first = start(IN_TURN, ".", *note("first", 1.5))
    eventually((tmp_path / "notes").exists)
    second = start(IN_TURN, ".", *note("second"))
    said = [process.communicate(timeout=30)[0] for process in (first, second)]

    assert (tmp_path / "notes").read_text().splitlines() == [
        "begin first", "end first", "begin second", "end second",
    ]  # fmt: skip
    assert said[0] == ""
    assert len(said[1].splitlines()) == 1 and "waiting" in said[1]


def test_a_turn_ends_with_whoever_is_killed_in_it(start, tmp_path):
    first = start(IN_TURN, ".", *note("first", 60))
    eventually((tmp_path / "notes").exists)
    second = start(IN_TURN, ".", *note("second"))
    os.killpg(first.pid, signal.SIGKILL)

    second.communicate(timeout=30)
    assert second.returncode == 0
    assert (tmp_path / "notes").read_text().splitlines()[-1] == "end second"


def test_who_failed_in_its_turn_fails_and_another_has_the_next(start):
    first = start(IN_TURN, ".", "sh", "-c", "exit 7")

    assert first.wait(30) == 7
    assert start(IN_TURN, ".", "true").wait(30) == 0


@pytest.fixture
def clone(tmp_path):
    """The scripts as in a fresh clone, with a pip that installs nothing and notes that it was asked to."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for name in ("requirements.lock", "setup.cfg", "pyproject.toml"):
        (tmp_path / name).touch()
    pip = tmp_path / "stub" / "pip"
    pip.mkdir(parents=True)
    (pip / "__init__.py").touch()
    (pip / "__main__.py").write_text(
        "import sys, time\n"
        "if any('bootstrap' in word for word in sys.argv): sys.exit('no uv here')\n"
        f"open({str(tmp_path / 'notes')!r}, 'a').write('installed\\n')\n"
        "time.sleep(0.5)\n"
    )
    return tmp_path


def test_two_setups_in_a_fresh_clone_make_one_environment_between_them(start, clone):
    """`make up` beside `make chromium` did not end: each removed the .venv that the other was making."""
    environ = {"PYTHON": sys.executable, "PYTHONPATH": str(clone / "stub")}
    both = [start("scripts/setup", **environ) for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert sum("Making .venv" in text for text in said) == 1
    assert sum("waiting until it is done" in text for text in said) == 1
    assert (clone / "notes").read_text().splitlines() == ["installed", "installed"], (
        "the lock, and ourselves, once"
    )
    assert start("scripts/setup", **environ).communicate(timeout=60)[0] == "", "there is nothing left to do"


def test_a_machine_for_which_the_demos_ears_are_not_made_gets_all_the_rest_and_is_told(start, clone):
    """An old glibc, musl, or a Mac of before macOS 15: the lock as a whole could not be installed."""
    tags = clone / "stub" / "pip" / "_vendor" / "packaging" / "tags.py"
    tags.parent.mkdir(parents=True)
    tags.write_text("def platform_tags(): return ['musllinux_1_2_x86_64']")
    lock = "a==1 \\\n    --hash=sha256:1\n"
    ears = (
        "moonshine-voice==0.1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"
    )
    (clone / "requirements.lock").write_text(f"{lock}{ears}{lock}")

    setup = start("scripts/setup", PYTHON=sys.executable, PYTHONPATH=str(clone / "stub"))
    said = setup.communicate(timeout=60)[0]

    assert setup.returncode == 0 and "set OPENAI_API_KEY" in said
    assert (clone / ".venv" / "requirements.lock").read_text() == lock * 2


def test_what_was_installed_is_compiled():
    """Where PYTHONDONTWRITEBYTECODE is set nobody else does it, and each start takes seconds for it."""
    packages = [
        Path(spec.origin).parent for name in ("pipecat", "celery", "flask") if (spec := find_spec(name))
    ]
    sources = [path for package in packages for path in package.rglob("*.py")]

    assert len(sources) > 500
    assert [path for path in sources if not Path(cache_from_source(str(path))).exists()] == []
