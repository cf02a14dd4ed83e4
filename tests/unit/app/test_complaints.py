"""What pipecat warns of comes into the log without anybody's words."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from loguru import logger
from pipecat.frames.frames import ErrorFrame, InputTransportMessageFrame
from pipecat.pipeline import worker
from pipecat.processors.frameworks.rtvi import RTVIProcessor

from greenroom.app import complaints

CANARY = "canary-8d2e"
RTVI = {"label": "rtvi-ai", "id": "1"}


@pytest.fixture
def told():
    """What is told of that which pipecat complains of."""
    found = []
    sink = logger.add(lambda message: found.append(complaints.without_words(message.record)), level="WARNING")
    yield found
    logger.remove(sink)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({"text": CANARY}, "Ignoring not RTVI message: …"),
        ({"label": "rtvi-ai", "type": CANARY}, "Invalid RTVI transport message: …"),
        ({**RTVI, "type": CANARY}, "Unsupported RTVI message type: …"),
        ({**RTVI, "type": "send-text", "data": {"content": [CANARY]}}, "Invalid message: …"),
        ({**RTVI, "type": "send-text", "data": {"text": CANARY}}, "Invalid message: …"),
        ({**RTVI, "type": "send-file", "data": {"content": CANARY}}, "Invalid message: …"),
        ({**RTVI, "type": "dtmf", "data": {"buttons": [CANARY]}}, "Invalid message: …"),
        ({**RTVI, "type": "raw-audio", "data": {"base64Audio": CANARY}}, "Error processing audio buffer: …"),
    ],
)
def test_what_somebody_sent_is_withheld(told, message, sentence):
    async def send():
        rtvi = RTVIProcessor()
        rtvi._message_queue = asyncio.Queue()
        await rtvi._handle_transport_message(InputTransportMessageFrame(message=message))
        if not rtvi._message_queue.empty():
            sent, _ = rtvi._message_queue.get_nowait()
            await rtvi._handle_message(sent)

    asyncio.run(send())

    assert sentence in told
    assert CANARY not in str(told)


def complaint(message, module, path, line):
    file = SimpleNamespace(path=str(path))
    return {"message": message, "name": module, "file": file, "line": line}


SENTENCES = """
def go():
    logger.warning(f"{self}: it broke: {e}")
    logger.error(
        f"{self}: not speaking "
        f"[{text}]"
    )
    logger.warning("nothing " + text)
    logger.warning("a plain one")
    logger.warning("with {}", text)
"""


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "tts_service.py"
    path.write_text(SENTENCES)
    return path


@pytest.mark.parametrize(
    ("name", "line", "said", "kept"),
    [
        ("pipecat.services.tts_service", 3, "TTS#0: it broke: 401", "TTS#0: it broke: 401"),
        ("pipecat.processors.any", 3, f"RTVI#0: it broke: {CANARY}", "RTVI#0: it broke: …"),
        ("pipecat.services.tts_service", 5, f"TTS#0: not speaking [{CANARY}]", "TTS#0: not speaking […]"),
        ("pipecat.services.tts_service", 8, f"nothing {CANARY}", "…"),
        ("pipecat.services.tts_service", 9, "a plain one", "a plain one"),
        ("pipecat.services.tts_service", 10, f"with {CANARY}", "…"),
        ("pipecat.services.tts_service", 99, CANARY, "…"),
        ("pipecat.services_of_others", 3, f"X: it broke: {CANARY}", "X: it broke: …"),
    ],
)
def test_a_value_is_told_only_where_it_is_no_persons(module, name, line, said, kept):
    assert complaints.without_words(complaint(said, name, module, line)) == kept


def test_a_source_that_cannot_be_read_tells_nothing(tmp_path):
    assert complaints.without_words(complaint(CANARY, "pipecat.x", tmp_path / "gone.py", 3)) == "…"


def test_why_a_service_failed_is_told_and_what_it_was_given_is_not(module):
    reason = f"TTS#0: it broke: 1 validation error [type=missing, input_value={{'a': '{CANARY}'}}, input_type=dict]"
    found = complaints.without_words(complaint(reason, "pipecat.services.x", module, 3))

    assert "1 validation error" in found
    assert CANARY not in found


def test_an_error_that_a_worker_reports_is_told(told):
    """That a key is wrong, say: all that a bot of others may tell of why it is mute."""
    frame = ErrorFrame(error="Incorrect API key provided")
    line = next(
        number
        for number, text in enumerate(Path(worker.__file__).read_text().splitlines(), 1)
        if "Something went wrong" in text
    )
    record = complaint(f"W: Something went wrong: {frame}", worker.__name__, worker.__file__, line)

    assert "Incorrect API key provided" in complaints.without_words(record)


@pytest.mark.heavy
def test_an_exception_among_messages_is_told_by_its_kind():
    script = f"""
from greenroom.app.logging import configure, quieten_pipecat
from greenroom.app.settings import Settings
configure(Settings(log_format="json"))
quieten_pipecat()
from loguru import logger
def complain(name):
    try:
        raise ValueError("{CANARY}")
    except ValueError:
        logger.patch(lambda record: record.update(name=name)).exception("it broke")
complain("pipecat.processors.x")
complain("pipecat.services.x")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    of_messages, of_services = map(json.loads, done.stdout.splitlines())

    assert of_messages["because"] == "ValueError" and CANARY not in str(of_messages)
    assert "ValueError" in of_services["exception"]
