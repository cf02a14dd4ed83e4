"""With each beat a bot says how its mind does: its memory, its context, and which service failed last."""

from types import SimpleNamespace

import pytest
from pipecat.processors.aggregators.llm_context import LLMContext
from structlog.testing import capture_logs

from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms.leases import Beat, Beaten
from greenroom.app.rooms.minds import Memory, MemoryIs, ServiceFailure
from tests.fakes.async_ledgers import Told
from tests.fakes.memory import FakeMemory
from tests.fakes.stays import parts_of_a_stay

pytestmark = pytest.mark.anyio
HELLO = {"role": "user", "content": "Hello there, how are you?"}


class Beats(Told):
    """Remembers beats, and answers them."""

    async def run(self, step):
        await super().run(step)
        return (Beaten.KEPT, []) if isinstance(step, Beat) else None


async def beaten(parts):
    """The mind of the next beat."""
    await parts.heartbeat.beat()
    return parts.heartbeat.next_beat().mind


async def test_a_bot_that_has_nothing_yet_says_so():
    mind = await beaten(parts_of_a_stay(ledger=Beats()))

    assert (mind.memory, mind.messages, mind.failure) == (Memory(), None, None)


async def test_the_longest_context_counts():
    parts = parts_of_a_stay(ledger=Beats())
    contexts = parts.rooms.now.hearing.contexts
    contexts.meet("ada", LLMContext([HELLO] * 8))
    contexts.meet("bob", LLMContext([HELLO]))

    mind = await beaten(parts)

    assert (mind.messages, mind.tokens) == (8, 8 * len(HELLO["content"]) // 4)


async def test_a_failure_of_a_service_is_told_by_its_kind_and_its_age():
    parts = parts_of_a_stay(ledger=Beats())
    parts.mind._now = lambda: at
    at = 100.0
    parts.mind.failed("openai", "authentication")
    at = 107.0

    mind = await beaten(parts)

    assert mind.failure == ServiceFailure("openai", "authentication", 7.0)


async def test_memory_is_loaded_or_failed_by_the_kind_of_its_failure():
    loaded = parts_of_a_stay(ledger=Beats(), memory=FakeMemory(ada="Ada"))
    assert await loaded.memories.of("ada", "a-conversation")
    assert (await beaten(loaded)).memory == Memory(MemoryIs.LOADED)

    class Away(FakeMemory):
        def recall(self, *_, **__):
            raise DatabaseAway

    failed = parts_of_a_stay(ledger=Beats(), memory=Away())
    await failed.memories.of("ada", "a-conversation")
    assert (await beaten(failed)).memory == Memory(MemoryIs.FAILED, DatabaseAway.kind)


async def test_a_bot_whose_context_cannot_be_read_beats_all_the_same():
    parts = parts_of_a_stay(ledger=Beats())
    parts.rooms.now.hearing.contexts.meet(None, SimpleNamespace(messages=7))

    with capture_logs() as lines:
        mind = await beaten(parts)

    assert mind.messages is None
    assert "mind_read_failed" in {line["event"] for line in lines}
