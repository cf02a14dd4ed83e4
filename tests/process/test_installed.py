"""Greenroom as it is installed: from a built wheel, in the folder of a developer who has packages of their own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.rigs.eventually import eventually
from tests.rigs.ports import free_port

ROOT = Path(__file__).parents[2]

# A bot of a developer's own project, whose packages have the names that ours have in our repository.
BOT = """
import app.greetings
import tasks
from bots import manners
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from greenroom.bots import room_state

assert (app.greetings.HELLO, tasks.CHORES, manners.POLITE) == ("hello", ["wash up"], True)


async def bot(runner_args):
    room_state.current()
    transport = await create_transport(runner_args, {"webrtc": TransportParams})
    worker = PipelineWorker(Pipeline([transport.input(), transport.output()]))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the source archive, from a copy: building leaves things behind."""
    folder = tmp_path_factory.mktemp("built")
    copy = folder / "greenroom-src"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_symlink():
                (copy / name).symlink_to(os.readlink(ROOT / name))
            else:
                (copy / name).write_bytes((ROOT / name).read_bytes())
    backend = "import sys, setuptools.build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"
    for what in ("build_sdist", "build_wheel"):
        subprocess.run(
            [sys.executable, "-c", backend, what, folder],
            cwd=copy,
            check=True,
            capture_output=True,
            text=True,
        )
    return folder


@pytest.fixture(scope="module")
def site(built, tmp_path_factory):
    """What Python finds before the repository: the unpacked wheel."""
    site = tmp_path_factory.mktemp("site")
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


@pytest.fixture
def project(tmp_path):
    """A developer's project."""
    for package in ("app", "tasks", "bots"):
        (tmp_path / package).mkdir()
    (tmp_path / "app" / "__init__.py").touch()
    (tmp_path / "app" / "greetings.py").write_text("HELLO = 'hello'\n")
    (tmp_path / "tasks" / "__init__.py").write_text("CHORES = ['wash up']\n")
    (tmp_path / "bots" / "__init__.py").touch()
    (tmp_path / "bots" / "manners.py").write_text("POLITE = True\n")
    (tmp_path / "mine.py").write_text(BOT)
    (tmp_path / "Procfile").write_text("web: a developer's own process\n")
    return tmp_path


def test_the_archives_hold_one_package_with_all_that_is_no_python(built):
    (wheel,) = built.glob("*.whl")
    (sdist,) = built.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        installed = set(archive.namelist())
    with tarfile.open(sdist) as archive:
        sources = {name.partition("/")[2] for name in archive.getnames()}

    assert {name.partition("/")[0].partition("-")[0] for name in installed} == {"greenroom"}
    for part in ("app", "tasks", "bots"):
        of_part = {path.relative_to(ROOT) for path in (ROOT / part).rglob("*") if path.is_file()}
        needed = {f"greenroom/{path}" for path in of_part if "__pycache__" not in path.parts}
        assert needed - installed == set()
        assert needed - sources == set()
    assert "greenroom/Procfile" in installed & sources


def test_a_developers_own_packages_are_theirs_beside_an_installed_greenroom(project, site):
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(project),
        "PYTHONPATH": str(site),
        "PORT": str(free_port()),
        "FLOWER_PORT": str(free_port()),
        "EVENTS_PORT": str(free_port()),
        "API_KEY": "a-key-for-tests-only",
        "SLOTS": "1",
        "BOTS": "mine,again=mine.py",
    }
    where = "import greenroom, greenroom.bots; print(greenroom.bots.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=project, env=environ, capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith(str(site)), "the wheel is what is tested"

    with open(project / "said", "wb") as said:
        up = subprocess.Popen(
            [sys.executable, "-m", "greenroom.app.cli", "up"],
            cwd=project,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        eventually(lambda: b"Ctrl-C stops everything" in (project / "said").read_bytes(), within=120)
        for bot in ("mine", "again"):
            joined = ask(environ, "/join?wait=20", {"room_url": f"local:{bot}", "bot": bot})
            assert joined["status"] == "live", (project / "said").read_text()
            ask(environ, "/leave", {"session_id": joined["session_id"]})
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            up.kill()
        up.wait(20)


def ask(environ, path, body):
    headers = {"Authorization": f"Bearer {environ['API_KEY']}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{environ['PORT']}{path}"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=40
        ) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise AssertionError(f"{refusal.code} {refusal.read()!r}") from None
