"""Several people in a LiveKit room, each with the talk page, and one bot: server, product and browser are real."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from greenroom.app.passes import LINK_LASTS, Pass, Passes, link, until
from tests.browser.in_a_room import Window
from tests.browser.pages import WORDS
from tests.process.test_operating import run
from tests.rigs.livekit_server import livekit_server
from tests.rigs.product import Product, product
from tests.rigs.stopping import stopped

SOON = 30_000  # ms


@pytest.fixture(scope="module")
def greenroom() -> Iterator[Product]:
    with livekit_server() as server, product(**server.settings) as running:
        yield running


class Caller(Window):
    """A browser's window with the talk page, before the real product."""

    hears_within = 30.0

    def enter(self, link: str, way: str = "Write instead") -> "Caller":
        self.page.goto(link)
        self.start(way)
        return self

    @property
    def session_id(self) -> str:
        return str(json.loads(self.page.evaluate("sessionStorage.getItem('greenroom.call')"))["id"])


def test_two_windows_of_one_browser_talk_with_one_bot_and_it_outlives_its_process(
    speaking_chromium: Browser, greenroom: Product
):
    context = speaking_chromium.new_context(permissions=["microphone", "clipboard-read", "clipboard-write"])
    printed = Passes((greenroom.folder / "signing-secret").read_text().strip()).sign(Pass(until(LINK_LASTS)))
    ann = Caller(context.new_page()).enter(link(greenroom.url, printed), "Start talking")
    ann.wait_until_heard()
    ann.press("Invite")
    expect(ann.page.locator("#invited")).to_contain_text("Link copied")
    ben = Caller(context.new_page()).enter(ann.page.evaluate("navigator.clipboard.readText()"))

    assert ben.session_id == ann.session_id
    for window in (ann, ben):
        expect(window.people).to_have_count(3, timeout=SOON)
        expect(window.people.filter(has_text="Robin")).to_have_count(1)
    expect(ann.said("You").first).to_contain_text(re.compile("time|is it", re.I), timeout=SOON)
    ben.write("My name is Ben.")
    expect(ben.said("You")).to_contain_text("My name is Ben.")
    expect(ben.page.locator(".turn.you ~ .turn.bot").first).to_contain_text(WORDS, timeout=SOON)

    room_url = parse_qs(urlsplit(ann.page.url).query)["room"][0]
    pid = int(greenroom.owner(room_url).rsplit("/", 1)[1])
    os.kill(pid, signal.SIGKILL)
    for window in (ann, ben):
        window.page.locator(".note").wait_for(timeout=SOON)
        window.wait_until("live")
        window.write("Are you still there?")
    ann.wait_until_heard()

    for window in (ann, ben):
        assert window.complaints == []
    context.close()


def closed(laptop: Browser) -> AbstractContextManager[None]:
    """All of a browser's processes stand still, as when one closes the laptop: the network goes without a goodbye."""
    told = laptop.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    return stopped(*(process["id"] for process in told["processInfo"]))


def test_a_bot_goes_to_the_forum_with_its_person_who_closes_the_laptop_there_and_comes_back(
    speaking_chromium: Browser, chromium: Browser, greenroom: Product
):
    """From a voice session to the forum, where there are two people, and back: one bot, one conversation, one story."""
    laptop = speaking_chromium.new_context(permissions=["microphone", "clipboard-read", "clipboard-write"])
    printed = Passes((greenroom.folder / "signing-secret").read_text().strip()).sign(Pass(until(LINK_LASTS)))
    ann = Caller(laptop.new_page()).enter(link(greenroom.url, printed), "Start talking")
    ann.wait_until_heard()
    ann.write("My name is Dorothea.")
    expect(ann.said("Robin").last).to_contain_text("Dorothea", timeout=SOON)
    session_id = ann.session_id

    ann.press("Go to the forum")
    expect(ann.page.locator("#room-name")).to_have_text("forum", timeout=SOON)
    expect(ann.people.filter(has_text="Robin")).to_have_count(1, timeout=SOON)
    expect(ann.page.locator("body.has-picture")).to_be_visible(timeout=SOON)
    ann.write("What is my name?")
    expect(ann.said("Robin").last).to_contain_text("Dorothea", timeout=SOON)
    ann.press("Invite")
    expect(ann.page.locator("#invited")).to_contain_text("Link copied")
    ben = Caller(chromium.new_context().new_page())
    ben.enter(ann.page.evaluate("navigator.clipboard.readText()"))
    expect(ben.people).to_have_count(3, timeout=SOON)
    ben.write("My name is Ben.")
    expect(ben.said("Robin").last).to_contain_text("Ben", timeout=SOON)
    ann.write("Call me Theodora.")
    expect(ann.said("Robin").last).to_contain_text("Theodora", timeout=SOON)
    ann.picture_taken("forum-of-two")

    with closed(speaking_chromium):
        expect(ben.people).to_have_count(2, timeout=SOON)
        ben.write("What is my name?")
        expect(ben.said("Robin").last).to_contain_text("Your name is Ben", timeout=SOON)
        ben.picture_taken("forum-with-a-laptop-closed")
    expect(ben.people).to_have_count(3, timeout=SOON)
    ann.wait_until("live")
    expect(ann.people).to_have_count(3, timeout=SOON)
    ann.picture_taken("laptop-open-again")

    ann.press("Go back")
    expect(ann.title).to_have_text("The bot stays with the others here", timeout=SOON)
    ben.press("Hang up")
    expect(ann.people).to_have_count(2, timeout=SOON)
    ann.press("Go back")
    expect(ann.page.locator("#room-name")).not_to_have_text("forum", timeout=SOON)
    expect(ann.people.filter(has_text="Robin")).to_have_count(1, timeout=SOON)
    ann.write("What is my name?")
    expect(ann.said("Robin").last).to_contain_text("Your name is Theodora", timeout=SOON)
    ann.picture_taken("at-home-again")
    assert ann.session_id == session_id
    assert "lost" not in greenroom.events(session_id)
    story = run(greenroom, "session", session_id).stdout
    assert "The bot moved to the forum." in story and "The bot went back to " in story, story
    for window in (ann, ben):
        assert window.complaints == []
        window.page.context.close()
