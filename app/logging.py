"""How every process logs: one event, one line, readable on a terminal and JSON otherwise.

    log = structlog.get_logger()
    log.info("session_changed", state=state, session_id=session.id, room=str(session.room))

The standard library's loggers (gunicorn's, Celery's) come out the same way.
"""

import json
import logging
import re
import sys
import traceback
from typing import TYPE_CHECKING, Any, TextIO

import structlog
from structlog.processors import JSONRenderer, TimeStamper, format_exc_info
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from greenroom.app.complaints import is_of_pipecat, tells_of_services, without_words
from greenroom.app.settings import Settings

if TYPE_CHECKING:
    from loguru import Message, Record

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
    stamp, render = _as_text(stream) if _is_for_reading(settings, stream) else _as_json()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        stamp,
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
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
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

    pipecat logs through loguru.  Call this before pipecat is imported, and only where it is.  A bot's own code may log
    through loguru as well: that is its author's business, and comes out as from the standard library's loggers.
    """
    from loguru import logger

    logger.remove()
    logger.add(_pass_on, level="INFO", format="{message}", backtrace=False, diagnose=False)


def _pass_on(message: "Message") -> None:
    record = message.record
    if not is_of_pipecat(record):
        _say_as_library(record)
    elif record["level"].no >= logging.WARNING:
        _tell_complaint(record)


def _say_as_library(record: "Record") -> None:
    raised = record["exception"]
    level = min(record["level"].no // 10 * 10, logging.CRITICAL)  # loguru has levels between, as SUCCESS
    exc_info = (raised.type, raised.value, raised.traceback) if raised and raised.type else None
    logging.getLogger(record["name"]).log(level, "%s", record["message"], exc_info=exc_info)  # type: ignore[arg-type]


def _tell_complaint(record: "Record") -> None:
    raised = record["exception"]
    facts: dict[str, Any] = {"source": f"{record['name']}:{record['line']}"}
    if raised and raised.type and tells_of_services(record["name"] or ""):
        facts["exc_info"] = (raised.type, raised.value, raised.traceback)
    elif raised and raised.type:
        facts["because"] = raised.type.__name__
    structlog.get_logger("pipecat").log(
        logging.ERROR if record["level"].no >= logging.ERROR else logging.WARNING,
        "pipecat_warned",
        text=without_words(record),
        **facts,
    )


def _is_for_reading(settings: Settings, stream: TextIO) -> bool:
    return settings.log_format == "console" or (settings.log_format == "auto" and stream.isatty())


def _as_json() -> tuple[Processor, list[Processor]]:
    """How a line is stamped, and how it is written."""
    return TimeStamper("iso", utc=True, key="at"), [
        format_exc_info,
        _put_what_happened_first,
        JSONRenderer(default=str),
    ]


def _put_what_happened_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {"at": event.pop("at"), "level": event.pop("level"), "event": event.pop("event"), **event}


def _as_text(stream: TextIO) -> tuple[Processor, list[Processor]]:
    """The same for people.  structlog's own ConsoleRenderer lets escape sequences through to the terminal, and writes
    an exception over many lines."""
    paint = _coloured if stream.isatty() else _plain

    def render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
        at, level, name = event.pop("at"), event.pop("level"), _one_line(event.pop("event"))
        raised = _exc_info(event.pop("exc_info", None))
        parts = [
            paint(_DIM, at[: len("12:34:56.789")]),
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

    return TimeStamper("%H:%M:%S.%f", utc=False, key="at"), [render]


def _coloured(colour: str, text: str) -> str:
    return f"{colour}{text}{_RESET}" if colour else text


def _plain(_colour: str, text: str) -> str:
    return text


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
