"""The parts of a stay, real but for the stage, Redis, and the timer that ends the process."""

import asyncio
from datetime import timedelta
from typing import Any

from pipecat.pipeline.pipeline import Pipeline

from greenroom.app.errors.rooms import NoForum
from greenroom.app.settings import Settings
from greenroom.bots.stay.adopted import AdoptedSession
from greenroom.bots.stay.parts import Parts
from greenroom.bots.stay.passing import PassedFrame
from greenroom.bots.stay.watchdog import Watchdog
from tests.fakes.async_ledgers import Told
from tests.fakes.notes import FakeNotes
from tests.fakes.stage import FakeStage
from tests.rigs.makers import ME, a_session


class FakeTimer:
    """faulthandler's, which ends no process here: the real one would end that of the tests, 20 s after a stay."""

    def __init__(self):
        self.patience = []

    def set(self, seconds, **_):
        self.patience.append(timedelta(seconds=seconds))


def parts_of_a_stay(
    *,
    ledger=None,
    people=(),
    target="",
    adopted=None,
    launches=None,
    memory=None,
    timer=None,
    find_assistant=None,
    find_user=None,
    earlier=None,
    stage_of=None,
    notes=None,
    ask_to_move=None,
    **facts,
):
    """Called in a running loop; the facts are the session's, and `adopted` what else was adopted with it."""
    parts = parts_of(
        AdoptedSession(a_session(**facts), ME, "here", "a-token", **adopted or {}),
        target,
        ledger=ledger or Told(),
        settings=Settings(),
        launches=launches,
        notes=notes or FakeNotes(),
        ask_to_move=ask_to_move or nowhere,
        memory=memory,
        find_assistant=find_assistant,
        find_user=find_user,
        earlier=earlier,
        stage_of=stage_of or (lambda *_, **__: FakeStage(people)),
    )
    parts.watchdog = Watchdog(parts.end, (timer or FakeTimer()).set)
    return parts


def parts_of(adopted: AdoptedSession, target: str, *, ledger: Any, **others: Any) -> Parts:
    """Those of the stay of a session that a test has adopted itself."""
    others = {"pulse": ledger, "connect": connect, "notes": FakeNotes(), "ask_to_move": nowhere, **others}
    return Parts(adopted, target, ledger=ledger, **others)


class Visited:
    """A stay to whose room people come, and from which they go, as its stage tells."""

    def __init__(self, parts):
        self.parts = parts

    async def comes(self, person):
        self.parts.stage.people |= {person}
        await self.parts.listener.arrived(person)
        await self.parts.chores.done()

    async def goes(self, person):
        self.parts.stage.people -= {person}
        await self.parts.listener.departed(person)
        await self.parts.chores.done()


def nowhere(session_id, place):
    raise NoForum


async def connect(session):
    """The way into a session's room for its user."""
    return {"room_url": str(session.room), "user_id": session.brief.user_id}


class FakePipeline:
    """A bot's pipeline that keeps what is put into it, can be told to start, and is over when it is cancelled."""

    def __init__(self, *processors):
        self.pipeline = Pipeline(list(processors))
        self.frames = []
        self.cancelled = None
        self.over = asyncio.Event()
        self._handlers = {}

    def add_reached_downstream_filter(self, _filter):
        pass

    def add_event_handler(self, event, handler):
        self._handlers.setdefault(event, []).append(handler)

    async def happens(self, event, frame=None):
        for handler in self._handlers[event]:
            await handler(self, frame)

    async def queue_frames(self, frames):
        for frame in frames:
            if isinstance(frame, PassedFrame):
                frame.passed.set()
            else:
                self.frames.append(frame)

    async def cancel(self, reason):
        self.cancelled = reason
        self.over.set()


async def with_pipeline(parts, *processors):
    """The pipeline of a bot that has built it."""
    pipeline = FakePipeline(*processors)
    await parts.bot_run.built(pipeline)
    return pipeline
