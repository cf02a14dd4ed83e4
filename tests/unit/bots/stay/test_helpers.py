"""What runs beside a bot, and what is known of it when it ends before the bot."""

import asyncio
import inspect

import pytest
from structlog.testing import capture_logs

from greenroom.app.rooms.failures import FailureKind
from greenroom.bots.stay.helpers import Helpers

pytestmark = pytest.mark.anyio


async def for_ever():
    await asyncio.Event().wait()


async def begun():
    helpers = Helpers()
    helpers.begin({"heartbeat": for_ever()})
    await asyncio.sleep(0)
    return helpers


async def test_a_helper_that_something_else_cancels_says_where_it_stood():
    helpers = await begun()
    with capture_logs() as logged:
        helpers.tasks[0].cancel()
        await asyncio.wait(helpers.tasks)

    (told,) = logged
    assert (told["event"], told["helper"], told["exc_info"]) == ("helper_cancelled", "heartbeat", True)
    failure = helpers.failure("bots.mine:bot")
    assert failure is not None and failure.kind is FailureKind.HELPER_ENDED


async def test_the_end_of_a_stay_is_nothing_to_be_told():
    helpers = await begun()
    with capture_logs() as logged:
        await helpers.cancel()

    assert (logged, [task.cancelled() for task in helpers.tasks]) == ([], [True])


async def test_a_helper_that_is_cancelled_before_its_first_step_leaves_nothing_unawaited():
    helpers, work = Helpers(), for_ever()
    helpers.begin({"heartbeat": work})

    await helpers.cancel()
    await asyncio.sleep(0)  # callbacks of a task run after it

    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED
