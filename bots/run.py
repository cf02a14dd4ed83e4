"""How a worker's process runs a session: what it prepares once, and each session from adoption to release."""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import structlog
import uvloop

from app.errors import NoSuchSession
from app.rooms.sessions import Reason, Session, State
from app.rooms.steps import Adopt, Adoption, ReadSession, Release, owner_of
from app.settings import Settings
from app.storage.async_ledger import AsyncRedisLedger
from app.storage.ledger import RedisLedger
from bots import ears, speech
from bots.stay import Ending, Stay, load_bot

# How a session is ended from outside: by Celery's revoke and the worker's shutdown, and by the soft time limit.
SIGNALS: Mapping[signal.Signals, Ending] = {
    signal.SIGTERM: Ending(Reason.SHUTDOWN),
    signal.SIGQUIT: Ending(Reason.SHUTDOWN),
    signal.SIGUSR1: Ending(Reason.MAX_DURATION, detail="the worker's time limit"),
}

log = structlog.get_logger(__name__)


def preload(settings: Settings) -> None:
    """Import what every bot needs, in the parent, so that the children share its memory.

    Nothing is opened here that a fork would break: no event loop, no thread, no connection.  The two models
    that a bot listens with are loaded, since their sessions are made to have no threads; none is run.
    """
    import aiortc  # noqa: F401
    import pipecat.transports.smallwebrtc.transport  # noqa: F401

    hooks = [os.environ.get("PIPECAT_SETUP_FILES", ""), str(Path(__file__).parent / "hook.py")]
    os.environ["PIPECAT_SETUP_FILES"] = os.pathsep.join(filter(None, hooks))
    ears.load()
    speech.preload(speech.kind_for(settings))
    for name, target in settings.bots.items():
        try:
            load_bot(target)
        except Exception:  # its own launches will fail, and say why; the other bots' need not
            log.exception("bot_not_importable", bot=name, target=target)


def warm(settings: Settings) -> None:
    """Get the models ready, once a child, after the fork."""
    ears.warm()
    speech.warm(speech.kind_for(settings))


def run(session_id: str, claim: str, *, host: str, job_id: str, settings: Settings) -> None:
    """Run one session's bot here until it ends.  Safe to deliver twice: one is adopted."""
    owner = owner_of(host, job_id, os.getpid())
    session = _adopt(session_id, claim, owner=owner, host=host, job_id=job_id, settings=settings)
    if session is not None:
        with _own_signals(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_stay(session, owner=owner, host=host, settings=settings))


def _adopt(
    session_id: str, claim: str, *, owner: str, host: str, job_id: str, settings: Settings
) -> Session | None:
    """The session, if its claim is now this process's."""
    ledger = _ledger_of_this_process(settings.redis_url)
    try:
        session = ledger.run(ReadSession(session_id))
    except NoSuchSession:
        log.warning("launch_of_unknown_session", session_id=session_id)
        return None
    adoption = ledger.run(Adopt(session.room, claim, session.epoch, owner, host, job_id))
    if adoption is not Adoption.ADOPTED:
        log.info("launch_not_adopted", session_id=session_id, found=adoption)
        return None
    if session.state is State.ENDED:  # given up between the claim and now
        ledger.run(Release(session.room, session.epoch, owner))
        return None
    return session


async def _stay(session: Session, *, owner: str, host: str, settings: Settings) -> None:
    ledger = AsyncRedisLedger(settings.redis_url)
    pulse = AsyncRedisLedger(settings.redis_url, retries=0)
    try:
        stay = Stay(session, owner=owner, host=host, ledger=ledger, pulse=pulse, settings=settings)
        for number, ending in SIGNALS.items():
            asyncio.get_running_loop().add_signal_handler(number, stay.end, ending)
        await stay.run(settings.bots.get(session.bot, ""))
    finally:
        await ledger.close()
        await pulse.close()


@cache
def _ledger_of_this_process(url: str) -> RedisLedger:
    """Kept between sessions, so that an adoption need not wait for a connection."""
    return RedisLedger(url)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Give the pool's handlers back afterwards: a loop that closes leaves the system's defaults."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
