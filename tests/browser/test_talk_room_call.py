"""Several people in a LiveKit room, each with the talk page, and one bot: server, product and browser are real."""

import json
import os
import signal
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.in_a_room import EARS
from tests.browser.pages import WORDS, TalkPage
from tests.livekit_server import livekit_server
from tests.product import Product, eventually, product

SOON = 30_000  # ms
BACK_WITHIN = 5_000  # ms from the death of a bot's process until another one is in the room


@pytest.fixture(scope="module")
def greenroom() -> Iterator[Product]:
    with livekit_server() as server, product(**server.settings) as running:
        yield running


class Window(TalkPage):
    """A browser's window with the talk page."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.people = page.get_by_role("list", name="Who is here").get_by_role("listitem")
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def enter(self, link: str, way: str = "Write instead") -> "Window":
        self.page.goto(link)
        self.page.evaluate(EARS)
        self.press(way)
        self.wait_until("live")
        return self

    def write(self, text: str) -> None:
        self.words.fill(text)
        self.words.press("Enter")

    def wait_until_heard(self) -> None:
        self.page.evaluate("window.heard = 0")
        eventually(lambda: self.page.evaluate("heard") > 6, within=30)

    @property
    def session_id(self) -> str:
        return str(json.loads(self.page.evaluate("sessionStorage.getItem('greenroom.call')"))["id"])


def test_two_windows_of_one_browser_talk_with_one_bot_and_it_outlives_its_process(
    speaking_chromium: Browser, greenroom: Product
):
    context = speaking_chromium.new_context()
    ann = Window(context.new_page()).enter(f"{greenroom.url}/talk#key={greenroom.key}", "Start talking")
    ann.wait_until_heard()
    ben = Window(context.new_page()).enter(f"{ann.page.url}#key={greenroom.key}")

    assert ben.session_id == ann.session_id
    for window in (ann, ben):
        expect(window.people).to_have_count(3, timeout=SOON)
        expect(window.people.filter(has_text="Bot")).to_have_count(1)
    expect(ann.said("You").first).to_contain_text("hello", ignore_case=True, timeout=SOON)
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
