"""A call in a real browser outlives its bot's process, its worker and a crowd: the product behind the page is real."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.pages import Caller
from tests.rigs.eventually import eventually
from tests.rigs.product import LocalProcess, Product, product
from tests.rigs.stopping import stopped

SOON = 20_000  # ms
GREETING = "Hello, and welcome"


@pytest.fixture(scope="module")
def greenroom() -> Iterator[Product]:
    """One product for this module's kills: each test leaves it whole."""
    with product(SLOTS="2") as running:
        yield running


@pytest.fixture
def caller(person: BrowserContext, greenroom: Product) -> Iterator[Caller]:
    caller = Caller(person.new_page(), greenroom)
    yield caller
    assert caller.complaints == []


def introduce(caller: Caller) -> None:
    """The person has said who they are, and the bot knows."""
    caller.wait_until_heard()
    caller.write("My name is Ada.")
    expect(caller.said("Robin").last).to_contain_text("Nice to meet you, Ada.", timeout=SOON)


def knows_the_name(caller: Caller) -> None:
    """The bot that is there now knows what was said to the one before, and is heard."""
    caller.forget_what_was_heard()
    question = "What is my name, and what are you?"  # the answer is long enough to be heard on a busy machine
    caller.write(question)
    expect(caller.said("Robin").last).to_contain_text("Your name is Ada.", timeout=SOON)
    caller.wait_until_heard()
    expect(caller.said("You")).to_have_text(["You My name is Ada.", f"You {question}"])
    expect(caller.said("Robin").filter(has_text=GREETING)).to_have_count(1)


def kill_bot(caller: Caller, room: str) -> None:
    os.kill(int(caller.product.owner(f"local:{room}").rsplit("/", 1)[1]), signal.SIGKILL)


def hang_up(caller: Caller, session_id: str) -> None:
    caller.press("Hang up")
    caller.wait_until("ended", within=2)
    assert caller.product.ended(session_id) == "left"


def test_a_call_goes_on_when_its_bots_process_is_killed(caller: Caller):
    caller.call("killed")
    session_id = caller.session_id
    introduce(caller)
    kill_bot(caller, "killed")

    caller.wait_for_line(2)
    # The heading says so as well, but only until the next bot speaks, which may be at once
    expect(caller.log.locator(".note")).to_have_text(re.compile("broke down.*It was back after"))
    knows_the_name(caller)
    assert caller.session_id == session_id
    hang_up(caller, session_id)


def test_a_bot_killed_while_it_thinks_answers_when_it_is_back(caller: Caller):
    """What was written just before is neither lost nor there twice."""
    caller.call("thinking")
    session_id = caller.session_id
    introduce(caller)
    caller.write("What is my name?")
    kill_bot(caller, "thinking")
    caller.wait_for_line(2)

    expect(caller.said("Robin").last).to_contain_text("Your name is Ada.", timeout=SOON)
    expect(caller.said("You")).to_have_text(["You My name is Ada.", "You What is my name?"])
    hang_up(caller, session_id)


def test_one_can_hang_up_while_the_bot_is_gone(caller: Caller):
    caller.call("gone")
    session_id = caller.session_id
    with stopped(caller.product.process("bots").pid):
        kill_bot(caller, "gone")
        caller.page.evaluate("lines.at(-1).close()")
        caller.wait_until("mending")
        caller.press("Hang up")
        caller.wait_until("ended", within=2)
    assert caller.product.ended(session_id, within=40) == "left"


def test_a_bot_that_crashes_again_and_again_is_given_up_with_a_way_on(caller: Caller):
    caller.call("unwell")
    session_id = caller.session_id
    for line in (2, 3):
        kill_bot(caller, "unwell")
        caller.wait_for_line(line)
    kill_bot(caller, "unwell")

    expect(caller.title).to_have_text("The bot is not well", timeout=SOON)
    assert caller.product.ended(session_id) == "crashed_too_often"
    caller.press("Write instead")
    caller.wait_until("live")
    assert caller.session_id != session_id
    hang_up(caller, caller.session_id)


def test_a_call_waits_while_its_only_worker_is_restarted(person: BrowserContext):
    with product(SLOTS="2") as greenroom:
        caller = Caller(person.new_page(), greenroom)
        caller.call("parked")
        session_id = caller.session_id
        introduce(caller)
        greenroom.process("bots").kill(signal.SIGTERM.value)

        expect(caller.title).to_have_text("The bot will be right back", timeout=SOON)
        caller.wait_until("mending")
        greenroom.process("bots").start()
        caller.wait_for_line(2, within=60)
        expect(caller.log.locator(".note")).to_have_text(re.compile("worker was replaced"))
        knows_the_name(caller)
        assert caller.session_id == session_id
        hang_up(caller, session_id)
        assert caller.complaints == []


@contextmanager
def another_worker(greenroom: Product) -> Iterator[LocalProcess]:
    """A second worker, as on a machine of its own."""
    command = [part.replace("bots@%h", "bots@another") for part in greenroom.command("bots")]
    worker = LocalProcess("another", command, greenroom.environ, greenroom.folder / "another.log")
    try:
        eventually(lambda: greenroom.redis.exists("host:{bots@another}"), within=60)
        yield worker
    finally:
        worker.teardown()


def test_a_call_is_moved_when_its_worker_is_replaced(person: BrowserContext):
    with product(SLOTS="2") as greenroom:
        caller = Caller(person.new_page(), greenroom)
        caller.call("moved")
        session_id = caller.session_id
        introduce(caller)
        with another_worker(greenroom):
            greenroom.process("bots").kill(signal.SIGTERM.value)
            caller.wait_for_line(2)

            expect(caller.log.locator(".note")).to_have_text("The bot has moved to another machine.")
            knows_the_name(caller)
            assert caller.session_id == session_id
            hang_up(caller, session_id)
        assert caller.complaints == []


def test_who_comes_when_all_bots_are_busy_stands_in_line_until_one_is_free(chromium: Browser):
    with product(SLOTS="1") as greenroom:
        people = [Caller(chromium.new_context().new_page(), greenroom) for _ in range(3)]
        first, second, third = people
        first.call("first")
        for caller, room, position in ((second, "second", 1), (third, "third", 2)):
            caller.open(f"{greenroom.url}/talk?room=local:{room}")
            caller.press("Write instead")
            expect(caller.title).to_have_text("All bots are busy", timeout=SOON)
            expect(caller.more).to_have_text(f"You are number {position} in the line.")

        second.page.goto("about:blank")
        expect(third.more).to_have_text("You are number 1 in the line.", timeout=SOON)
        hang_up(first, first.session_id)
        third.wait_until("live")
        hang_up(third, third.session_id)
        for caller in people:
            assert caller.complaints == []
            caller.page.context.close()
