"""How a worker's process runs a session, from its adoption to its release."""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from greenroom.app import providers
from greenroom.app.backend.naming import begin_as_named
from greenroom.app.connecting import way_in
from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.providers.room_metadata import named_in
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.conversations import ReadTurns
from greenroom.app.rooms.leases import Adopt, Adoption, ReadRoom, Release, owner_of
from greenroom.app.rooms.line import LeaveLine
from greenroom.app.rooms.queues import SessionQueues
from greenroom.app.rooms.room import LIVEKIT
from greenroom.app.rooms.room_states import Open, Opened, ReadState
from greenroom.app.rooms.sessions import ReadSession, Reason, Session, State
from greenroom.app.rooms.taking_up import take_up
from greenroom.app.settings import Settings
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.app.storage.ledger import RedisLedger
from greenroom.bots.leftovers import this_process
from greenroom.bots.services import (
    ask_to_move,
    backend_at,
    earlier_of,
    find_assistant,
    find_user,
    ledger_at,
    livekit_at,
    memory_of,
    notes_of,
)
from greenroom.bots.stay.adopted import AdoptedSession
from greenroom.bots.stay.ending import Ending
from greenroom.bots.stay.parts import Parts
from greenroom.bots.stay.stay import Stay

# How a session is ended from outside: by who revokes its launch, and by Celery's soft time limit.  SIGTERM does not
# end it: it goes on with another worker.
SIGNALS: Mapping[signal.Signals, Ending | None] = {
    signal.SIGTERM: None,
    signal.SIGQUIT: Ending(Reason.SHUTDOWN),
    signal.SIGUSR1: Ending(Reason.MAX_DURATION, detail="the worker's time limit"),
}


log = structlog.get_logger(__name__)


def run(
    session_id: str, token: str, *, host: str, job_id: str, settings: Settings, launches: SessionQueues
) -> None:
    """Run one session's bot here until it ends.  Safe to deliver twice: one is adopted.

    Raises BotCrashed or EndUnwritten, evidence for its parent: the session goes on with another bot, or is over.
    """
    with _own_signals() as asked:
        adopted = adopt(session_id, token, host=host, job_id=job_id, settings=settings)
        if adopted is not None:
            here: list[Stay] = []

            def on_exit(error: BaseException) -> None:
                for stay in here:
                    stay.exit(error)

            this_process.run(_stay(adopted, asked, settings, launches, here), on_exit)


def adopt(
    session_id: str, token: str, *, host: str, job_id: str, settings: Settings
) -> AdoptedSession | None:
    """Adopt a session's claim; None if another process has it, or the session is over."""
    ledger, owner = ledger_at(settings.redis_url), owner_of(host, job_id, os.getpid())
    session, now_ms = ledger.run_all([ReadSession(session_id), Now()])
    if isinstance(session, NoSuchSession):
        log.warning("launch_session_missed", session_id=session_id)
        return None
    adoption, epoch = ledger.run(Adopt(session.room, token, owner, host, job_id))
    if adoption not in (Adoption.ADOPTED, Adoption.NEXT):
        log.info("launch_adoption_refused", session_id=session_id, found=adoption)
        return None
    if session.state in (State.LEAVING, State.ENDED):  # given up between the claim and now
        ledger.run(Release(session.room, epoch, owner))
        return None
    session = replace(session, epoch=epoch)
    if settings.backend_url and session.version == 1:  # it begins; a later bot goes on with what it began
        session = begin_as_named(ledger, session, backend_at(settings.backend_url, settings.backend_secret))
    if settings.livekit_url and session.room.provider == LIVEKIT and session.version == 1:
        session = _as_its_room_names(ledger, session, settings)
    _, conversation = ledger.run_all([LeaveLine(session_id), ReadTurns(session.conversation_id)])
    config, opened = _left_by_the_last(ledger, session) if session.version > 1 else ({}, {})
    return AdoptedSession(
        session=session,
        owner=owner,
        host=host,
        token=token,
        job_id=job_id,
        is_next=adoption is Adoption.NEXT,
        age=timedelta(milliseconds=now_ms - session.created_ms),
        conversation=tuple(conversation),
        config=config,
        opened=opened,
    )


def _as_its_room_names(ledger: RedisLedger, session: Session, settings: Settings) -> Session:
    """With the conversation that somebody's own backend has named in the room's metadata."""
    try:
        server = livekit_at(settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret)
        return take_up(ledger, session, named_in(server.metadata(session.room)))
    except ProviderAway:  # nobody can come into the room either
        return session


def _left_by_the_last(
    ledger: RedisLedger, session: Session
) -> tuple[Mapping[str, object], Mapping[Open, Opened]]:
    """The changed configuration of the session's last bot, and what is open in its room."""
    room, opened = ledger.run_all([ReadRoom(session.room), ReadState(session.room)])
    return room.config, opened


async def _stay(
    adopted: AdoptedSession, asked: list[int], settings: Settings, launches: SessionQueues, here: list[Stay]
) -> None:
    ledger = AsyncRedisLedger(settings.redis_url)
    pulse = AsyncRedisLedger(settings.redis_url, retries=0)
    try:
        parts = Parts(
            adopted,
            settings.bots.get(adopted.session.brief.bot, ""),
            ledger=ledger,
            pulse=pulse,
            settings=settings,
            launches=launches,
            connect=partial(_connect, settings),
            notes=notes_of(settings),
            ask_to_move=partial(ask_to_move, settings, launches),
            memory=memory_of(settings),
            find_assistant=partial(find_assistant, settings.database_url),
            find_user=partial(find_user, settings.database_url, adopted.session.brief.tenant),
            earlier=earlier_of(settings, adopted.session.conversation_user),
        )
        stay = Stay(parts)
        here.append(stay)

        def obey(number: int) -> None:
            ending = SIGNALS[signal.Signals(number)]
            stay.end(ending) if ending else stay.hand_over()

        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, obey, number)
        for already in asked:  # while nobody could listen yet
            obey(already)
        await stay.run()
    finally:
        await ledger.close()
        await pulse.close()


async def _connect(settings: Settings, session: Session) -> Mapping[str, Any]:
    """The way into a session's room for its user; a room's server may have to be asked."""
    return await asyncio.to_thread(
        way_in,
        session.room,
        session.brief.user_id,
        session_id=session.id,
        providers=providers.of(settings),
        ice_servers=settings.ice_servers,
    )


@contextmanager
def _own_signals() -> Iterator[list[int]]:
    """Remember what comes before the bot can listen; give the pool's handlers back afterwards.

    A loop that closes leaves the system's defaults.
    """
    asked: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, lambda number, _frame: asked.append(number))
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
