"""What the transcript makes of the messages that pipecat sends, as its observer words them."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.pages import TalkPage
from tests.rigs.eventually import eventually

HEAR = """async (messages) => {
    const [{ hear }, { Transcript }] = await Promise.all([import("/talk/rtvi.js"), import("/talk/transcript.js")]);
    document.getElementById("script").hidden = false;
    const [pages, log, interim, blank] = ["pages", "log", "interim", "blank"].map((id) => document.getElementById(id));
    window.transcript ??= new Transcript({ pages, log, interim, blank });
    const nothing = () => {};
    for (const [type, data] of messages) {
        hear({ label: "rtvi-ai", type, data }, {
            userSaid: (said) => transcript.userSaid(said),
            botSaid: (said) => transcript.botSaid(said),
            interrupted: () => transcript.interrupted(),
            thinking: (isThinking) => isThinking && transcript.newAnswer(),
            ready: nothing, speaking: nothing, working: nothing, error: nothing, left: nothing, notice: nothing,
        });
    }
    return transcript.turns;
}"""

AT_THE_END = "pages => pages.scrollHeight - pages.scrollTop - pages.clientHeight < 2"


@pytest.fixture
def hear(talk: TalkPage):
    """Gives messages to the transcript; returns its turns."""
    talk.open()

    def tell(*messages: tuple[str, dict[str, Any]]) -> list[tuple[str, str]]:
        turns = talk.page.evaluate(HEAR, [list(message) for message in messages])
        return [(turn["who"], turn["text"]) for turn in turns]

    return tell


def user(text: str, *, final: bool = True, **more: Any) -> tuple[str, dict[str, Any]]:
    return "user-input", {"text": text, "input_type": "transcription", "final": final, **more}


def bot(segment: int, said: str, coming: str = "") -> tuple[str, dict[str, Any]]:
    status = "completed" if not coming else "in-progress" if said else "new"
    return "bot-output", {
        "text": f"{said} {coming}".strip(),
        "segment_id": segment,
        "will_be_spoken": True,
        "spoken_status": status,
        "spoken_progress": {"accumulated_text": said, "remaining_text": coming},
    }


def test_what_is_told_under_several_names_stands_there_once(hear):
    turns = hear(
        user("Hello."),
        ("user-transcription", {"text": "Hello.", "user_id": "", "timestamp": "", "final": True}),
        ("user-llm-text", {"text": "Hello."}),
        ("bot-llm-text", {"text": "Good evening. "}),
        ("bot-transcription", {"text": "Good evening. "}),
        bot(1, "", "Good evening."),
        bot(1, "Good evening."),
        ("bot-tts-text", {"text": "Good evening."}),
    )

    assert turns == [("you", "Hello."), ("bot", "Good evening.")]


def test_answers_to_two_people_stand_apart(hear):
    """In a room of several they melted into one."""
    turns = hear(
        ("bot-llm-started", {}),
        bot(1, "Hello, Ann."),
        bot(2, "How are you?"),
        ("bot-llm-stopped", {}),
        ("bot-llm-started", {}),
        bot(3, "Hello, Ben."),
        bot(4, "And you?"),
    )

    assert turns == [("bot", "Hello, Ann. How are you?"), ("bot", "Hello, Ben. And you?")]


def test_pieces_of_one_turn_stand_together(hear):
    turns = hear(bot(1, "Good evening."), bot(2, "What is your name?"), user("Ada."), bot(3, "Welcome, Ada."))

    assert turns == [("bot", "Good evening. What is your name?"), ("you", "Ada."), ("bot", "Welcome, Ada.")]


def test_half_heard_words_make_way_for_what_was_heard(hear, talk: TalkPage):
    hear(user("hell", final=False))
    expect(talk.page.locator("#interim")).to_contain_text("hell")
    hear(user("Hello."))

    expect(talk.page.locator("#interim")).to_be_hidden()
    expect(talk.said("You")).to_have_text("You Hello.")


def test_words_still_to_come_are_pale_until_spoken(hear, talk: TalkPage):
    assert hear(bot(1, "Good", "evening.")) == [("bot", "Good")]
    expect(talk.log.locator(".coming")).to_have_text("evening.")

    assert hear(bot(1, "Good evening.")) == [("bot", "Good evening.")]
    expect(talk.log.locator(".coming")).to_have_text("")


def test_a_bot_cut_short_has_said_only_what_was_heard(hear, talk: TalkPage):
    turns = hear(
        bot(1, "Good", "evening."), ("bot-interrupted", {}), bot(1, "Good evening."), bot(2, "Pardon?")
    )

    assert turns == [("bot", "Good –"), ("bot", "Pardon?")]


def test_what_is_said_is_text_and_never_markup(hear, talk: TalkPage):
    hostile = "<img src=x onerror=alert(1)><b>bold</b>"
    turns = hear(user(hostile), bot(1, hostile))

    assert turns == [("you", hostile), ("bot", hostile)]
    assert talk.log.locator("img").count() == 0


def test_who_reads_further_up_is_left_there(hear, talk: TalkPage):
    hear(*(user(f"{i}") if i % 2 else bot(i, f"Line {i}") for i in range(60)))
    pages = talk.page.locator("#pages")
    assert pages.evaluate(AT_THE_END), "it follows what is said"

    pages.evaluate("pages => { pages.scrollTop = 0 }")
    hear(user("One more."))
    assert pages.evaluate("pages => pages.scrollTop") == 0


def test_it_follows_what_is_said_also_after_its_box_has_shrunk(hear, talk: TalkPage):
    """What appeared below it after a reload took its last lines away, and it never followed again."""
    hear(*(user(f"{i}") if i % 2 else bot(i, f"Line {i}") for i in range(60)))
    pages = talk.page.locator("#pages")
    talk.page.evaluate("pages.parentElement.style.height = `${pages.parentElement.offsetHeight - 150}px`")

    eventually(lambda: pages.evaluate(AT_THE_END))
    hear(bot(99, "One more."))
    assert pages.evaluate(AT_THE_END)


def test_who_reads_further_up_stays_there_when_the_box_shrinks_but_sees_what_they_write(hear, talk: TalkPage):
    hear(*(user(f"{i}") if i % 2 else bot(i, f"Line {i}") for i in range(60)))
    pages = talk.page.locator("#pages")
    pages.evaluate("pages => { pages.scrollTop = 0 }")
    talk.page.evaluate("pages.parentElement.style.height = `${pages.parentElement.offsetHeight - 150}px`")
    hear(bot(99, "One more."))
    assert pages.evaluate("pages => pages.scrollTop") == 0

    talk.page.evaluate("transcript.wrote('Mine.', 'm1')")
    assert pages.evaluate(AT_THE_END)
