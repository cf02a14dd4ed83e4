"""The talk page when its bot dies, moves, waits for a worker, or is waited for.

The bots are played in the page itself, at the other end of a real line; what HTTP answers is scripted.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import FAKE_BOT, FakeServer, TalkPage, answer, away, refuse
from tests.rigs.eventually import eventually

SOON = 15_000  # ms


class Call(TalkPage):
    """A call in writing, with a bot that the test plays."""

    def __init__(self, page: Page, server: FakeServer) -> None:
        super().__init__(page)
        self.server = server
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.add_init_script(path=FAKE_BOT)
        server.becomes("live")

    def begin(self) -> None:
        self.open("/talk?room=local:stage")
        self.press("Write instead")
        self.wait_until("live")
        eventually(lambda: self.page.evaluate("bots.at(-1).heard.length") > 0)

    def bot(self, act: str) -> Any:
        """What the bot that is there does."""
        return self.page.evaluate(f"bots.at(-1).{act}")

    def notice(self, event: str) -> None:
        self.bot(f"tell('server-message', {{ type: 'greenroom', event: '{event}' }})")

    def write(self, text: str) -> None:
        self.words.fill(text)
        self.words.press("Enter")

    @property
    def bots(self) -> int:
        """How many lines there have been."""
        return int(self.page.evaluate("bots.length"))

    def wait_for_another_bot(self, n: int = 2) -> None:
        eventually(lambda: self.bots == n and self.page.evaluate("document.body.dataset.state") == "live")

    @property
    def states(self) -> list[str]:
        """What the page has looked like since it was asked to call, each once."""
        return [state for state in dict.fromkeys(self.page.evaluate("states")) if state != "idle"]


@pytest.fixture
def call(page: Page, server: FakeServer) -> Iterator[Call]:
    call = Call(page, server)
    yield call
    assert call.complaints == []


# The bot's process dies


def test_a_bot_that_died_is_told_of_and_met_again_when_it_is_back(call: Call, server: FakeServer):
    call.begin()
    call.bot("say(1, 'Good evening.')")
    call.write("I am Ada.")
    server.becomes("lost")
    call.bot("hush()")

    expect(call.title).to_have_text("The bot broke down", timeout=SOON)
    expect(call.more).to_have_text("It is coming back, with everything you said.")
    expect(call.log.locator(".note")).to_have_text("The bot broke down.")
    server.becomes("pending", epoch=2)
    assert call.bots == 1, "there is nobody to call yet"
    server.becomes("live", epoch=2)
    call.wait_for_another_bot()
    expect(call.title).to_have_text("The bot is back")
    expect(call.log.locator(".note")).to_have_text(
        re.compile(r"broke down\. It was back after \d+ seconds?\.")
    )
    call.bot("say(1, 'Where were we, Ada?')")  # it counts its pieces anew
    expect(call.said("Bot")).to_have_text(["Bot Good evening.", "Bot Where were we, Ada?"])
    expect(call.said("You")).to_have_text(["You I am Ada."])
    expect(call.title).to_have_text("Write to me", timeout=SOON)
    expect(call.page.locator("#alert")).to_have_text("The bot is back")
    call.press("Hang up")
    call.wait_until("ended")
    expect(call.page.locator("#alert")).to_be_empty()  # the next call's listener is not told of this one


def test_a_bot_that_was_replaced_before_we_looked_is_met_again(call: Call, server: FakeServer):
    call.begin()
    server.becomes("live", epoch=2)
    call.bot("hush()")

    call.wait_for_another_bot()
    expect(call.title).to_have_text("The bot broke down, and is back")
    expect(call.log.locator(".note")).to_have_text(re.compile("It was back after"))
    assert call.states == ["calling", "live"], "nothing flashes"


def test_a_silence_alone_proves_nothing(call: Call, server: FakeServer):
    call.begin()
    asked = len(server.calls("/sessions/s1"))
    call.bot("hush()")
    expect(call.line).to_have_text("The line is weak", timeout=SOON)
    eventually(lambda: call.line.inner_text() and len(server.calls("/sessions/s1")) > asked + 5)
    call.bot("sound()")

    expect(call.line).to_have_text("Connected", timeout=SOON)
    assert call.bots == 1
    assert call.states == ["calling", "live"]
    expect(call.log.locator(".note")).to_have_count(0)


def test_a_silence_while_the_server_is_away_proves_nothing_either(call: Call, server: FakeServer):
    call.begin()
    server.session = away
    call.bot("hush()")
    expect(call.line).to_have_text("Greenroom is not answering; trying again", timeout=SOON)
    asked = len(server.calls("/sessions/s1"))
    eventually(lambda: call.line.inner_text() and len(server.calls("/sessions/s1")) > asked + 3)
    assert call.states == ["calling", "live"]

    server.becomes("live", epoch=2)
    call.wait_for_another_bot()


def test_a_server_that_answers_again_leaves_the_line_as_weak_as_it_is(call: Call, server: FakeServer):
    call.begin()
    server.session = away
    call.bot("hush()")
    expect(call.line).to_have_text("Greenroom is not answering; trying again", timeout=SOON)

    server.becomes("live")
    expect(call.line).to_have_text("The line is weak", timeout=SOON)
    call.bot("sound()")
    expect(call.line).to_have_text("Connected", timeout=SOON)
    assert call.bots == 1


def test_a_bot_that_was_superseded_unheard_of_is_left_for_the_new_one(call: Call, server: FakeServer):
    """Cut off from the rest, it cannot know; of the two bots it is the page that has to choose."""
    call.begin()
    server.becomes("pending", epoch=2)
    with call.page.expect_response("**/sessions/s1", timeout=30_000):
        pass
    call.write("Are you there?")
    eventually(lambda: call.bot("texts") == ["Are you there?"])
    assert call.bots == 1, "as long as it is heard it is better than none"

    server.becomes("live", epoch=2)
    eventually(lambda: call.line.inner_text() and call.bots == 2, within=30)


def test_half_a_sentence_is_shown_as_cut_and_not_repeated(call: Call, server: FakeServer):
    call.begin()
    call.bot("say(1, 'Once upon', 'a time.')")
    expect(call.log.locator(".coming")).to_have_text("a time.")
    server.becomes("lost")
    call.bot("hush()")

    expect(call.said("Bot")).to_have_text("Bot Once upon –", timeout=SOON)
    server.becomes("live", epoch=2)
    call.wait_for_another_bot()
    call.bot("say(1, 'Where were we?')")
    expect(call.said("Bot")).to_have_text(["Bot Once upon –", "Bot Where were we?"])


def test_what_the_bot_did_not_live_to_hear_is_said_again(call: Call, server: FakeServer):
    call.begin()
    call.write("I am Ada.")
    eventually(lambda: call.bot("texts") == ["I am Ada."])
    call.page.evaluate("bots.at(-1).isDeaf = true")
    call.write("What is my name?")
    server.becomes("live", epoch=2)
    call.bot("hush()")

    call.wait_for_another_bot()
    eventually(lambda: call.bot("texts") == ["What is my name?"])
    expect(call.said("You")).to_have_text(["You I am Ada.", "You What is my name?"])


def test_what_is_written_while_there_is_no_bot_is_told_to_the_next(call: Call, server: FakeServer):
    call.begin()
    server.becomes("lost")
    call.bot("hush()")
    call.wait_until("mending")
    call.write("Are you there?")
    server.becomes("live", epoch=2)

    call.wait_for_another_bot()
    eventually(lambda: call.bot("texts") == ["Are you there?"])
    expect(call.said("You")).to_have_text("You Are you there?")


def test_who_is_muted_stays_so_with_the_next_bot(call: Call, server: FakeServer):
    call.page.context.grant_permissions(["microphone"])
    call.open("/talk?room=local:stage")
    call.press("Start talking")
    call.wait_until("live")
    call.press("Mute")
    server.becomes("live", epoch=2)
    call.bot("hush()")

    call.wait_for_another_bot()
    expect(call.button("Unmute")).to_be_visible()
    tells = "heard.filter(({ type }) => type === 'signalling').map(({ message }) => message.enabled)"
    eventually(lambda: call.bot(tells) == [False])


def test_a_microphone_that_is_allowed_after_the_call_is_let_go(call: Call):
    call.page.add_init_script("""
        navigator.mediaDevices.getUserMedia = () => new Promise((allow) => {
          window.allow = () => {
            const { stream } = new AudioContext().createMediaStreamDestination();
            window.allowed = stream.getAudioTracks()[0];
            allow(stream);
          };
        });
    """)
    call.begin()
    call.press("Use microphone")
    call.press("Hang up")
    call.wait_until("ended")
    call.page.evaluate("allow()")

    eventually(lambda: call.page.evaluate("allowed.readyState") == "ended")


def test_a_paused_bot_that_does_not_answer_ends_no_call(call: Call):
    call.begin()
    call.notice("paused")
    expect(call.title).to_have_text("The bot is paused")
    call.page.route(re.compile("/resume$"), refuse(504, "bot-silent"))
    call.press("Go on")

    expect(call.title).to_have_text("The bot does not answer; try again")
    call.wait_until("live")


def test_a_bot_that_died_for_good_is_said_to_be_unwell_with_a_way_on(call: Call, server: FakeServer):
    call.begin()
    server.becomes("lost")
    call.bot("hush()")
    call.wait_until("mending")
    server.becomes("ended", reason="crashed_too_often")

    expect(call.title).to_have_text("The bot is not well")
    expect(call.more).to_contain_text("It broke down three times in ten minutes")
    server.becomes("live", epoch=9)
    call.press("Write instead")
    call.wait_until("live")
    expect(call.log.locator(".note")).to_have_count(0)


def test_an_offer_to_a_bot_that_dies_over_it_is_given_up_for_the_next(call: Call, server: FakeServer):
    call.begin()
    call.page.evaluate("answers = false")
    call.bot("pc.close()")
    eventually(lambda: call.line.inner_text() and call.bots == 2)
    call.page.evaluate("answers = true")
    server.becomes("lost")
    expect(call.title).to_have_text("The bot broke down", timeout=SOON)

    server.becomes("live", epoch=2)
    call.wait_for_another_bot(3)


# Another device of the same person has taken the call


def test_a_page_whose_call_another_device_has_taken_says_so_and_does_not_take_it_back(
    call: Call, server: FakeServer
):
    """Two pages of one person each pushed the other out, without end."""
    call.begin()
    call.notice("taken_over")

    expect(call.title).to_have_text("The call goes on in another window")
    assert (call.bots, len(server.calls("/leave"))) == (1, 0)


# The call is handed over, or parked


def test_a_bot_that_moves_is_followed_at_once_and_calmly(call: Call, server: FakeServer):
    call.begin()
    server.becomes("live", epoch=2)
    call.notice("handed_over")

    expect(call.title).to_have_text("The bot has moved to another machine")
    call.wait_for_another_bot()
    expect(call.log.locator(".note")).to_have_text("The bot has moved to another machine.")
    expect(call.line).to_have_text("Connected")
    assert call.states == ["calling", "live"], "nothing flashes"


def test_a_bot_that_moved_is_not_sought_where_it_was(call: Call, server: FakeServer):
    """The session may be a moment behind its bot."""
    call.begin()
    call.notice("handed_over")
    asked = len(server.calls("/sessions/s1"))
    eventually(lambda: call.line.inner_text() and len(server.calls("/sessions/s1")) > asked + 2)
    assert call.bots == 1

    server.becomes("live", epoch=2)
    call.wait_for_another_bot()


def test_a_parked_bot_is_heard_out_and_waited_for(call: Call, server: FakeServer):
    call.begin()
    server.becomes("pending", epoch=2)
    call.notice("parked")
    expect(call.title).to_have_text("The bot will be right back")
    call.bot("say(1, 'I will be right back.')")
    expect(call.said("Bot")).to_have_text("Bot I will be right back.")
    call.bot("leave()")

    call.wait_until("mending")
    expect(call.title).to_have_text("The bot will be right back")
    expect(call.more).to_contain_text("Its worker is being replaced")
    server.becomes("live", epoch=2)
    call.wait_for_another_bot()
    expect(call.title).to_have_text("The bot is back")
    expect(call.log.locator(".note")).to_have_text(re.compile(r"worker was replaced\. It was back after"))


# Hanging up


def test_an_ordinary_goodbye_never_looks_like_a_broken_line(call: Call, server: FakeServer):
    call.begin()
    server.becomes("leaving")
    call.bot("leave()")
    asked = len(server.calls("/sessions/s1"))
    eventually(lambda: call.line.inner_text() and len(server.calls("/sessions/s1")) > asked + 4)
    server.becomes("ended", reason="left")

    call.wait_until("ended")
    expect(call.title).to_have_text("The bot said goodbye")
    assert call.states == ["calling", "live", "ended"]


@pytest.mark.parametrize("event", ["lost", "parked", "handed_over"])
def test_one_can_hang_up_whatever_happens_to_the_bot(call: Call, server: FakeServer, event: str):
    call.begin()
    server.becomes("pending", epoch=2)
    if event == "lost":
        call.bot("hush()")
    else:
        call.notice(event)
        call.bot("hush()")
    call.wait_until("mending")
    server.leave = lambda _: None  # that takes a while
    with call.page.expect_request("**/leave") as leave:
        call.press("Hang up")

    call.wait_until("ended", within=2)
    expect(call.title).to_have_text("You hung up")
    assert leave.value.post_data_json == {"session_id": "s1"}


# The line for a bot


def queued(position: int | None) -> Any:
    connect = {"offer_url": "/sessions/s1/api/offer", "token": "a-token"}
    return answer({"session_id": "s1", "status": "queued", "position": position, "connect": connect}, 202)


def test_the_line_for_a_bot_moves_on_until_there_is_one(call: Call, server: FakeServer):
    live, server.join = server.join, queued(3)
    server.becomes("pending", position=3)
    call.open("/talk?room=local:stage")
    call.press("Write instead")
    expect(call.title).to_have_text("All bots are busy")
    expect(call.more).to_have_text("You are number 3 in the line.")

    server.becomes("pending", position=1)
    expect(call.more).to_have_text("You are number 1 in the line.", timeout=SOON)
    expect(call.line).to_have_text("Number 1 in the line")
    server.join = live
    server.becomes("live")
    call.wait_until("live")


def test_a_place_in_the_line_is_kept_by_asking_again(call: Call, server: FakeServer):
    server.join = queued(2)
    server.becomes("pending", position=2)
    call.open("/talk?room=local:stage")
    call.press("Write instead")

    eventually(lambda: call.more.inner_text() and len(server.calls("/join")) > 1, within=30)
    assert {request.post_data_json["room_url"] for request in server.calls("/join")} == {"local:stage"}


def test_a_tab_that_nobody_looks_at_keeps_its_place(call: Call, server: FakeServer):
    """Its own clock may ring but once a minute."""
    server.join = queued(2)
    server.becomes("pending", position=2)
    call.open("/talk?room=local:stage")
    call.page.evaluate("window.setTimeout = () => 0")
    call.press("Write instead")
    expect(call.more).to_have_text("You are number 2 in the line.")

    server.becomes("pending", position=1)
    expect(call.more).to_have_text("You are number 1 in the line.", timeout=SOON)


def test_who_leaves_the_line_gives_the_place_up(call: Call, server: FakeServer):
    server.join = queued(2)
    server.becomes("pending", position=2)
    call.open("/talk?room=local:stage")
    call.press("Write instead")
    with call.page.expect_request("**/leave") as leave:
        call.press("Leave the line")

    expect(call.title).to_have_text("You left the line")
    assert leave.value.post_data_json == {"session_id": "s1"}


def test_who_closes_the_page_gives_the_place_up(call: Call, server: FakeServer):
    server.join = queued(2)
    server.becomes("pending", position=2)
    call.open("/talk?room=local:stage")
    call.press("Write instead")
    expect(call.title).to_have_text("All bots are busy")
    call.page.evaluate("""() => {
        const { fetch } = window;
        window.fetch = (url, options) => {
            localStorage.setItem("sent", `${url} ${options.body} ${options.keepalive}`);
            return fetch(url, options);
        };
    }""")
    call.page.reload()

    sent = call.page.evaluate("localStorage.getItem('sent')")
    assert sent == '/leave {"session_id":"s1"} true', "it must survive the page"
    expect(call.button("Start talking")).to_be_visible()


def test_a_full_line_says_when_to_come_back(call: Call, server: FakeServer):
    server.join = refuse(503, "queue-full", retry_after=90)
    call.open()
    call.press("Write instead")

    expect(call.title).to_have_text("The line is full")
    expect(call.more).to_contain_text("try again in about 1 minute and 30 seconds")
    expect(call.button("Try again")).to_be_visible()


# What stands on the page while a bot comes back


def test_the_heading_does_not_say_that_it_died_while_it_speaks(call: Call, server: FakeServer):
    call.begin()
    server.becomes("live", epoch=2)
    call.bot("hush()")
    call.wait_for_another_bot()
    expect(call.title).to_have_text("The bot broke down, and is back")
    call.bot("tell('bot-started-speaking', {})")

    expect(call.title).to_have_text(
        "The bot is speaking", timeout=1_500
    )  # it would stand there for four seconds


def test_how_long_it_was_away_counts_until_it_was_heard(call: Call, server: FakeServer):
    """It counted the process: a second, where the person had heard nothing for four."""
    call.begin()
    server.becomes("live", epoch=2)
    call.bot("hush()")
    call.wait_for_another_bot()
    expect(call.log.locator(".note")).to_contain_text("It was back after")
    call.page.wait_for_timeout(3_000)
    call.bot("tell('bot-started-speaking', {})")

    expect(call.log.locator(".note")).to_have_text(re.compile(r"back after ([3-9]|\d\d) seconds\."))


def test_after_a_reload_the_last_words_are_seen(call: Call, server: FakeServer):
    call.begin()
    for number in range(40):
        call.bot(f"say({number}, 'This is line {number} of many.')")
        call.bot("tell('bot-llm-started', {})")
    expect(call.said("Bot")).to_have_count(40)
    call.page.reload()

    expect(call.title).to_have_text("Your bot is still there")
    below = "(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)"
    assert call.page.evaluate(f"{below}(document.getElementById('pages'))") < 5
    assert call.page.evaluate("document.getElementById('pages').scrollTop") > 100


def test_a_tool_that_runs_is_shown_until_it_has_returned(call: Call, server: FakeServer):
    call.begin()
    for tool in ("one", "two"):
        call.bot(f"tell('llm-function-call-in-progress', {{ tool_call_id: '{tool}' }})")
    expect(call.title).to_have_text("The bot is using a tool")
    call.bot("tell('llm-function-call-stopped', { tool_call_id: 'one' })")
    expect(call.title).to_have_text("The bot is using a tool")
    call.bot("tell('llm-function-call-stopped', { tool_call_id: 'two', cancelled: false })")

    expect(call.title).to_have_text("Write to me")


def test_a_thought_and_a_tool_that_runs_are_told_apart(call: Call, server: FakeServer):
    call.begin()
    shown = "getComputedStyle(document.getElementById('title'), '::after').animationName"
    assert call.page.evaluate(shown) == "none"
    call.bot("tell('bot-llm-started', {})")
    expect(call.title).to_have_text("The bot is thinking")
    assert call.page.evaluate(shown) == "ripple"
    call.bot("tell('llm-function-call-in-progress', { tool_call_id: 'one' })")
    expect(call.title).to_have_text("The bot is using a tool")
    assert call.page.evaluate(shown) == "turn"


# An admin mutes it


def test_a_muted_bot_is_shown_as_such_until_it_may_speak_again(call: Call, server: FakeServer):
    call.begin()
    call.bot("tell('bot-llm-started', {})")
    call.notice("muted")
    expect(call.title).to_have_text("The bot is muted")
    expect(call.more).to_contain_text("It hears you")
    expect(call.page.locator("#line-text")).to_have_text("Bot muted")
    expect(call.page.get_by_role("alert").filter(has_text="The bot is muted")).to_have_count(1)
    call.write("Do you hear me?")  # it does, as it would a word
    eventually(lambda: call.bot("texts") == ["Do you hear me?"])
    call.bot("tell('user-started-speaking', {})")
    expect(call.title).to_have_text("I hear you")
    call.bot("tell('user-stopped-speaking', {})")
    expect(call.title).to_have_text("The bot is muted")

    call.notice("unmuted")
    expect(call.title).to_have_text("Write to me")
    expect(call.page.locator("#line-text")).to_have_text("Connected")


def test_a_bot_that_is_muted_and_paused_stays_muted_when_it_goes_on(call: Call, server: FakeServer):
    call.begin()
    call.notice("muted")
    call.notice("paused")
    expect(call.title).to_have_text("The bot is paused")
    call.notice("resumed")

    expect(call.title).to_have_text("The bot is muted")


def test_the_bot_after_a_muted_one_is_shown_as_it_says(call: Call, server: FakeServer):
    """It says to each who comes that it is muted; one that says nothing of it is not."""
    call.begin()
    call.notice("muted")
    expect(call.title).to_have_text("The bot is muted")
    server.becomes("live", epoch=2)
    call.bot("leave()")
    call.wait_for_another_bot()

    expect(call.title).to_have_text("Write to me", timeout=SOON)
    expect(call.more).to_be_hidden()


# A bot of somebody else's


def test_nobody_is_asked_to_write_to_a_bot_that_may_not_read(call: Call, server: FakeServer):
    server.join = answer({**server.joined, "bot": "theirs"})
    call.begin()

    expect(call.title).to_have_text("The bot is here")
