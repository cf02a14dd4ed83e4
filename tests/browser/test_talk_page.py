"""The talk page in every state that needs no bot: what stands in the way gets a sentence and a way on."""

import json
import re
from collections import Counter

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from greenroom.app.rooms.sessions import Reason
from tests.browser.pages import KEY, FakeServer, TalkPage, answer, away, refuse
from tests.rigs.eventually import eventually

JARGON = re.compile(
    r"session|webrtc|websocket|peer|\bice\b|sdp|http|status|error|[45]\d\d\b|null|undefined", re.I
)

FAILING = "navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('no', '{}'); }}"
UNSAFE = "Object.defineProperty(navigator, 'mediaDevices', { value: undefined })"


PASS = "pass.as-it-stands-in-a-link"


def test_without_a_key_it_says_where_to_find_one(talk: TalkPage):
    talk.open(key=None)

    expect(talk.more).to_contain_text("Open the link that “make up” printed")
    expect(talk.page.get_by_label("Link or key")).to_be_focused()


@pytest.mark.parametrize(
    "pasted",
    [
        KEY,
        f"http://127.0.0.1:7077/talk#key={KEY}",
        f" talk#key={KEY}\n",
        PASS,
        f"http://127.0.0.1:7077/talk?room=local:stage#pass={PASS}",
    ],
)
def test_a_pasted_link_or_key_opens_the_door(talk: TalkPage, pasted: str):
    talk.open(key=None)
    talk.page.get_by_label("Link or key").fill(pasted)
    talk.press("Open")

    expect(talk.button("Start talking")).to_be_visible()


def test_what_is_no_key_is_said_to_be_none(talk: TalkPage):
    talk.open(key=None)
    talk.page.get_by_label("Link or key").fill("open sesame")
    talk.press("Open")

    expect(talk.page.locator("#key-wrong")).to_contain_text("no way in")
    expect(talk.page.get_by_label("Link or key")).to_have_attribute("aria-invalid", "true")


def test_the_key_is_exchanged_for_a_pass_to_the_room_and_kept_nowhere(talk: TalkPage, server: FakeServer):
    talk.open("/talk?room=local:stage")
    assert KEY not in talk.page.url
    talk.press("Write instead")
    talk.wait_until("ended")

    assert talk.page.url.endswith("/talk?room=local:stage")
    (asked,) = server.calls("/passes")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.post_data_json == {"room_url": "local:stage", "may_choose": True}
    (joined,) = server.calls("/join")
    assert joined.headers["authorization"] == "Bearer pass.number-1"
    assert joined.post_data_json == {"room_url": "local:stage", "user_id": server.guests[0]}
    assert server.calls("/sessions/s1/api/offer")[0].headers["authorization"] == "Bearer a-token"
    assert KEY not in talk.kept()


def test_a_links_pass_is_exchanged_for_one_to_a_room_of_this_browsers_own(talk: TalkPage, server: FakeServer):
    talk.open(signed=PASS)
    assert PASS not in talk.page.url
    talk.press("Write instead")
    talk.wait_until("ended")

    (asked,) = server.calls("/passes")
    assert asked.headers["authorization"] == f"Bearer {PASS}"
    assert asked.post_data_json == {}
    assert server.calls("/join")[0].post_data_json["room_url"] == server.fresh


@pytest.mark.parametrize("kind", ["unauthorized", "pass-expired"])
def test_a_link_that_does_not_fit_is_forgotten(talk: TalkPage, server: FakeServer, kind: str):
    server.passes = refuse(401, kind)
    talk.open(signed=PASS)
    talk.press("Write instead")

    expect(talk.title).to_have_text("That link does not fit")
    assert PASS not in talk.kept()
    talk.page.reload()
    expect(talk.title).to_have_text("The door is locked")


def test_a_kept_pass_that_is_void_by_now_is_replaced_by_what_the_link_gives(
    talk: TalkPage, server: FakeServer
):
    """As after VAR_DIR was emptied: the browser remembers what nobody has signed."""
    admits = server.join
    for signed in ("pass.before", PASS):
        talk.open(signed=signed)
        talk.press("Write instead")
        talk.wait_until("ended")
        server.join = lambda route: (
            refuse(401, "unauthorized") if "number-1" in route.request.headers["authorization"] else admits
        )(route)

    assert [call.headers["authorization"] for call in server.calls("/passes")] == [
        "Bearer pass.before",
        f"Bearer {PASS}",
    ]
    assert server.calls("/join")[-1].headers["authorization"] == "Bearer pass.number-2"


def test_a_link_to_another_room_says_so_and_offers_ones_own(talk: TalkPage, server: FakeServer):
    let_in, server.passes = server.passes, refuse(403, "forbidden")
    talk.open("/talk?room=local:office", signed=PASS)
    talk.press("Write instead")
    expect(talk.title).to_have_text("That link is for another room")
    server.passes = let_in
    talk.press("Use a room of my own")
    talk.wait_until("ended")

    assert server.calls("/join")[-1].post_data_json["room_url"] == server.fresh


def test_a_calls_token_that_has_expired_is_renewed_by_the_pass(talk: TalkPage, server: FakeServer):
    live, old = server.session, refuse(401, "unauthorized")
    server.session = lambda route: (
        live if route.request.headers["authorization"] == "Bearer a-fresh-token" else old
    )(route)
    talk.page.add_init_script(
        'sessionStorage.setItem("greenroom.call", JSON.stringify({id: "s1", token: "old", from: "local:stage"}));'
        'sessionStorage.setItem("greenroom.admission", JSON.stringify('
        '{room: "local:stage", user: "talk-1", pass: "pass.mine", until: 4e12}))'
    )
    talk.open("/talk?room=local:stage", key=None)

    expect(talk.button("Go back to your call")).to_be_visible()
    (renewed,) = server.calls("/sessions/s1/token")
    assert renewed.headers["authorization"] == "Bearer pass.mine"


def test_the_room_and_the_person_stay_the_same_in_one_browser(talk: TalkPage, server: FakeServer):
    for signed in (PASS, "pass.another-day"):
        talk.open(signed=signed)
        talk.press("Write instead")
        talk.wait_until("ended")
        talk.page.reload()

    first, second = (request.post_data_json for request in server.calls("/join"))
    assert first == second == {"room_url": server.fresh, "user_id": server.guests[0]}


@pytest.mark.parametrize(
    ("what", "script"),
    [
        ("The microphone is blocked", FAILING.format("NotAllowedError")),
        ("There is no microphone", FAILING.format("NotFoundError")),
        ("The microphone is taken", FAILING.format("NotReadableError")),
        ("No microphone at this address", UNSAFE),
    ],
)
def test_without_a_microphone_one_can_still_write(talk: TalkPage, server: FakeServer, what: str, script: str):
    talk.page.add_init_script(script)
    talk.open()
    talk.press("Start talking")

    expect(talk.title).to_have_text(what)
    assert not server.calls("/join"), "nobody came in, so no bot was called"
    talk.press("Write instead")
    talk.wait_until("ended")
    sdp = server.calls("/sessions/s1/api/offer")[0].post_data_json["sdp"]
    assert re.findall(r"^m=(\w+)", sdp, re.M) == ["audio", "application"], (
        "the bot reads voices by their place"
    )
    assert "a=sendrecv" in sdp


def test_a_person_who_says_no_to_the_browser_is_not_left_waiting(talk: TalkPage):
    talk.open()
    talk.press("Start talking")

    expect(talk.title).to_have_text("The microphone is blocked")
    expect(talk.title).to_be_focused()
    expect(talk.button("Try again")).to_be_visible()


def test_a_full_room_offers_one_of_ones_own(talk: TalkPage, server: FakeServer):
    server.offer = refuse(409, "room-full")
    talk.open("/talk?room=local:stage")
    talk.press("Write instead")
    expect(talk.title).to_have_text("Somebody is in there")

    server.offer = refuse(410, "session-ended", reason="left")
    talk.press("Use a room of my own")
    talk.wait_until("ended")

    assert talk.page.url.endswith("/talk")
    assert server.calls("/join")[-1].post_data_json["room_url"] == server.fresh


def test_a_server_that_is_away_is_tried_until_it_is_back(talk: TalkPage, server: FakeServer):
    server.join = away
    talk.open()
    talk.press("Write instead")

    talk.wait_until("away")
    expect(talk.title).to_have_text("Greenroom is not answering")
    expect(talk.more).to_contain_text("Next try in")
    expect(talk.line).to_have_text("Not connected")
    server.join = refuse(503, "launch-failed", reason="error")
    talk.press("Try now")
    expect(talk.title).to_have_text("The bot could not come")


def test_redis_away_counts_as_the_server_being_away(talk: TalkPage, server: FakeServer):
    server.join = refuse(503, "redis-away")
    talk.open()
    talk.press("Write instead")

    talk.wait_until("away")
    talk.press("Stop")
    expect(talk.title).to_have_text("You changed your mind")


def test_a_bot_on_its_way_is_waited_for(talk: TalkPage, server: FakeServer):
    connect = {"offer_url": "/sessions/s1/api/offer", "token": "a-token"}
    server.join = answer({"session_id": "s1", "status": "pending", "connect": connect})
    server.becomes("joining")
    talk.open()
    talk.press("Write instead")
    expect(talk.more).to_have_text("It is on its way.")

    server.becomes("live")
    talk.wait_until("ended")


def test_a_bot_that_does_not_answer_is_tried_again_and_then_said_to_be_silent(
    talk: TalkPage, server: FakeServer
):
    server.offer = refuse(504, "bot-silent")
    talk.open()
    talk.press("Write instead")

    expect(talk.title).to_have_text("The bot does not answer", timeout=20_000)
    assert len(server.calls("/sessions/s1/api/offer")) == 4
    expect(talk.button("Try again")).to_be_visible()


def test_changing_ones_mind_sends_the_bot_away(talk: TalkPage, server: FakeServer):
    server.offer = lambda _: None  # the bot thinks about it
    talk.open()
    with talk.page.expect_request("**/sessions/s1/api/offer"):
        talk.press("Write instead")
    with talk.page.expect_request("**/leave") as leave:
        talk.press("Stop")

    expect(talk.title).to_have_text("You changed your mind")
    assert leave.value.post_data_json == {"session_id": "s1"}


@pytest.mark.parametrize("reason", Reason)
def test_every_way_to_end_has_a_sentence_and_a_way_back(talk: TalkPage, server: FakeServer, reason: Reason):
    server.offer = refuse(410, "session-ended", reason=reason)
    talk.open()
    talk.press("Write instead")
    talk.wait_until("ended")

    said = f"{talk.title.inner_text()}. {talk.more.inner_text()}"
    assert "The call ended" not in said, "that is for reasons the page does not know"
    assert not JARGON.search(said)
    expect(talk.title).to_be_focused()
    expect(talk.button("Talk again")).to_be_visible()


def test_after_a_reload_the_way_back_is_offered(talk: TalkPage, server: FakeServer):
    talk.page.add_init_script(
        'sessionStorage.setItem("greenroom.call", JSON.stringify('
        '{id: "s1", token: "a-token", from: "local:stage", turns: [{who: "you", text: "I am Ada."}]}))'
    )
    talk.open("/talk?room=local:stage")

    expect(talk.button("Go back to your call")).to_be_visible()
    expect(talk.said("You")).to_contain_text("I am Ada.")


ADMITTED = {"room": "local:stage", "user": "talk-me", "pass": "pass.mine", "until": 4_000_000_000_000}
BEFORE = {
    "id": "s1",
    "token": "a-token",
    "resumeToken": "resume.mine",
    "room": "local:stage",
    "from": "local:stage",
    "user": "talk-me",
    "turns": [{"who": "you", "text": "I am Ada."}],
}


def came_with(server: FakeServer) -> list[str]:
    """The credentials of the joins."""
    return [call.headers["authorization"].removeprefix("Bearer ") for call in server.calls("/join")]


def go_back(talk: TalkPage, **ticket: str) -> None:
    kept = {"greenroom.call": {**BEFORE, **ticket}, "greenroom.admission": ADMITTED}
    for name, value in kept.items():
        talk.page.add_init_script(
            f"sessionStorage.setItem({json.dumps(name)}, {json.dumps(json.dumps(value))})"
        )
    talk.open("/talk?room=local:stage", key=None)
    talk.press("Write instead")


def wait_for_joins(talk: TalkPage, server: FakeServer, number: int) -> None:
    """The page is asked each time: what it sends is seen only while somebody asks it for something."""
    eventually(lambda: talk.page.evaluate("true") and len(server.calls("/join")) >= number)


def test_a_page_that_was_loaded_again_goes_back_with_its_resume_token_and_its_transcript(
    talk: TalkPage, server: FakeServer
):
    go_back(talk)

    wait_for_joins(talk, server, 1)
    assert came_with(server)[0] == "resume.mine"
    expect(talk.said("You")).to_contain_text("I am Ada.")


def test_for_a_resume_token_that_a_page_used_that_is_gone_the_pass_gets_another_one(
    talk: TalkPage, server: FakeServer
):
    join = server.join

    def once(route: Route) -> None:
        is_used = route.request.headers["authorization"].endswith("resume.mine")
        (refuse(410, "resume-token-used") if is_used else join)(route)

    server.join = once
    server.token = answer({"token": "t", "resume_token": "resume.another", "user_id": "u1"})
    go_back(talk)

    wait_for_joins(talk, server, 2)
    assert came_with(server)[:2] == ["resume.mine", "resume.another"]
    assert server.calls("/sessions/s1/token")[0].headers["authorization"] == "Bearer pass.mine"


def test_a_resume_token_that_was_used_before_is_no_end_of_the_way(talk: TalkPage, server: FakeServer):
    join = server.join

    def once(route: Route) -> None:
        is_used = "resume." in route.request.headers["authorization"]
        (refuse(410, "resume-token-used") if is_used else join)(route)

    server.join = once
    server.token = refuse(403, "forbidden")
    go_back(talk)

    wait_for_joins(talk, server, 2)
    assert came_with(server)[:2] == ["resume.mine", "pass.mine"]


def test_a_copied_tab_does_not_go_back_as_the_person_of_the_other(talk: TalkPage, server: FakeServer):
    go_back(talk, user="talk-another")

    wait_for_joins(talk, server, 1)
    assert came_with(server)[0] == "pass.mine"


def test_a_call_that_ended_meanwhile_is_not_offered(talk: TalkPage, server: FakeServer):
    server.session = answer({"session_id": "s1", "state": "ended", "reason": "idle"})
    talk.page.add_init_script(
        'sessionStorage.setItem("greenroom.call", JSON.stringify({id: "s1", token: "t", from: "local:stage"}))'
    )
    with talk.page.expect_response("**/sessions/s1"):
        talk.open("/talk?room=local:stage")

    expect(talk.button("Start talking")).to_be_visible()


# Everybody can use it


def test_the_keyboard_alone_is_enough(talk: TalkPage, server: FakeServer):
    talk.open()
    expect(talk.button("Start talking")).to_be_visible()
    talk.page.keyboard.press("Tab")
    expect(talk.button("Start talking")).to_be_focused()
    talk.page.keyboard.press("Tab")
    expect(talk.button("Write instead")).to_be_focused()
    talk.page.keyboard.press("Enter")
    talk.wait_until("ended")
    expect(talk.title).to_be_focused()
    talk.page.keyboard.press("Tab")

    expect(talk.button("Talk again")).to_be_focused()
    ring = talk.button("Talk again").evaluate("button => getComputedStyle(button).outlineStyle")
    assert ring == "solid", "one sees where one is"


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_is_wider_than_the_window(talk: TalkPage, server: FakeServer, width: int):
    talk.page.set_viewport_size({"width": width, "height": 640})
    talk.open(key=None)
    assert not talk.is_too_wide()
    talk.open()
    assert not talk.is_too_wide()
    server.join = away
    talk.press("Write instead")
    talk.wait_until("away")
    assert not talk.is_too_wide()
    for button in talk.page.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 44, "a thumb can press it"


# A call in which all is shown that may be, with a long hint and a picture of the bot
LIVE = """() => {
    document.body.dataset.state = "live";
    document.body.classList.add("has-picture");
    for (const id of ["ways", "key-form"]) document.getElementById(id).hidden = true;
    for (const id of ["controls", "script", "pick", "camera", "walk"]) document.getElementById(id).hidden = false;
    document.getElementById("more").textContent = "Try: " + Array(5).fill("“my name is Ada”").join(" · ");
    document.getElementById("picture").style.aspectRatio = "4 / 3";
    document.body.classList.add("has-faces");
    document.getElementById("faces").innerHTML = "<figure></figure>".repeat(2);
}"""


@pytest.mark.parametrize("width", [320, 360, 400, 480, 600, 768, 880, 1000, 1100, 1200, 1280])
def test_the_bot_s_picture_leaves_the_words_free_and_no_button_stands_in_a_row_alone(
    talk: TalkPage, width: int
):
    """On a phone pictures lay over the hint, and the red button alone in a second row, as at 1200 pixels."""
    talk.page.set_viewport_size({"width": width, "height": 640})
    talk.open(key=None)
    talk.page.evaluate(LIVE)
    box = {
        name: talk.page.locator(f"#{name}").bounding_box() for name in ("more", "picture", "faces", "stage")
    }
    rows = Counter(
        round(button.bounding_box()["y"]) for button in talk.page.locator("#controls button").all()
    )

    for picture in ("picture", "faces"):
        assert box["more"]["y"] + box["more"]["height"] <= box[picture]["y"] + 1
    assert box["picture"]["height"] > 60
    assert box["picture"]["y"] + box["picture"]["height"] < box["stage"]["y"] + box["stage"]["height"]
    assert min(rows.values()) > 1
    assert not talk.is_too_wide()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(talk: TalkPage, server: FakeServer, scheme: str):
    """WCAG AA: 4.5 to 1.  The stage's ground is a picture; its brightest green is what counts."""
    talk.page.emulate_media(color_scheme=scheme)
    for url in ("/talk", f"/talk#key={KEY}"):
        talk.page.goto(url)
        everything = talk.page.evaluate(SHOW_EVERYTHING)

        assert len(everything) > 8
        assert [text for text, ratio in everything if ratio < 4.5] == []


def test_a_screen_reader_finds_its_way(talk: TalkPage):
    talk.open()
    talk.page.evaluate("for (const hidden of document.querySelectorAll('[hidden]')) hidden.hidden = false")

    for landmark in ("banner", "main"):
        expect(talk.page.get_by_role(landmark)).to_have_count(1)
    expect(talk.page.get_by_role("heading", level=1)).to_have_count(1)
    expect(talk.log).to_have_attribute("aria-live", "polite")
    expect(talk.line).to_have_count(1)
    nameless = talk.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select")]
            .filter((part) => !(part.labels?.length || part.ariaLabel || part.textContent.trim()))
            .map((part) => part.outerHTML)"""
    )
    assert nameless == []
    assert talk.page.evaluate("document.documentElement.lang") == "en"


def test_who_wants_no_motion_gets_none(talk: TalkPage):
    talk.page.emulate_media(reduced_motion="reduce")
    talk.open()
    expect(talk.button("Start talking")).to_be_visible()
    assert talk.page.evaluate("document.getAnimations().length") == 0

    talk.page.emulate_media(reduced_motion="no-preference")
    assert talk.page.evaluate("document.getAnimations().length") > 0, "there is some, and it was held back"


# Nobody else is asked


def test_no_request_leaves_the_machine(context: BrowserContext, site: str):
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/talk#key={KEY}")
    page.get_by_role("button", name="Write instead").click()
    page.locator("body[data-state=problem], body[data-state=away]").wait_for()

    assert len(asked) > 10
    assert [url for url in asked if not url.startswith(site)] == []


def test_the_page_may_run_nothing_but_its_own_files(page: Page, server: FakeServer, talk: TalkPage):
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    response = page.goto(f"/talk#key={KEY}")
    talk.press("Write instead")
    talk.wait_until("ended")

    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy and "*" not in policy
    assert [text for text in complaints if "410" not in text] == [], "it needs nothing that it may not"


def test_the_front_door_leads_to_the_talk_page(page: Page):
    page.goto("/")

    assert page.url.endswith("/talk")


SHOW_EVERYTHING = """() => {
    for (const hidden of document.querySelectorAll("[hidden]")) hidden.hidden = false;
    document.querySelector("#interim span").textContent = "Interim";
    document.querySelector("#more").textContent ||= "More";
    document.querySelector("#key-wrong").textContent = "Wrong";
    const log = document.querySelector("#log");
    for (const who of ["turn you", "turn bot", "note"]) {
        const turn = log.appendChild(document.createElement("p"));
        turn.className = who;
        turn.append(Object.assign(document.createElement("b"), { textContent: who }), "Words");
    }
    const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b]
        .map((c) => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            if (at.classList.contains("primary")) return [239, 213, 131];
            if (at.classList.contains("stage")) return [28, 85, 64];
            const color = numbers(getComputedStyle(at).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color;
        }
    };
    const texts = [...document.querySelectorAll("body *")].filter((element) =>
        element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
    return texts.map((element) => {
        const [a, b] = [light(numbers(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
        return [element.textContent.trim().slice(0, 40), (a + .05) / (b + .05)];
    });
}"""
