"""With whom one talks: what the page offers, what its address names, and what it says of what cannot be."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import FakeServer, TalkPage, answer, away

PASS = "pass.as-it-stands-in-a-link"
OFFERED = {
    "may_choose": True,
    "usual": "Robin",
    "bots": [{"id": "assistant", "name": "assistant"}],
    "personalities": [
        {"id": "critic", "name": "Beatrice", "about": "Witty, demanding and fair", "language": "en"},
        {"id": "host", "name": "Robin", "about": "Warm and attentive", "language": "en"},
    ],
    "assistants": [{"id": "reception", "name": "Pearl"}],
}


def joined_with(talk: TalkPage, server: FakeServer) -> dict[str, str]:
    """What the page chose when it asked for a bot."""
    talk.press("Write instead")
    talk.wait_until("ended")
    wish = server.calls("/join")[-1].post_data_json
    return {name: wish[name] for name in ("bot", "personality", "assistant", "mode") if name in wish}


def test_who_may_choose_picks_somebody_and_meets_them(talk: TalkPage, server: FakeServer):
    server.choices = answer(OFFERED)
    talk.open(signed=PASS)
    expect(talk.page.get_by_label("How", exact=True)).to_be_hidden()  # a local room has no pictures
    talk.page.get_by_label("With", exact=True).select_option(label="Beatrice: Witty, demanding and fair")

    assert joined_with(talk, server) == {"personality": "critic"}
    assert server.calls("/choices")[0].headers["authorization"] == f"Bearer {PASS}"
    expect(talk.page.get_by_label("With", exact=True)).to_have_value(
        "personality:critic"
    )  # for the next call as well


def test_an_assistant_is_picked_as_well_and_nobody_in_particular(talk: TalkPage, server: FakeServer):
    server.choices = answer(OFFERED)
    talk.open(signed=PASS)
    talk.page.get_by_label("With", exact=True).select_option(label="Pearl")
    assert joined_with(talk, server) == {"assistant": "reception"}

    talk.page.get_by_label("With", exact=True).select_option(value=":")
    talk.press("Write instead")
    expect(talk.page.locator("body")).to_have_attribute("data-state", "ended")
    assert "assistant" not in server.calls("/join")[-1].post_data_json


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("personality=critic", {"personality": "critic"}),
        ("assistant=reception&mode=forum", {"assistant": "reception", "mode": "forum"}),
        ("bot=assistant", {"bot": "assistant"}),
    ],
)
def test_a_link_chooses(talk: TalkPage, server: FakeServer, query: str, expected: dict[str, str]):
    server.choices = answer(OFFERED)
    talk.open(f"/talk?{query}", signed=PASS)

    assert joined_with(talk, server) == expected


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("personality=clown", "There is no personality \u201cclown\u201d here"),
        ("assistant=nobody", "There is no assistant \u201cnobody\u201d here"),
        ("bot=%3Cb%3E", "There is no bot \u201c<b>\u201d here"),
        ("mode=opera", "There is no way to talk \u201copera\u201d here"),
    ],
)
def test_what_there_is_not_is_told_and_not_asked_for(
    talk: TalkPage, server: FakeServer, query: str, told: str
):
    server.choices = answer(OFFERED)
    talk.open(f"/talk?{query}", signed=PASS)
    expect(talk.more).to_contain_text(told)

    assert joined_with(talk, server) == {}


def test_a_pass_that_leaves_no_choice_says_so_and_shows_none(talk: TalkPage, server: FakeServer):
    talk.open("/talk?personality=critic", signed=PASS)
    expect(talk.more).to_contain_text("leaves nothing to choose")
    expect(talk.page.get_by_label("With", exact=True)).to_be_hidden()

    assert joined_with(talk, server) == {}


def test_a_server_that_does_not_say_what_there_is_keeps_nobody_from_calling(
    talk: TalkPage, server: FakeServer
):
    server.choices = away
    talk.open(signed=PASS)
    expect(talk.page.get_by_label("With", exact=True)).to_be_hidden()

    assert joined_with(talk, server) == {}
