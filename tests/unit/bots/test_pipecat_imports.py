"""What pipecat's own example bots begin with can be imported here, in a process that has imported nothing else."""

import subprocess
import sys

import pytest

MODULES = (
    "pipecat.evals.transport",
    "pipecat.runner.run",
    "pipecat.runner.utils",
    "pipecat.services.cartesia.tts",
    "pipecat.services.deepgram.stt",
    "pipecat.services.openai.llm",
    "pipecat.transports.daily.transport",
    "pipecat.transports.websocket.fastapi",
)


@pytest.mark.heavy
def test_what_pipecat_s_examples_begin_with_is_installed():
    done = subprocess.run(
        [sys.executable, "-c", f"import {', '.join(MODULES)}"], capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr[-500:]
