"""pipecat's own JavaScript client in a real browser: the page is the one that docs/clients.md shows."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import BEFORE_THE_VOICE
from tests.browser.pages import EARS, LINES
from tests.browser.test_talk_survives import another_worker
from tests.rigs.eventually import eventually
from tests.rigs.product import ROOT, Product, product

DOCS = ROOT / "docs" / "clients.md"
PACKAGES = ROOT / "tests" / "clients" / "node_modules"
SOON = 20_000  # ms


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the docs show, put together by the command that they show."""
    if not PACKAGES.is_dir():
        pytest.fail("pipecat's client is missing; run scripts/install-clients", pytrace=False)
    folder = tmp_path_factory.mktemp("page")
    text = DOCS.read_text()
    shown = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    for name, content in shown.items():
        (folder / name).write_text(content)
    command = re.search(r"^ +npx esbuild (.*)$", text, re.MULTILINE)
    assert command is not None
    subprocess.run(
        [PACKAGES / ".bin" / "esbuild", *command[1].split()],
        cwd=folder,
        env={**os.environ, "NODE_PATH": str(PACKAGES)},
        check=True,
        timeout=60,
    )
    return {"/": shown["index.html"], "/call.js": (folder / "call.js").read_text()}


class Caller:
    """A person with that page open, under the product's own origin."""

    def __init__(self, page: Page, product: Product, files: dict[str, str], room: str) -> None:
        self.page, self.product, self.room = page, product, f"local:{room}"
        self.complaints: list[str] = []
        self.session_id = ""
        self.answers: list[int] = []  # to offers: the client gives up for good at the first 4xx
        self.cut_at = 0.0
        page.on(
            "response", lambda reply: self.answers.append(reply.status) if "/api/offer" in reply.url else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.add_init_script(LINES)
        for path, content in files.items():
            kind = "text/javascript" if path.endswith(".js") else "text/html"
            page.route(f"{product.url}/a-page{path}", self._serve(content, kind))
        page.route(f"{product.url}/call", self._join)

    def _serve(self, content: str, kind: str):
        return lambda route: route.fulfill(body=content, content_type=f"{kind}; charset=utf-8")

    def _join(self, route: Route) -> None:
        """What the page's own server does."""
        joined = self.product.post("/join", {"room_url": self.room, "user_id": "ann"})
        self.session_id = joined["session_id"]
        route.fulfill(json=joined)

    def call(self) -> None:
        self.page.goto(f"{self.product.url}/a-page/")
        self.page.evaluate(EARS)
        self.page.get_by_role("button", name="Start").click()
        self.wait_for_line(1)
        self.wait_until_heard()

    def wait_for_line(self, n: int, within: float = 40) -> None:
        """The n-th connection of this page is up, and the bot at its other end is ready."""
        is_up = f"lines.length >= {n} && lines.at(-1).connectionState === 'connected'"
        eventually(lambda: self.page.evaluate(is_up), within)
        expect(self.page.get_by_role("status")).to_have_text("ready", timeout=SOON)

    def wait_until_heard(self) -> None:
        self.page.evaluate("heard.loud = 0")
        eventually(lambda: self.page.evaluate("heard.loud") > 6, within=30)

    def loses_its_bot(self) -> None:
        self.cut_at = time.monotonic()

    def is_back(self, within: float = 40) -> None:
        """On a second line; the gap is printed."""
        self.wait_for_line(2, within)
        self.gap = time.monotonic() - self.cut_at
        sys.stdout.write(f"\nback after {self.gap:.1f} s\n")

    def write(self, text: str) -> None:
        self.page.get_by_label("Write to the bot").fill(text)
        self.page.keyboard.press("Enter")

    def said(self, text: str | re.Pattern[str]):
        return self.page.get_by_role("listitem").filter(has_text=text)

    def introduce(self) -> None:
        self.write("My name is Ada.")
        expect(self.said("Nice to meet you, Ada.")).to_have_count(1, timeout=SOON)

    def goes_on(self) -> None:
        """The bot that is there now knows what was said to the one before, is heard, and hears."""
        heard = self.said(re.compile("You: .*(time|is it)", re.IGNORECASE)).count()
        self.write(
            "What is my name, and what are you?"
        )  # the answer is long enough to be heard on a busy machine
        expect(self.said("Your name is Ada.")).to_have_count(1, timeout=SOON)
        self.wait_until_heard()
        # The microphone's recording begins anew as the page begins to connect, and asks once: on a busy machine
        # it is over before the line is up
        if self.gap < BEFORE_THE_VOICE:
            eventually(
                lambda: self.said(re.compile("You: .*(time|is it)", re.IGNORECASE)).count() > heard, within=40
            )

    def hang_up(self) -> None:
        self.page.get_by_role("button", name="Hang up").click()
        assert self.product.ended(self.session_id) == "left"
        assert self.complaints == []
        assert self.answers and not [status for status in self.answers if 400 <= status < 500]


@pytest.fixture
def page(speaking_chromium: Browser) -> Iterator[Page]:
    context = speaking_chromium.new_context()
    yield context.new_page()
    context.close()


def test_the_client_of_the_docs_hears_and_is_heard(page: Page, greenroom: Product, files: dict[str, str]):
    caller = Caller(page, greenroom, files, "official")
    caller.call()

    expect(caller.said(re.compile("You: .*(time|is it)", re.IGNORECASE)).first).to_be_visible(timeout=40_000)
    caller.hang_up()


def test_the_call_of_the_docs_goes_on_when_its_bots_process_is_killed(
    page: Page, greenroom: Product, files: dict[str, str]
):
    caller = Caller(page, greenroom, files, "official-killed")
    caller.call()
    caller.introduce()
    caller.loses_its_bot()
    os.kill(int(greenroom.owner(caller.room).rsplit("/", 1)[1]), signal.SIGKILL)

    caller.is_back()
    caller.goes_on()
    caller.hang_up()


def test_the_call_of_the_docs_goes_on_when_its_worker_is_replaced(page: Page, files: dict[str, str]):
    with product(SLOTS="2") as greenroom:
        caller = Caller(page, greenroom, files, "official-moved")
        caller.call()
        caller.introduce()
        with another_worker(greenroom):
            caller.loses_its_bot()
            greenroom.process("bots").kill(signal.SIGTERM.value)

            caller.is_back()
            caller.goes_on()
            caller.hang_up()


def test_the_call_of_the_docs_waits_while_its_only_worker_is_restarted(page: Page, files: dict[str, str]):
    with product(SLOTS="2") as greenroom:
        caller = Caller(page, greenroom, files, "official-parked")
        caller.call()
        caller.introduce()
        caller.loses_its_bot()
        greenroom.process("bots").kill(signal.SIGTERM.value)
        greenroom.process("bots").start()

        caller.is_back(within=90)
        caller.goes_on()
        caller.hang_up()


def test_the_versions_in_the_docs_are_those_under_test():
    package = (ROOT / "tests" / "clients" / "package.json").read_text()
    named = re.findall(r"(@pipecat-ai/[\w-]+)@([\d.]+)", DOCS.read_text())

    assert len(named) == 2
    for name, version in named:
        assert f'"{name}": "{version}"' in package
