"""What a bot writes to people's clients while its room changes hands: all of it, in order."""

import asyncio

import pytest
from pipecat.frames.frames import OutputTransportMessageUrgentFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from greenroom.bots.outbox import Outbox

pytestmark = pytest.mark.anyio


class Mouth(BaseOutputTransport):
    """Remembers what it has sent, each at the pace of a network."""

    def __init__(self):
        super().__init__(TransportParams())
        self.sent = []

    async def send_message(self, frame):
        if frame.message == "broken":
            raise ConnectionError
        await asyncio.sleep(0.01)
        self.sent.append(frame.message)


@pytest.fixture
def mouth():
    return Mouth()


@pytest.fixture
def outbox(mouth):
    outbox = Outbox(written=asyncio.sleep, later=asyncio.ensure_future)
    outbox.follow(type("Worker", (), {"pipeline": Pipeline([mouth])}))
    outbox.hold()
    return outbox


async def say(mouth, *words):
    for each in words:
        await mouth.send_message(OutputTransportMessageUrgentFrame(message=each))


async def test_what_is_held_is_sent_when_it_is_released(outbox, mouth):
    await say(mouth, "one", "two")
    assert mouth.sent == []
    await outbox.release()

    assert mouth.sent == ["one", "two"]


async def test_what_comes_while_the_rest_is_sent_does_not_overtake_it(outbox, mouth):
    await say(mouth, "one", "two")
    release = asyncio.create_task(outbox.release())
    await asyncio.sleep(0)  # the first one is on its way
    await say(mouth, "three")
    await release

    assert mouth.sent == ["one", "two", "three"]


async def test_what_is_held_again_while_the_rest_is_sent_stays_held(outbox, mouth):
    await say(mouth, "one", "two")
    release = asyncio.create_task(outbox.release())
    await asyncio.sleep(0)
    outbox.hold()
    await release
    held = list(mouth.sent)
    await outbox.release()

    assert held == ["one"]
    assert mouth.sent == ["one", "two"]


async def test_a_message_that_cannot_be_sent_holds_up_no_other(outbox, mouth):
    await say(mouth, "broken", "two")
    await outbox.release()
    await say(mouth, "three")

    assert mouth.sent == ["two", "three"]
