"""What pipecat's own example bots begin with can be imported here, in a process of its own as a worker is."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "pipecat.evals.transport",
        "pipecat.runner.run",
        "pipecat.runner.utils",
        "pipecat.services.cartesia.tts",
        "pipecat.services.deepgram.stt",
        "pipecat.services.openai.llm",
        "pipecat.transports.daily.transport",
        "pipecat.transports.websocket.fastapi",
    ],
)
def test_what_pipecat_s_examples_begin_with_is_installed(module):
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}"], capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr[-500:]
