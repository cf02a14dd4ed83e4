"""One event, one line, whoever speaks."""

import io
import json
import logging
import subprocess
import sys
import warnings

import pytest
import structlog

from greenroom.app.logging import OURS, QUIET, configure
from greenroom.app.settings import Settings


@pytest.fixture
def lines():
    """Log in this format; returns how to read the lines.  Puts logging back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*QUIET, *OURS)}
    stream = io.StringIO()
    of_structlog = structlog.get_config()

    def start(log_format="json", log_level="INFO"):
        configure(Settings(log_format=log_format, log_level=log_level), stream)
        return lambda: stream.getvalue().splitlines()

    yield start
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(False)
    structlog.configure(**of_structlog)


def test_json_has_the_event_its_level_its_time_and_its_fields(lines):
    read = lines()
    structlog.get_logger().info("session_changed", session_id="s1", epoch=3)
    (line,) = map(json.loads, read())

    assert line.pop("at").endswith("Z")
    assert line == {"level": "info", "event": "session_changed", "session_id": "s1", "epoch": 3}


def test_text_is_for_reading(lines):
    read = lines("console")
    structlog.get_logger().info("session_changed", session_id="s1", reason="left", detail=None)

    assert read()[0].split(" ", 1)[1] == "info    session_changed session_id=s1 reason=left"


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize(
    "evil", ["a\nb", "a\rb", "a\x1b[2Jb", "a\u2028b", "a\x85b", "a\x00b", "a\udc80b", "a\x0bb"]
)
def test_nobody_can_forge_a_line(lines, log_format, evil):
    read = lines(log_format)
    structlog.get_logger().info("joined", user_id=evil)
    logging.getLogger("a.library").warning("hello %s", evil)
    written = read()

    assert len(written) == 2
    assert all(line.isprintable() for line in written)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("ann", "user_id=ann"),
        ("ann reason=left", 'user_id="ann reason=left"'),
        ("ann\treason=left", 'user_id="ann\\treason=left"'),
        ("a\r\nb", 'user_id="a\\r\\nb"'),
        ("a\u2028b", 'user_id="a\\u2028b"'),
        ('a" reason="left', 'user_id="a\\" reason=\\"left"'),
        ("", 'user_id=""'),
        (7, "user_id=7"),
        ("local:standup", "user_id=local:standup"),
    ],
)
def test_nobody_can_forge_a_field(lines, value, written):
    """A person called `ann reason=left` was in the log as one who had left."""
    read = lines("console")
    structlog.get_logger().info("joined", user_id=value, epoch=3)

    assert read()[0].split(" ", 1)[1] == f"info    joined {written} epoch=3"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_is_one_line_as_well(lines, log_format):
    read = lines(log_format)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        structlog.get_logger().exception("broke", session_id="s1")
        logging.getLogger("a.library").exception("broke too")
    written = read()

    assert len(written) == 2
    assert all("ValueError" in line and "test_logging.py" in line for line in written)


def test_libraries_come_out_the_same_way(lines):
    read = lines()
    logging.getLogger("gunicorn.error").error("worker %d left", 7)
    (line,) = map(json.loads, read())

    assert (line["event"], line["level"], line["logger"]) == ("worker 7 left", "error", "gunicorn.error")


def test_a_warning_is_logged(lines):
    read = lines()
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("careful", stacklevel=1)

    assert "careful" in read()[0]


def test_what_is_below_the_level_is_dropped(lines):
    read = lines(log_level="WARNING")
    structlog.get_logger("of.this.test").info("chatter")
    logging.getLogger("a.library").info("chatter")

    assert read() == []


def test_libraries_that_see_what_people_say_stay_quiet_even_when_debugging(lines):
    read = lines(log_level="DEBUG")
    for name in ("openai._base_client", "httpx", "aiortc.rtcpeerconnection", "websockets.client"):
        logging.getLogger(name).debug("she said: hello")
        logging.getLogger(name).info("she said: hello")

    assert read() == []


def test_debugging_is_of_ours_and_of_no_library(lines):
    read = lines(log_level="DEBUG")
    for name in ("greenroom.app.rooms", "greenroom.bots.stay", "greenroom.tasks.hosts", "a.library"):
        logging.getLogger(name).debug("chatter")

    assert [json.loads(line)["logger"] for line in read()] == [
        "greenroom.app.rooms",
        "greenroom.bots.stay",
        "greenroom.tasks.hosts",
    ]


@pytest.mark.heavy
def test_of_pipecat_only_warnings_come_through():
    script = """
import sys
from greenroom.app.logging import configure, quieten_pipecat
from greenroom.app.settings import Settings
configure(Settings(log_format="json"))
quieten_pipecat()
from loguru import logger
logger = logger.patch(lambda record: record.update(name="pipecat.services.x"))
logger.debug("she said: hello")
logger.info("she said: hello")
logger.success("she said: hello")
logger.warning("no voice\\nof that name")
try:
    raise ValueError("broken")
except ValueError:
    logger.exception("it broke")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    warning, error = map(json.loads, done.stdout.splitlines())

    assert done.stderr == ""
    assert (warning["event"], warning["level"]) == ("pipecat_warned", "warning")
    assert (warning["text"], warning["source"][:19]) == ("…", "pipecat.services.x:")
    assert error["level"] == "error" and "ValueError: broken" in error["exception"]


@pytest.mark.heavy
def test_what_a_bot_s_own_code_says_through_loguru_comes_out_as_through_the_standard_library():
    """Its INFO vanished, and its warnings were said to be pipecat's."""
    script = """
import logging
from greenroom.app.logging import configure, quieten_pipecat
from greenroom.app.settings import Settings
configure(Settings(log_format="json"))
quieten_pipecat()
from loguru import logger
logging.getLogger(__name__).info("the desk is open")
logger.info("the desk is open")
logger.success("100 % {of} it")
logger.debug("chatter")
logger.warning("no voice")
try:
    raise ValueError("broken")
except ValueError:
    logger.exception("it broke")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    usual, same, success, warning, error = (
        {**json.loads(line), "at": 0} for line in done.stdout.splitlines()
    )

    assert same == usual == {"at": 0, "level": "info", "event": "the desk is open", "logger": "__main__"}
    assert (success["level"], success["event"]) == ("info", "100 % {of} it")
    assert (warning["level"], warning["event"]) == ("warning", "no voice")
    assert error["level"] == "error" and "ValueError: broken" in error["exception"]
