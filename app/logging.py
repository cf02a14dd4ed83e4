"""How every process logs: one event, one line, readable on a terminal and JSON otherwise.

    log = structlog.get_logger()
    log.info("session_changed", state=state, session_id=session.id, room=str(session.room))

The standard library's loggers (gunicorn's, Celery's) come out the same way.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from greenroom.app.complaints import is_of_pipecat, tells_of_services, without_words
from greenroom.app.settings import Settings

if TYPE_CHECKING:
    from loguru import Message

# Below a warning these say chatter, or words that were spoken: not even LOG_LEVEL=DEBUG lets that through.
QUIET = (
    "aioice", "aiortc", "amqp", "asyncio", "celery.app.trace", "celery.beat", "celery.worker.strategy",
    "httpcore", "httpx", "kombu", "livekit", "numba", "openai", "PIL", "tornado.access", "urllib3", "websockets",
)  # fmt: skip
OURS = ("greenroom",)  # what says more with LOG_LEVEL=DEBUG; libraries would say what people said

_COLOURS = {"warning": "\033[33m", "error": "\033[31m", "critical": "\033[1;31m"}
_DIM, _BOLD, _RESET = "\033[2m", "\033[1m", "\033[0m"


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Set this process's logging up.  Safe to repeat, and after a fork."""
    stream = stream or sys.stdout
    level = logging.getLevelName(settings.log_level)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _add_time,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(settings, stream),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.INFO), force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def quieten_pipecat() -> None:
    """Let through what pipecat warns of, and nothing below: its DEBUG lines hold what people said.

    pipecat logs through loguru.  Call this before pipecat is imported, and only where it is.
    """
    from loguru import logger

    logger.remove()
    logger.add(_pass_on, level="WARNING", format="{message}", backtrace=False, diagnose=False)


def _pass_on(message: "Message") -> None:
    record = message.record
    raised = record["exception"]
    is_told = not is_of_pipecat(record) or tells_of_services(record["name"] or "")
    facts: dict[str, Any] = {"source": f"{record['name']}:{record['line']}"}
    if raised and raised.type and is_told:
        facts["exc_info"] = (raised.type, raised.value, raised.traceback)
    elif raised and raised.type:
        facts["because"] = raised.type.__name__
    structlog.get_logger("pipecat").log(
        logging.ERROR if record["level"].no >= logging.ERROR else logging.WARNING,
        "pipecat_warned",
        text=without_words(record),
        **facts,
    )


def _add_time(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["at"] = time.time()
    return event


def _renderer(settings: Settings, stream: TextIO) -> Processor:
    is_terminal = stream.isatty()
    if settings.log_format == "json" or (settings.log_format == "auto" and not is_terminal):
        return _as_json
    return _as_text(_coloured if is_terminal else _plain)


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    at = event.pop("at")
    utc = f"{_clock(at, time.gmtime, '%Y-%m-%dT%H:%M:%S')}Z"
    line = {"at": utc, "level": event.pop("level"), "event": event.pop("event"), **event}
    if raised := _exc_info(line.pop("exc_info", None)):
        line["exception"] = "".join(traceback.format_exception(*raised))
    return json.dumps(line, default=str)


def _as_text(paint: Callable[[str, str], str]) -> Processor:
    def render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
        at, level, name = event.pop("at"), event.pop("level"), _one_line(event.pop("event"))
        raised = _exc_info(event.pop("exc_info", None))
        parts = [
            paint(_DIM, _clock(at, time.localtime, "%H:%M:%S")),
            paint(_COLOURS.get(level, ""), f"{level:<7}"),
            paint(_BOLD, name),
            *(
                f"{paint(_DIM, f'{key}=')}{_field(value)}"
                for key, value in event.items()
                if value is not None
            ),
        ]
        if raised:
            parts.append(paint(_COLOURS["error"], _one_line(_in_short(raised))))
        return " ".join(parts)

    return render


def _coloured(colour: str, text: str) -> str:
    return f"{colour}{text}{_RESET}" if colour else text


def _plain(_colour: str, text: str) -> str:
    return text


def _clock(at: float, zone: Callable[[float], time.struct_time], pattern: str) -> str:
    return f"{time.strftime(pattern, zone(at))}.{int(at % 1 * 1000):03}"


def _one_line(value: object) -> str:
    """As text in which no character moves the cursor, so that nobody's name can forge a line."""
    text = value if isinstance(value, str) else str(value)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _field(value: object) -> str:
    """The same, in quotes where it would look like further fields, so that nobody's name can forge one."""
    text = value if isinstance(value, str) else str(value)
    if text.isprintable() and not re.search(r'[\s="\\]|^$', text):
        return text
    return _one_line(json.dumps(text, ensure_ascii=False))


def _exc_info(given: Any) -> ExcInfo | None:
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if given is True:
        given = sys.exc_info()
    return given if given and given[0] else None


def _in_short(raised: ExcInfo) -> str:
    """An exception and its way here, innermost first: ValueError: no such room (room.py:12 parse < ...)."""
    kind, value, trace = raised
    way = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(traceback.extract_tb(trace))]
    return f"{kind.__name__}: {value} ({' < '.join(way)})"
