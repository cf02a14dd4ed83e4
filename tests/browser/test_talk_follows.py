"""The talk page follows its bot into another room, by itself: the LiveKit server is real, the bots are played."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from greenroom.app.rooms.room import Room
from tests.browser.in_a_room import Bot, Venue, Window
from tests.browser.pages import FAKE_BOT, FakeServer, refuse
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import LiveKitServer

SOON = 20_000  # ms
ALONG = "The bot has gone to another room, and you with it."
HOME = "The bot has gone back to your room, and you with it."
FORUM = "The bot has gone to the forum, and you with it."


@pytest.fixture(scope="module")
def site(venue: Venue) -> Iterator[str]:
    with venue.site() as url:
        yield url


class Traveller(Window):
    """The page, with local bots that are played in it, and LiveKit's that are played outside."""

    def __init__(self, page: Page, venue: Venue) -> None:
        super().__init__(page)
        self.server = FakeServer(page)
        self._venue = venue
        page.add_init_script(path=FAKE_BOT)

    def way_to(self, room: Room) -> dict[str, Any]:
        """As the bot tells it: without the session's token, which the page has."""
        if room.provider == "local":
            way = {"offer_url": "/sessions/s1/api/offer", "ice_servers": []}
        else:
            admission = self._venue.livekit.admit(room, "ann")
            way = {"url": admission.url, "room_token": admission.room_token}
        return {"provider": room.provider, "room_url": str(room), "user_id": "ann", **way}


@pytest.fixture
def ann(page: Page, venue: Venue) -> Iterator[Traveller]:
    ann = Traveller(page, venue)
    ann.server.becomes("live")
    ann.open("/talk?room=local:stage")
    ann.start("Write instead")
    eventually(lambda: page.evaluate("bots.at(-1).heard.length") > 0)
    page.evaluate("window.wasLoaded = true")
    yield ann
    assert ann.complaints == []
    assert page.evaluate("window.wasLoaded"), "the page was loaded anew"


def local_bot(ann: Traveller, act: str) -> Any:
    return ann.page.evaluate(f"bots.at(-1).{act}")


def goes_to(ann: Traveller, room: Room) -> dict[str, Any]:
    return {"type": "greenroom", "event": "transition", "room_url": str(room), "connect": ann.way_to(room)}


def test_a_page_follows_its_bot_into_a_room_of_several_and_back(ann: Traveller, venue: Venue, room: Room):
    local_bot(ann, "say(1, 'Good evening.')")
    ann.write("I am Ada.")
    expect(ann.said("You")).to_have_text(["You I am Ada."])
    bot = Bot(venue, room, epoch=2).enter()
    ann.server.becomes("live", epoch=2)
    local_bot(ann, f"tell('server-message', {json.dumps(goes_to(ann, room))})")

    eventually(lambda: bot.met > 0)
    expect(ann.people).to_have_text(["You, muted", "Bot"], timeout=SOON)
    expect(ann.log.locator(".note")).to_have_text([ALONG])
    bot.say(1, "Here we are, Ada.")
    expect(ann.said("Bot")).to_have_text(["Bot Good evening.", "Bot Here we are, Ada."])
    ann.write("So I see.")
    eventually(lambda: bot.texts == ["So I see."])

    ann.server.becomes("live", epoch=3)
    bot.tell("server-message", goes_to(ann, Room.parse("local:stage")))
    eventually(lambda: ann.page.evaluate("bots.length") == 2)
    eventually(lambda: ann.page.evaluate("bots.at(-1).heard.length") > 0)
    bot.leave()
    local_bot(ann, "say(1, 'Home again.')")
    expect(ann.said("Bot").last).to_have_text("Bot Home again.", timeout=SOON)
    expect(ann.said("You")).to_have_text(["You I am Ada.", "You So I see."])
    expect(ann.people).to_have_count(0)
    expect(ann.log.locator(".note")).to_have_text([ALONG, HOME])
    ann.wait_until("live")


def test_a_page_follows_its_bot_from_one_local_room_into_another(ann: Traveller):
    there = Room.parse("local:cellar")
    local_bot(ann, "say(1, 'Good evening.')")
    expect(ann.said("Bot")).to_have_text(["Bot Good evening."])
    ann.server.becomes("live", epoch=2)
    local_bot(ann, f"tell('server-message', {json.dumps(goes_to(ann, there))})")

    eventually(lambda: ann.page.evaluate("bots.length") == 2)
    eventually(lambda: ann.page.evaluate("bots.at(-1).heard.length") > 0)
    local_bot(ann, "say(1, 'It is cool here.')")
    expect(ann.said("Bot")).to_have_text(["Bot Good evening.", "Bot It is cool here."], timeout=SOON)
    assert "problem" not in ann.page.evaluate("states")


def lets_back(ann: Traveller, room: Room) -> None:
    """Who comes with the session's resume token finds it in that room, once; the pass is for the stage."""
    joined = ann.server.join
    used: set[str] = set()

    def join(route: Route) -> None:
        token = route.request.headers["authorization"]
        if "resume." not in token:
            return joined(route)
        if token in used:
            return refuse(410, "resume-token-used")(route)
        used.add(token)
        connect = {**ann.way_to(room), "token": "another-token", "resume_token": "resume.after-that"}
        told = {"session_id": "s1", "status": "live", "reused": True, "room_url": str(room)}
        route.fulfill(json={**told, "connect": connect})

    ann.server.join = join


# What a page asks while it is being left, kept for the one that comes after it: Playwright does not see it any more.
LAST_WISHES = """() => {
    const fetched = window.fetch;
    window.fetch = (url, options) => {
        sessionStorage.lastWishes = `${sessionStorage.lastWishes ?? ""} ${url}`;
        return fetched(url, options);
    };
}"""


def comes_back(ann: Traveller) -> None:
    ann.server.requests.clear()
    ann.page.evaluate(LAST_WISHES)
    ann.page.reload()
    ann.page.evaluate("window.wasLoaded = true")
    assert "/join" not in ann.page.evaluate("sessionStorage.lastWishes ?? ''"), "its token is used up"
    expect(ann.title).to_have_text("Your bot is still there")


def test_a_page_that_is_loaded_anew_after_a_move_comes_back_to_its_bot_and_shows_what_was_said(
    ann: Traveller,
):
    """It went to the room in its address, from which the bot had gone, and showed nothing."""
    there = Room.parse("local:cellar")
    local_bot(ann, "say(1, 'Good evening.')")
    expect(ann.said("Bot")).to_have_text(["Bot Good evening."])
    ann.server.becomes("live", epoch=2)
    local_bot(ann, f"tell('server-message', {json.dumps(goes_to(ann, there))})")
    eventually(lambda: ann.page.evaluate("bots.length > 1 && bots.at(-1).heard.length > 0"))
    local_bot(ann, "say(1, 'It is cool here.')")
    expect(ann.said("Bot")).to_have_text(["Bot Good evening.", "Bot It is cool here."], timeout=SOON)

    lets_back(ann, there)
    comes_back(ann)
    expect(ann.said("Bot")).to_have_text(["Bot Good evening.", "Bot It is cool here."])
    ann.picture_taken("loaded-anew-after-a-move")
    ann.start("Write instead")
    (joined,) = ann.server.calls("/join")
    assert joined.headers["authorization"] == "Bearer resume.next"
    eventually(lambda: ann.page.evaluate("bots.at(-1).heard.length") > 0)
    local_bot(ann, "say(1, 'Still cool.')")
    expect(ann.said("Bot").last).to_have_text("Bot Still cool.")
    ann.picture_taken("back-after-a-move")


def test_a_page_that_is_loaded_anew_in_the_forum_comes_back_to_it_and_goes_home_from_there(
    ann: Traveller, venue: Venue, livekit: LiveKitServer
):
    forum = Room.parse(f"{livekit.url}/forum")
    bot = Bot(venue, forum, epoch=2).enter()
    ann.server.becomes("live", epoch=2)
    local_bot(ann, f"tell('server-message', {json.dumps(goes_to(ann, forum))})")
    expect(ann.people).to_have_text(["You, muted", "Bot"], timeout=SOON)
    bot.say(1, "Here we are.")
    expect(ann.said("Bot")).to_have_text(["Bot Here we are."])

    lets_back(ann, forum)
    comes_back(ann)
    ann.start("Write instead")
    expect(ann.people).to_have_text(["You, muted", "Bot"], timeout=SOON)
    (joined,) = ann.server.calls("/join")
    assert joined.headers["authorization"] == "Bearer resume.next"
    assert ann.page.url.endswith("?room=local:stage")  # where its pass is good, and home is
    expect(ann.said("Bot")).to_have_text(["Bot Here we are."])
    ann.picture_taken("back-in-the-forum")
    ann.press("Go back")
    eventually(lambda: ann.server.calls("/sessions/s1/move"))
    assert ann.server.calls("/sessions/s1/move")[-1].post_data_json["room_url"] == "local:stage"
    bot.leave()


def test_a_page_whose_token_has_expired_after_a_move_gets_another_for_its_session(ann: Traveller):
    """With its pass, which is for the room that it came from, it may not join the other one."""
    there = Room.parse("local:cellar")
    ann.server.becomes("live", epoch=2)
    local_bot(ann, f"tell('server-message', {json.dumps(goes_to(ann, there))})")
    eventually(lambda: ann.page.evaluate("bots.length > 1 && bots.at(-1).heard.length > 0"))
    lets_back(ann, there)
    ann.server.requests.clear()
    ann.page.evaluate("""() => {
        const fetched = window.fetch;
        window.fetch = async (url, options) => {
            const isOffer = String(url).endsWith("/api/offer");
            if (!isOffer || options.headers.Authorization !== "Bearer a-token") return fetched(url, options);
            return Response.json({ type: "urn:greenroom:problem:unauthorized" }, { status: 401 });
        };
    }""")
    local_bot(ann, "leave()")

    eventually(lambda: ann.page.evaluate("bots.length > 2 && bots.at(-1).heard.length > 0"))
    (joined,) = ann.server.calls("/join")
    assert joined.headers["authorization"] == "Bearer resume.next"
    ann.wait_until("live")


def test_a_page_that_slept_while_another_device_took_the_bot_away_goes_there_and_does_not_call_it_back(
    ann: Traveller, venue: Venue, room: Room
):
    """Its line broke; nobody had told it the way, and joining its own room again would have had the bot come back."""
    bot = Bot(venue, room, epoch=2).enter()
    ann.server.becomes("live", epoch=2, room_url=str(room))
    lets_back(ann, room)
    ann.server.requests.clear()
    ann.page.evaluate("""() => {
        const fetched = window.fetch;
        window.fetch = async (url, options) => {
            if (!String(url).endsWith("/api/offer")) return fetched(url, options);
            return Response.json({ type: "urn:greenroom:problem:not-a-local-room" }, { status: 409 });
        };
    }""")
    local_bot(ann, "leave()")

    expect(ann.people).to_have_text(["You, muted", "Bot"], timeout=SOON)
    (joined,) = ann.server.calls("/join")
    assert joined.headers["authorization"] == "Bearer resume.next"
    expect(ann.page.locator("#room-name")).to_have_text(room.name)
    ann.wait_until("live")
    bot.leave()


def test_news_of_a_way_that_leads_nowhere_is_shown(ann: Traveller, room: Room):
    way = {**goes_to(ann, room), "connect": {**ann.way_to(room), "room_token": "not-a-token"}}
    local_bot(ann, f"tell('server-message', {json.dumps(way)})")

    expect(ann.title).to_have_text("The bot has gone to another room", timeout=SOON)


def test_a_click_takes_the_bot_to_the_forum_and_another_one_back(
    ann: Traveller, venue: Venue, livekit: LiveKitServer
):
    forum = Room.parse(f"{livekit.url}/forum")
    ann.press("Go to the forum")

    eventually(lambda: ann.server.calls("/sessions/s1/move"))
    asked = ann.server.calls("/sessions/s1/move")[-1]
    assert asked.post_data_json == {"room_url": str(forum), "mode": "forum"}
    assert asked.headers["authorization"] == "Bearer a-token"
    bot = Bot(venue, forum, epoch=2).enter()
    ann.server.becomes("live", epoch=2)
    local_bot(ann, f"tell('server-message', {json.dumps(goes_to(ann, forum))})")
    expect(ann.people).to_have_text(["You, muted", "Bot"], timeout=SOON)
    expect(ann.log.locator(".note")).to_have_text([FORUM])
    ann.picture_taken("forum")

    ann.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    ann.press("Invite")
    link = ann.page.get_by_label("Copy this link")
    expect(link).to_be_visible()
    assert f"room={forum}#pass=" in link.input_value()
    assert ann.server.calls("/sessions/s1/invitation")

    ann.press("Go back")
    eventually(lambda: len(ann.server.calls("/sessions/s1/move")) == 2)
    asked = ann.server.calls("/sessions/s1/move")[-1]
    assert asked.post_data_json == {"room_url": "local:stage", "mode": "voice"}
    bot.leave()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("others-there", "The bot stays with the others here"),
        ("move-failed", "The bot cannot get there, and stays here"),
        ("room-has-a-bot", "There is a bot already"),
    ],
)
def test_a_bot_that_does_not_come_along_is_said_so_and_the_call_goes_on(ann: Traveller, kind: str, told: str):
    ann.server.move = refuse(409, kind)
    ann.press("Go to the forum")

    expect(ann.title).to_have_text(told)
    expect(ann.button("Go there without the bot")).to_have_count(int(kind == "room-has-a-bot"))
    ann.wait_until("live")
    expect(ann.button("Go to the forum")).to_be_enabled()
    local_bot(ann, "say(1, 'Here I am.')")
    expect(ann.said("Bot")).to_have_text(["Bot Here I am."])
