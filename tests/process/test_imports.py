"""Bots of one's own, in a folder of one's own: by their files, in workers; and one that cannot be imported."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rigs.eventually import eventually
from tests.rigs.product import Product, product

BOT = """
from phrases import NOTHING
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams
from pipecat.workers.runner import WorkerRunner


async def bot(runner_args):
    params = {"webrtc": TransportParams, "twilio": FastAPIWebsocketParams}
    transport = await create_transport(runner_args, params)
    worker = PipelineWorker(Pipeline([transport.input(), transport.output()]))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bots-of-mine")
    (folder / "phrases.py").write_text("NOTHING = ''\n")
    (folder / "01-says-nothing.py").write_text(BOT)
    (folder / "broken.py").write_text(f"import no_such_package\n{BOT}")
    return folder


@pytest.fixture(scope="module")
def greenroom(folder: Path) -> Iterator[Product]:
    with product(SLOTS="2", BOTS=str(folder)) as running:
        yield running


def test_a_bot_goes_live_from_a_file_in_a_folder_of_ones_own(greenroom: Product):
    joined = greenroom.join("local:own", bot="01-says-nothing")

    assert joined["status"] == "live"
    greenroom.post("/leave", {"session_id": joined["session_id"]})


def test_a_bot_that_cannot_be_imported_is_launched_once_and_says_why_until_it_is_mended(
    greenroom: Product, folder: Path
):
    why = f"cannot be imported: it raised ModuleNotFoundError: No module named 'no_such_package' ({folder}/broken.py:1)"
    session_id = greenroom.post("/join", {"room_url": "local:broken", "bot": "broken"})["session_id"]

    assert greenroom.ended(session_id) == "launch_failed"
    events = greenroom.get(f"/sessions/{session_id}/events")["events"]
    assert [event["event"] for event in events].count("joining") == 1
    assert events[-1]["detail"] == f"the bot {why}"
    assert f"broken on {hostname_of(greenroom)}, which {why}" in found_by_doctor(greenroom)

    (folder / "broken.py").write_text(BOT)
    eventually(lambda: "can be imported" in found_by_doctor(greenroom))
    joined = greenroom.join("local:broken", bot="broken")
    assert joined["status"] == "live"
    greenroom.post("/leave", {"session_id": joined["session_id"]})


def hostname_of(greenroom: Product) -> str:
    (host,) = (key for key in greenroom.redis.scan_iter("host:{bots@*}"))
    return str(host).removeprefix("host:{").removesuffix("}")


def found_by_doctor(greenroom: Product) -> str:
    """What the doctor says of imports."""
    done = subprocess.run(
        [sys.executable, "-m", "greenroom.app.cli", "doctor", "--json"],
        env=greenroom.environ,
        cwd=greenroom.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (finding,) = (each for each in json.loads(done.stdout)["findings"] if each["check"] == "imports")
    return str(finding["says"])
