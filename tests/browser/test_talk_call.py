"""The whole path: a person in a real browser, and the product behind the page."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.pages import EARS, WORDS, Caller
from tests.rigs.eventually import eventually
from tests.rigs.product import Product


@pytest.fixture
def caller(person: BrowserContext, greenroom: Product) -> Iterator[Caller]:
    caller = Caller(person.new_page(), greenroom)
    yield caller
    assert caller.complaints == []


def test_a_voice_is_answered_aloud_and_all_is_written_down(speaking_chromium: Browser, greenroom: Product):
    context = speaking_chromium.new_context(viewport={"width": 360, "height": 640})
    caller = Caller(context.new_page(), greenroom)
    caller.call("aloud", way="Start talking")

    caller.wait_until_heard()  # the greeting
    expect(caller.said("Robin").first).to_contain_text(WORDS, timeout=10_000)
    expect(caller.said("You").first).to_contain_text(re.compile("time|is it", re.I), timeout=30_000)
    caller.forget_what_was_heard()
    caller.wait_until_heard()
    caller.wait_until_answered()

    assert not caller.is_too_wide()
    assert [url for url in caller.asked if not url.startswith(greenroom.url)] == [], "all of it stayed here"
    assert caller.complaints == []
    caller.press("Hang up")
    caller.wait_until("ended")
    context.close()


def test_one_can_mute_and_choose_a_microphone(speaking_chromium: Browser, greenroom: Product):
    context = speaking_chromium.new_context()
    caller = Caller(context.new_page(), greenroom)
    caller.call("mute", way="Start talking")

    caller.press("Mute")
    expect(caller.button("Unmute")).to_be_visible()
    is_sent = "lines.at(-1).getSenders()[0].track.enabled"
    assert caller.page.evaluate(is_sent) is False
    microphones = caller.page.get_by_label("Microphone", exact=True)
    before = caller.page.evaluate("lines.at(-1).getSenders()[0].track.id")
    microphones.select_option(index=microphones.locator("option").count() - 1)
    eventually(lambda: caller.page.evaluate("lines.at(-1).getSenders()[0].track.id") != before)
    assert caller.page.evaluate(is_sent) is False, "who is muted stays so"
    caller.press("Unmute")
    assert caller.page.evaluate(is_sent) is True

    caller.press("Hang up")
    caller.wait_until("ended")
    context.close()


def test_who_writes_is_answered_aloud_and_in_writing(caller: Caller):
    caller.call("writing")
    caller.wait_until_heard()
    caller.write("My name is <b>Ada</b>.")

    expect(caller.said("You")).to_have_text("You My name is <b>Ada</b>.")
    caller.forget_what_was_heard()
    caller.wait_until_heard()
    caller.wait_until_answered()
    expect(caller.said("You")).to_have_count(1)
    caller.press("Hang up")
    caller.wait_until("ended")


def test_hanging_up_ends_the_session_as_left(caller: Caller):
    caller.call("hang-up")
    session_id = caller.session_id
    caller.press("Hang up")

    expect(caller.title).to_have_text("You hung up")
    expect(caller.more).to_contain_text("You talked for")
    assert caller.product.ended(session_id) == "left"


def test_a_reload_comes_back_to_the_same_bot_and_its_voice(caller: Caller):
    """A bot that was cut off in the middle of a word fell silent for good."""
    caller.call("reload")
    expect(caller.log.locator("span:not(.coming)").first).to_contain_text(WORDS, timeout=20_000)
    session_id = caller.session_id
    caller.page.reload()
    expect(caller.said("Robin").first).to_be_visible()
    caller.page.evaluate(EARS)
    with caller.page.expect_request("**/join?*") as join:
        caller.press("Write instead")
    caller.wait_until("live")

    assert join.value.headers["authorization"].startswith("Bearer resume.")
    assert caller.session_id == session_id
    caller.write("Are you still there?")
    caller.wait_until_answered()
    caller.wait_until_heard()
    caller.press("Hang up")
    caller.wait_until("ended")


def test_a_line_that_breaks_in_the_middle_of_a_word_is_mended(caller: Caller):
    caller.call("mended")
    caller.wait_until_heard()
    session_id = caller.session_id
    caller.page.evaluate("lines.at(-1).close()")

    caller.wait_for_line(2)
    assert caller.session_id == session_id
    caller.forget_what_was_heard()
    caller.write("Hello again.")
    caller.wait_until_answered()
    caller.wait_until_heard()
    caller.press("Hang up")
    caller.wait_until("ended")


def test_a_bot_that_is_sent_away_says_goodbye(caller: Caller):
    caller.call("goodbye")
    session_id = caller.session_id
    caller.product.post("/leave", {"session_id": session_id})

    caller.wait_until("ended")
    expect(caller.title).to_have_text("The bot said goodbye")
    assert caller.product.ended(session_id) == "left"


def test_a_second_person_finds_the_room_full(caller: Caller, chromium: Browser):
    caller.call("full")
    context = chromium.new_context()
    other = Caller(context.new_page(), caller.product)
    other.open(f"{caller.product.url}/talk?room=local:full")
    other.press("Write instead")

    expect(other.title).to_have_text("Somebody is in there", timeout=20_000)
    caller.write("We are alone, are we?")
    caller.wait_until_answered()
    context.close()
    caller.press("Hang up")
    caller.wait_until("ended")


def test_a_second_tab_takes_the_call_and_the_first_says_so(caller: Caller, person: BrowserContext):
    caller.call("tabs")
    session_id = caller.session_id
    second = Caller(person.new_page(), caller.product)
    second.call("tabs")

    expect(caller.title).to_have_text("You are talking in another tab")
    assert second.session_id == session_id
    caller.press("Bring it back here")
    caller.wait_until("live")
    expect(second.title).to_have_text("You are talking in another tab")
    caller.press("Hang up")
    caller.wait_until("ended")


def test_a_paused_bot_is_shown_as_such_hears_nothing_and_goes_on_when_it_is_told_to(
    speaking_chromium: Browser, greenroom: Product
):
    context = speaking_chromium.new_context()
    caller = Caller(context.new_page(), greenroom)
    caller.call("pause", way="Start talking")
    caller.wait_until_heard()
    sent = "lines.at(-1).getSenders()[0].track"

    assert greenroom.post(f"/sessions/{caller.session_id}/pause")["state"] == "paused"
    expect(caller.page.get_by_role("heading", name="The bot is paused")).to_be_visible(timeout=10_000)
    eventually(lambda: caller.page.evaluate(f"{sent} === null"))
    caller.write("Can you hear me?")
    expect(caller.said("You")).to_have_count(0)
    caller.page.wait_for_timeout(1_000)  # until what was on its way has been heard
    caller.forget_what_was_heard()
    caller.page.wait_for_timeout(6_000)  # longer than a line may be silent before it looks broken
    assert caller.page.evaluate("window.heard.loud") == 0
    expect(caller.page.locator("#line-text")).to_have_text("Paused")

    caller.press("Go on")
    expect(caller.page.get_by_role("heading", name="The bot is paused")).to_be_hidden(timeout=10_000)
    eventually(lambda: caller.page.evaluate(f"{sent} !== null"))
    caller.write("My name is Ada.")
    caller.wait_until_answered()
    caller.wait_until_heard()
    caller.press("Hang up")
    caller.wait_until("ended")
    context.close()
    assert caller.complaints == []
