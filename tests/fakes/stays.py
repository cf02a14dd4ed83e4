"""The parts of a stay, real but for the stage and Redis."""

from pipecat.pipeline.pipeline import Pipeline

from greenroom.app.settings import Settings
from greenroom.bots.stay.adopted import AdoptedSession
from greenroom.bots.stay.parts import Parts
from tests.fakes.async_ledgers import Told
from tests.fakes.stage import FakeStage
from tests.rigs.makers import ME, a_session


def parts_of_a_stay(*, ledger=None, people=(), target="", adopted=None, launches=None, memory=None, **facts):
    """Called in a running loop; the facts are the session's, and `adopted` what else was adopted with it."""
    ledger = ledger or Told()
    return Parts(
        AdoptedSession(a_session(**facts), ME, "here", "a-token", **adopted or {}),
        target,
        ledger=ledger,
        pulse=ledger,
        settings=Settings(),
        launches=launches,
        memory=memory,
        stage_of=lambda *_, **__: FakeStage(people),
    )


class FakePipeline:
    """A bot's pipeline that keeps what is put into it, and can be told to start."""

    def __init__(self, *processors):
        self.pipeline = Pipeline(list(processors))
        self.frames = []
        self.cancelled = None
        self._handlers = {}

    def add_reached_downstream_filter(self, _filter):
        pass

    def add_event_handler(self, event, handler):
        self._handlers[event] = handler

    async def happens(self, event, frame=None):
        await self._handlers[event](self, frame)

    async def queue_frames(self, frames):
        self.frames += frames

    async def cancel(self, reason):
        self.cancelled = reason


async def with_pipeline(parts, *processors):
    """The pipeline of a bot that has built it."""
    pipeline = FakePipeline(*processors)
    await parts.bot_run.built(pipeline)
    return pipeline
