"""What the bot shows is on the talk page: the note that it wrote, a card, the clock; and nothing of it acts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.pages import Caller
from tests.rigs.product import Product

SOON = 60_000  # ms


@pytest.fixture
def caller(person: BrowserContext, greenroom: Product) -> Iterator[Caller]:
    caller = Caller(person.new_page(), greenroom)
    yield caller
    assert caller.complaints == []


def test_a_note_that_is_dictated_stands_on_the_page_also_when_that_is_loaded_anew(caller: Caller):
    caller.call("desk-notes")
    note = caller.page.locator("#desk .active_note")
    expect(caller.page.locator("#desk")).to_be_hidden()

    caller.write("Take a note: buy <b>milk</b>.")
    expect(note).to_contain_text("buy", timeout=SOON)
    expect(note.locator("b")).to_have_count(0)
    expect(caller.said("Robin").last).to_contain_text("I have written it down", timeout=SOON)

    caller.page.reload()
    caller.call("desk-notes")
    expect(note).to_contain_text("buy", timeout=SOON)

    caller.press("Hang up")
    caller.wait_until("ended")


def test_a_card_stands_in_a_frame_of_its_own_and_the_clock_goes(caller: Caller):
    caller.call("desk-card")
    caller.write("Help")
    card = caller.page.frame_locator("#desk .active_card iframe")
    expect(card.get_by_text("Count down from five")).to_be_visible(timeout=SOON)
    assert caller.page.locator("#desk iframe").get_attribute("sandbox") == ""

    caller.write("Open the clock")
    clock = caller.page.locator("#desk .clock-face")
    expect(clock).to_have_text(re.compile(r"\d\d:\d\d"))
    assert not caller.is_too_wide()

    caller.press("Hang up")
    caller.wait_until("ended")


HOSTILE = """(html) => import("/talk/desk.js").then(({ Desk }) => {
    const desk = document.createElement("div");
    document.body.append(desk);
    window.acted = false;
    window.addEventListener("message", () => { window.acted = true; });
    new Desk(desk).show({
        active_note: { value: { title: html, text: html }, owner: "eve" },
        active_card: { value: { title: html, html }, owner: "eve" },
        active_page: { value: { url: "javascript:parent.postMessage(1, '*')" }, owner: "eve" },
        active_applet: { value: { id: html }, owner: "eve" },
    });
    return new Promise((done) => setTimeout(() => done({
        acted: window.acted,
        links: desk.querySelectorAll("a").length,
        sandbox: desk.querySelector("iframe").getAttribute("sandbox"),
        elements: [...new Set([...desk.querySelectorAll("*")].map((each) => each.localName))].sort(),
    }), 500));
})"""


def test_nothing_that_anybody_opens_acts_in_the_page(person: BrowserContext, greenroom: Product):
    """A bot's tools let no script into a card; the page does not rely on that."""
    page = person.new_page()
    page.goto(f"{greenroom.url}/talk")
    html = "<script>parent.postMessage(1, '*')</script><img src=x onerror=\"parent.postMessage(1, '*')\">"

    found = page.evaluate(HOSTILE, html)

    assert found == {
        "acted": False,
        "links": 0,
        "sandbox": "",
        "elements": ["article", "h3", "iframe", "p"],
    }
