"""A speech service that fails in a call stands in the history, and nobody is left in silence."""

import asyncio

import pytest
from pipecat.frames.frames import ErrorFrame, LLMContextFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.utils.errors import ErrorCategory
from pipecat.workers.runner import WorkerRunner

from greenroom.app.rooms.session_events import Note
from greenroom.app.settings import Settings
from greenroom.bots import personalities, speech
from greenroom.bots.stay.failing import Failing
from tests.fakes import openai_server
from tests.fakes.async_ledgers import Told
from tests.fakes.stays import Visited, parts_of_a_stay, with_pipeline

pytestmark = pytest.mark.anyio

SECRET = "the words of somebody"
HOST = personalities.load("host")


class Outcome:
    """What became of the failures of one room."""

    def __init__(self, *, is_ours=True):
        self.notes, self.told, self.apologies, self.at = [], [], 0, 0.0
        self.failures = []
        self.failing = Failing(
            failed=lambda service, category: self.failures.append((service, category)),
            note=self.note,
            tell=lambda event, **facts: self.told.append((event, facts)),
            apologise=self.apologise if is_ours else None,
            now=lambda: self.at,
        )

    def note(self, event, detail):
        self.notes.append((event, detail))

    async def apologise(self):
        self.apologies += 1


@pytest.fixture
def server():
    with openai_server.running() as server:
        yield server


async def ask(told, server, *, until, thinking=(), times=1):
    """Have a bot's mind asked, in a real pipeline, until something is so."""
    settings = Settings(openai_base_url=server.url, openai_api_key="k", thinking=thinking)
    worker = PipelineWorker(Pipeline([speech.build(HOST, settings).llm]))
    told.failing.follow(worker)
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    run = asyncio.create_task(runner.run())
    try:
        for _ in range(times):
            await worker.queue_frame(LLMContextFrame(LLMContext([{"role": "user", "content": SECRET}])))
        async with asyncio.timeout(60):
            while not until():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        await worker.cancel()
        await run


async def test_where_nobody_takes_over_the_bot_apologises(server):
    server.fails["/chat/completions"] = 500
    told = Outcome()

    await ask(told, server, until=lambda: told.apologies)

    assert told.notes == [("service_failed", "thinking: openai (server)")]
    assert told.told == [("voice.error", {"kind": "service_failed", "part": "thinking"})]
    assert set(told.failures) == {("openai", "server")}


async def test_where_another_takes_over_it_is_told_and_nobody_apologises(server):
    server.fails["/chat/completions"] = "breaks"
    told = Outcome()

    await ask(told, server, thinking=("openai", "demo"), until=lambda: told.notes)

    assert [(event, detail.partition(" (")[0]) for event, detail in told.notes] == [
        ("service_failed", "thinking: openai")
    ]
    assert {service for service, _ in told.failures} == {"openai"}
    assert told.apologies == 0


async def test_a_bot_of_somebody_else_s_says_itself_what_it_has_to_say(server):
    server.fails["/chat/completions"] = 500
    told = Outcome(is_ours=False)

    await ask(told, server, until=lambda: told.notes)

    assert len(told.notes) == 1


async def test_failures_in_a_row_are_told_and_apologised_for_once_in_a_while(server):
    told, mind = Outcome(), speech.build(HOST, Settings(openai_api_key="k")).llm
    error = ErrorFrame(SECRET, processor=mind, category=ErrorCategory.CONNECTIVITY)

    async def fails():
        await told.failing.failed(mind, error)
        await told.failing._nobody_took_over(None, error)

    for _ in range(3):
        await fails()
    assert (len(told.notes), told.apologies) == (1, 1)

    told.at = 10
    await fails()
    assert (len(told.notes), told.apologies) == (1, 2)

    told.at = 60
    await fails()
    assert (len(told.notes), told.apologies) == (2, 3)
    assert SECRET not in repr(told.notes + told.told)


async def test_a_tool_that_fails_is_no_service_that_fails(server):
    told, mind = Outcome(), speech.build(HOST, Settings(openai_api_key="k")).llm
    error = ErrorFrame(SECRET, processor=mind, category=ErrorCategory.APPLICATION)

    await told.failing.failed(mind, error)
    await told.failing._nobody_took_over(None, error)

    assert (told.notes, told.apologies) == ([], 0)


async def test_the_apology_is_the_personality_s_own_and_said_to_people_alone():
    ledger = Told()
    call = Visited(parts_of_a_stay(ledger=ledger))
    await call.parts.controls.prepare({})
    pipeline = await with_pipeline(call.parts)
    await call.parts.controls.apologise()
    await call.parts.listener.started()
    await call.comes("ada")
    await call.parts.controls.apologise()

    assert [frame.text for frame in pipeline.frames if isinstance(frame, TTSSpeakFrame)] == [HOST.sorry]
    assert not [step for step in ledger.told if isinstance(step, Note) and step.event == "service_failed"]
