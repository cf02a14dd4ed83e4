"""What a worker prepares for its bots: in its parent what they share, in each child what the first would wait for."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import structlog

from greenroom.app.errors.families import GreenroomError
from greenroom.app.rooms.brief import MAIN
from greenroom.app.settings import Settings
from greenroom.bots import speech
from greenroom.bots.assistant import ears
from greenroom.bots.leftovers import this_process
from greenroom.bots.loading import BotUnfit, load_bot
from greenroom.bots.services import earlier_of, memory_of
from greenroom.bots.tools.known import known_tools

MEETS_WITHIN = 1.0  # seconds: a child is ready without it

log = structlog.get_logger(__name__)


def preload(settings: Settings) -> None:
    """Import what every bot needs, in the parent, so that the children share its memory.

    Nothing is opened here that a fork would break: no event loop, no thread, no connection.  The models
    of a bot are loaded, since their sessions are made to have no threads; none is run.
    """
    for module in _needed(settings):
        import_module(module)
    hooks = [os.environ.get("PIPECAT_SETUP_FILES", ""), str(Path(__file__).parent / "hook.py")]
    os.environ["PIPECAT_SETUP_FILES"] = os.pathsep.join(filter(None, hooks))
    ears.load()
    speech.preload(settings)
    for name, target in settings.bots.items():
        try:
            load_bot(target)
        except BotUnfit as unfit:  # its own launches will fail, and say why; the other bots' need not
            log.error("bot_import_failed", bot=name, target=target, because=f"it {unfit}")
    _preload_tools(settings)


def _preload_tools(settings: Settings) -> None:
    """Import what TOOLS names, and say what is wrong with it while somebody looks: a call would only lack the tool."""
    try:
        known_tools(settings.tools)
    except BotUnfit as unfit:
        log.error("tools_import_failed", because=f"what TOOLS names {unfit}")


def _needed(settings: Settings) -> Iterator[str]:
    """Modules to have before any bot, which finds in pipecat then what our seam has put there."""
    yield "greenroom.bots.transports.local"
    if settings.livekit_url:
        yield "greenroom.bots.transports.livekit"
    if settings.daily_domain:
        yield "greenroom.bots.transports.daily"  # Daily.init() comes with a child's first room
    if settings.backend_url:
        yield "greenroom.app.backend.memory"
        yield "greenroom.app.backend.taking_up"
    else:
        yield "greenroom.app.conversations.taking_up"
    yield "greenroom.app.conversations.notes"
    yield "greenroom.app.conversations.users"
    yield "greenroom.app.conversations.assistants"  # SQLAlchemy takes half a second, in which a bot would stand still
    if settings.backend_url or settings.daily_domain or settings.livekit_url:
        yield "httpx"


def warm(settings: Settings) -> None:
    """Load the models, and meet the database, once in each child process, after the fork."""
    meeting = threading.Thread(target=meet_database, args=(settings,), daemon=True)
    meeting.start()
    ears.warm()
    if settings.livekit_url:
        from greenroom.bots.transports import livekit

        livekit.warm()
    speech.warm(settings)
    meeting.join(MEETS_WITHIN)
    this_process.note_baseline()


def meet_database(settings: Settings) -> None:
    """Ask once about nobody: what is asked at a bot's start is compiled then, and what server it is is known.

    That takes ten times as long as the answer, of the little time that a bot waits for it.
    """
    with suppress(GreenroomError):  # then the first bot learns it
        if not settings.backend_url:
            memory_of(settings).recall(MAIN, "", besides="")
            earlier_of(settings, "").find(MAIN, "")
