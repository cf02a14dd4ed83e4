"""A wait that is cut short by a clock around it says that the time is over, whatever else happens in that moment."""

import asyncio

import pytest

from greenroom.bots import seam

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def installed():
    seam.install("local")


async def test_what_is_done_in_the_moment_in_which_its_time_is_over_is_too_late():
    """Else the bot's heartbeat, which has two seconds for each beat, is cancelled for good."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    async def beat() -> None:
        async with asyncio.timeout(60) as clock:

            def both() -> None:
                clock.reschedule(loop.time())
                done.set_result(None)

            loop.call_soon(both)
            await asyncio.wait_for(done, 60)

    (outcome,) = await asyncio.gather(asyncio.create_task(beat()), return_exceptions=True)

    assert isinstance(outcome, TimeoutError)


async def test_who_is_cancelled_in_the_moment_in_which_it_is_done_is_cancelled():
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    waiting = asyncio.create_task(asyncio.wait_for(done, 60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    waiting.cancel()
    done.set_result(None)

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_is_in_time_is_handed_on():
    async def answer():
        return 42

    assert await asyncio.wait_for(answer(), 60) == 42
