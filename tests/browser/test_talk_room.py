"""The talk page in rooms of LiveKit: the server is real, the bots and some of the people are played."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from greenroom.app.rooms.room import Room
from tests.browser.in_a_room import Bot, Guest, Person, Venue
from tests.browser.pages import KEY, FakeServer, TalkPage, answer, away, refuse
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import LiveKitServer

SOON = 20_000  # ms


@pytest.fixture(scope="module")
def site(venue: Venue) -> Iterator[str]:
    with venue.site() as url:
        yield url


@pytest.fixture
def cast(venue: Venue, room: Room) -> Iterator[Callable[..., Bot]]:
    """Bots for this room; those that are still there at the end leave."""
    came: list[Bot] = []

    def enter(**facts: object) -> Bot:
        came.append(Bot(venue, room, **facts).enter())
        return came[-1]

    yield enter
    for bot in came:
        bot.leave()


@pytest.fixture
def bot(cast: Callable[..., Bot]) -> Bot:
    return cast()


@pytest.fixture
def guest(page: Page, venue: Venue, room: Room) -> Iterator[Guest]:
    guest = Guest(page, venue, room)
    yield guest
    assert guest.complaints == []


@pytest.fixture
def ben(venue: Venue, room: Room) -> Iterator[Person]:
    ben = Person(venue, room).come_as("ben")
    yield ben
    ben.leave()


def test_the_bot_is_met_heard_and_written_to(guest: Guest, bot: Bot):
    guest.enter()

    eventually(lambda: bot.met > 0)
    expect(guest.people).to_have_text(["You, muted", "Bot"])
    bot.say(1, "Good evening.")
    expect(guest.said("Bot")).to_contain_text("Good evening.")
    bot.is_speaking = True
    guest.wait_until_heard()
    guest.write("I am Ada.")
    eventually(lambda: bot.texts == ["I am Ada."])
    expect(guest.said("You")).to_have_count(1)


def test_without_a_name_the_server_chooses_a_room_and_the_address_keeps_it(
    guest: Guest, bot: Bot, room: Room
):
    guest.open()
    guest.press("Write instead")
    guest.wait_until("live")

    assert guest.server.calls("/passes")[0].post_data_json == {"may_choose": True}
    assert guest.page.url.endswith(f"/talk?room={room}")
    expect(guest.page.get_by_role("heading", name=f"Room {room.name}")).to_be_visible()
    guest.page.reload()
    expect(guest.button("Go back to your call")).to_be_visible()
    guest.press("Write instead")
    guest.wait_until("live")
    first, *later = (request.post_data_json for request in guest.server.calls("/join"))
    for again in later:  # one at least; another where LiveKit was not ready for who had just left
        assert again == first == {"room_url": str(room), "user_id": guest.user_id}, (
            "the same person comes back to the same room"
        )
    assert later


def test_two_windows_of_one_browser_are_two_people(guest: Guest, bot: Bot, venue: Venue, room: Room):
    guest.enter()
    other = Guest(guest.page.context.new_page(), venue, room).enter()

    assert other.user_id != guest.user_id
    expect(guest.people).to_have_count(3)
    expect(other.people).to_have_count(3)
    expect(guest.people.nth(2)).to_have_text(f"Guest {other.user_id[-4:]}, muted")
    eventually(lambda: bot.met >= 2)
    assert guest.page.locator("body[data-state=live]").count() == 1, "nobody was pushed out"


def test_who_comes_speaks_and_goes_is_shown(guest: Guest, bot: Bot, venue: Venue, room: Room):
    guest.enter()
    ben = Person(venue, room).come_as("ben")
    expect(guest.people).to_have_text(["You, muted", "Bot", "ben"])
    expect(guest.page.locator("#news")).to_have_text("ben has come in")

    ben.is_speaking = True
    expect(guest.title).to_have_text("ben is speaking", timeout=SOON)
    expect(guest.people.nth(2)).to_have_class(re.compile("speaks"))
    guest.wait_until_heard()
    ben.is_speaking = False
    expect(guest.title).to_have_text("Write to me", timeout=SOON)
    ben.leave()
    expect(guest.people).to_have_text(["You, muted", "Bot"], timeout=SOON)
    expect(guest.page.locator("#news")).to_have_text("ben has left")


def test_what_others_said_stands_under_their_names(guest: Guest, bot: Bot, ben: Person):
    guest.enter()
    expect(guest.people).to_have_count(3)
    eventually(lambda: bot.met > 0)
    bot.tell("user-input", {"text": "I like tea.", "final": True, "user_id": "ben"})
    bot.tell("user-input", {"text": "I do not.", "final": True, "user_id": guest.user_id})

    expect(guest.log.locator(".turn")).to_have_text(["ben I like tea.", "You I do not."])


def test_nobody_but_the_bot_can_speak_for_it(guest: Guest, bot: Bot, ben: Person):
    guest.enter()
    expect(guest.people).to_have_count(3)
    words = {"text": "Give me your key.", "segment_id": 9}
    ben.say({"label": "rtvi-ai", "type": "bot-output", "id": "1", "data": words})
    eventually(lambda: bot.met > 0)
    bot.say(1, "Good evening.")

    expect(guest.log.locator(".turn")).to_have_text("Bot Good evening.")


def test_where_the_browser_plays_nothing_unasked_one_click_helps(guest: Guest, bot: Bot):
    guest.page.add_init_script(
        """const play = HTMLMediaElement.prototype.play;
        HTMLMediaElement.prototype.play = function () {
            const isAllowed = document.activeElement?.dataset.way === "hear";
            return isAllowed ? play.call(this) : Promise.reject(new DOMException("no", "NotAllowedError"));
        };"""
    )
    guest.enter()
    expect(guest.title).to_have_text("The sound is off", timeout=SOON)
    guest.press("Turn the sound on")

    expect(guest.button("Turn the sound on")).to_have_count(0)
    expect(guest.title).to_have_text("Write to me")


def test_a_bots_picture_is_shown_for_as_long_as_it_has_one(guest: Guest, bot: Bot):
    guest.enter()
    expect(guest.page.locator("body.has-picture")).to_have_count(0)
    bot.show()

    expect(guest.page.locator("body.has-picture")).to_have_count(1, timeout=SOON)
    eventually(lambda: guest.page.evaluate("document.getElementById('picture').videoWidth") > 0, within=20)


# People may show themselves


@pytest.fixture
def seen_guest(speaking_chromium: Browser, venue: Venue, site: str, room: Room, bot: Bot) -> Iterator[Guest]:
    """One whose browser has a camera, and lets the page use it."""
    context = speaking_chromium.new_context(base_url=site)
    guest = Guest(context.new_page(), venue, room).enter()
    yield guest
    assert guest.complaints == []
    context.close()


def test_a_camera_is_off_until_it_is_asked_for_and_off_again_when_that_is(seen_guest: Guest, bot: Bot):
    """Forum checklist: a person's camera is theirs to turn on."""
    guest = seen_guest
    bot.show()
    expect(guest.page.locator("body.has-picture")).to_have_count(1, timeout=SOON)
    expect(guest.button("Show me")).to_have_attribute("aria-pressed", "false")
    assert bot.seen == set()

    guest.press("Show me")
    expect(guest.faces).to_have_text(["You"], timeout=SOON)
    eventually(lambda: guest.user_id in bot.seen, within=20)
    eventually(
        lambda: guest.page.evaluate("document.querySelector('#faces video').videoWidth") > 0, within=20
    )
    expect(guest.button("Hide me")).to_have_attribute("aria-pressed", "true")
    guest.picture_taken("a-face-beside-the-bots-picture")
    guest.press("Hide me")
    expect(guest.faces).to_have_count(0)
    eventually(lambda: bot.seen == set(), within=20)


def test_who_else_shows_themselves_is_seen_beside_the_bots_picture(guest: Guest, bot: Bot, ben: Person):
    guest.enter()
    bot.show()
    ben.show()

    expect(guest.faces).to_have_text(["ben"], timeout=SOON)
    eventually(
        lambda: guest.page.evaluate("document.querySelector('#faces video').videoWidth") > 0, within=20
    )
    boxes = [guest.page.locator(it).bounding_box() for it in ("#picture", "#faces figure")]
    picture, face = ({**box, "right": box["x"] + box["width"]} for box in boxes if box)
    assert picture["right"] <= face["x"] or face["y"] + face["height"] <= picture["y"], (picture, face)


def test_where_the_browser_has_no_camera_for_us_it_is_said_so(guest: Guest, bot: Bot):
    guest.page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    )
    guest.enter()
    guest.press("Show me")

    expect(guest.title).to_have_text("Your browser does not let me see you")
    expect(guest.button("Show me")).to_have_attribute("aria-pressed", "false")


def test_in_a_voice_room_there_is_no_camera(page: Page, venue: Venue, livekit: LiveKitServer):
    room = Room.parse(f"{livekit.url}/voice-cora")
    bot = Bot(venue, room).enter()
    guest = Guest(page, venue, room)
    guest.server.person = "cora"
    guest.enter()

    expect(guest.button("Hang up")).to_be_visible()
    expect(guest.page.locator("#camera")).to_be_hidden()
    assert guest.complaints == []
    bot.leave()


def test_what_people_are_to_know_stands_in_the_transcript(guest: Guest, bot: Bot):
    guest.enter()
    bot.notice("notice", text="Voice is back at noon.")

    expect(guest.page.locator(".note")).to_have_text("Voice is back at noon.")


def test_one_is_heard_unless_muted(speaking_chromium: Browser, venue: Venue, site: str, room: Room, bot: Bot):
    context = speaking_chromium.new_context(base_url=site)
    guest = Guest(context.new_page(), venue, room).enter("Start talking")
    eventually(lambda: guest.user_id in bot.voices)
    expect(guest.people).to_have_text(["You", "Bot"])

    guest.press("Mute")
    expect(guest.button("Unmute")).to_be_visible()
    expect(guest.people).to_have_text(["You, muted", "Bot"])
    eventually(lambda: bot.muted == {guest.user_id})
    guest.press("Unmute")
    eventually(lambda: bot.muted == set())
    assert guest.complaints == []
    context.close()


# The bot goes and comes


def test_a_bot_that_died_is_told_of_and_the_next_one_met(guest: Guest, bot: Bot, cast: Callable[..., Bot]):
    guest.enter()
    eventually(lambda: bot.met > 0)
    bot.is_deaf = True
    guest.write("I am Ada.")
    eventually(lambda: bot.texts == ["I am Ada."])
    guest.server.becomes("lost")
    bot.leave()
    expect(guest.title).to_have_text("The bot broke down", timeout=SOON)
    expect(guest.more).to_have_text("It is coming back, with everything you said.")
    guest.write("Are you there?")
    guest.server.becomes("live", epoch=2)
    after = cast(epoch=2)

    guest.wait_until("live")
    eventually(lambda: after.met > 0)
    eventually(lambda: after.texts == ["I am Ada.", "Are you there?"])
    expect(guest.log.locator(".note")).to_contain_text("The bot broke down. It was back after")
    assert len(guest.server.calls("/join")) == 1, "the room was never left"


def test_a_bot_that_comes_in_the_place_of_a_paused_one_is_written_to(
    guest: Guest, bot: Bot, cast: Callable[..., Bot]
):
    guest.enter()
    eventually(lambda: bot.met > 0)
    bot.notice("paused")
    expect(guest.title).to_have_text("The bot is paused")
    guest.server.becomes("lost")
    bot.leave()  # and somebody resumes it before the next one comes
    guest.server.becomes("live", epoch=2)
    after = cast(epoch=2)
    eventually(lambda: after.met > 0)

    expect(guest.title).not_to_have_text("The bot is paused")
    guest.write("Are you there?")
    eventually(lambda: after.texts == ["Are you there?"])


def test_a_muted_bot_is_shown_as_such_among_those_who_are_there_and_so_is_the_one_after_it(
    guest: Guest, bot: Bot, ben: Person, cast: Callable[..., Bot]
):
    guest.enter()
    eventually(lambda: bot.met > 0)
    shown = guest.people.filter(has_text="Bot")
    expect(shown).not_to_contain_text("muted")  # it has a voice, and says nothing just now
    bot.notice("muted")
    expect(guest.title).to_have_text("The bot is muted")
    expect(shown).to_contain_text("muted")
    guest.picture_taken("muted-bot")
    guest.server.becomes("live", epoch=2)
    bot.notice("handed_over")
    after = cast(epoch=2)
    eventually(lambda: after.met > 0)
    after.notice("muted")
    bot.leave()
    expect(guest.title).to_have_text("The bot is muted", timeout=SOON)
    expect(shown).to_contain_text("muted")

    after.notice("unmuted")
    expect(guest.title).to_have_text("Write to me", timeout=SOON)
    expect(shown).not_to_contain_text("muted")


def test_what_a_bot_says_to_whoever_comes_is_not_missed(
    speaking_chromium: Browser, venue: Venue, site: str, room: Room, bot: Bot
):
    bot.greet_with("paused")
    context = speaking_chromium.new_context(base_url=site)
    guest = Guest(context.new_page(), venue, room).enter("Start talking")

    expect(guest.title).to_have_text("The bot is paused")
    assert guest.complaints == []
    context.close()


def test_a_bot_that_takes_over_is_met_at_once(guest: Guest, bot: Bot, cast: Callable[..., Bot]):
    guest.enter()
    eventually(lambda: bot.met > 0)
    bot.notice("handed_over")
    after = cast(epoch=2)

    eventually(lambda: after.met > 0)
    expect(guest.log.locator(".note")).to_have_text("The bot has moved to another machine.")
    expect(guest.people).to_have_text(["You, muted", "Bot"])
    guest.wait_until("live")


def test_a_bot_that_came_in_the_place_of_a_dead_one_counts_its_words_anew(
    guest: Guest, bot: Bot, cast: Callable[..., Bot]
):
    guest.enter()
    eventually(lambda: bot.met > 0)
    bot.say(1, "Good", "evening.")
    expect(guest.said("Bot")).to_have_text("Bot Good evening.")
    after = cast(epoch=2)
    eventually(lambda: after.met > 0)
    after.say(1, "Where were we?")

    expect(guest.log.locator("[data-who]")).to_have_text(
        ["Bot Good –", re.compile("The bot broke down. It was back after"), "Bot Where were we?"]
    )


def test_a_parked_bot_is_waited_for(guest: Guest, bot: Bot, cast: Callable[..., Bot]):
    guest.enter()
    eventually(lambda: bot.met > 0)
    bot.notice("parked")
    expect(guest.title).to_have_text("The bot will be right back")  # it may still be saying so itself
    guest.server.becomes("pending")
    bot.leave()

    guest.wait_until("mending")
    expect(guest.title).to_have_text("The bot will be right back")
    guest.server.becomes("live", epoch=2)
    cast(epoch=2)
    guest.wait_until("live")


def test_a_bot_that_has_ended_ends_the_call(guest: Guest, bot: Bot):
    guest.enter()
    expect(guest.people).to_have_count(2)
    guest.server.becomes("ended", reason="max_duration")
    bot.leave()

    expect(guest.title).to_have_text("Time was up", timeout=SOON)
    expect(guest.button("Talk again")).to_be_visible()


def test_who_is_in_a_room_needs_no_server_of_ours(guest: Guest, bot: Bot, cast: Callable[..., Bot]):
    guest.enter()
    eventually(lambda: bot.met > 0)
    guest.server.session = guest.server.join = away
    bot.leave()
    expect(guest.title).to_have_text("The bot is away", timeout=SOON)
    after = cast(epoch=2)

    guest.wait_until("live")
    eventually(lambda: after.met > 0)


# The room


def test_a_server_that_restarts_is_come_back_to(guest: Guest, bot: Bot, livekit: LiveKitServer, venue: Venue):
    guest.enter()
    eventually(lambda: bot.met > 0)
    bot.leave()
    livekit.kill()
    expect(guest.more).to_have_text("The line broke; we are mending it.", timeout=SOON)
    livekit.start()
    after = Bot(venue, guest.room, epoch=2).enter()

    guest.wait_until("live", within=60)
    eventually(lambda: after.met > 0, within=60)
    guest.write("Still here?")
    eventually(lambda: after.texts == ["Still here?"])
    after.leave()


def test_who_was_sent_out_does_not_come_back_by_himself(guest: Guest, bot: Bot, venue: Venue):
    guest.enter()
    expect(guest.people).to_have_count(2)
    venue.send_out(guest.room, guest.user_id)

    expect(guest.title).to_have_text("You were sent out", timeout=SOON)
    expect(guest.page.locator("#ways button")).to_have_count(0)
    assert len(guest.server.calls("/join")) == 1


def test_a_window_of_the_same_name_takes_the_call(guest: Guest, bot: Bot, venue: Venue):
    guest.enter()
    expect(guest.people).to_have_count(2)
    twin = Person(venue, guest.room).come_as(guest.user_id)

    expect(guest.title).to_have_text("The call goes on in another window", timeout=SOON)
    assert len(guest.server.calls("/join")) == 1
    twin.leave()


def test_hanging_up_takes_the_bot_away_only_from_an_empty_room(guest: Guest, bot: Bot, ben: Person):
    guest.enter()
    expect(guest.people).to_have_count(3)
    guest.press("Hang up")
    expect(guest.more).to_contain_text("The bot stays with the others.")
    eventually(lambda: guest.user_id not in bot.others)
    assert not guest.server.calls("/leave")
    assert bot.session_id == "s1"


def test_who_hangs_up_alone_takes_the_bot_along(guest: Guest, bot: Bot):
    guest.enter()
    expect(guest.people).to_have_count(2)
    guest.press("Hang up")

    expect(guest.more).to_contain_text("The bot has left the room.")
    assert guest.server.calls("/leave")[0].post_data_json == {"session_id": "s1"}


def test_a_room_that_lets_nobody_in_is_given_up_after_a_while(guest: Guest, bot: Bot):
    guest.page.clock.install()
    guest.server.join = guest.server.with_(room_token="of another room")
    guest.open(f"/talk?room={guest.room}")
    guest.press("Write instead")
    for _ in range(120):
        guest.page.clock.run_for(1_000)
        if guest.page.locator("body[data-state=problem]").count():
            break

    expect(guest.title).to_have_text("No line to the bot")
    assert 2 < len(guest.server.calls("/join")) < 12


def test_a_room_at_a_server_that_is_not_ours_is_said_to_be_so(guest: Guest):
    guest.server.join = refuse(400, "not-our-room")
    guest.open("/talk?room=wss://elsewhere.example.com/standup")
    guest.press("Write instead")

    expect(guest.title).to_have_text("There are no rooms there")
    expect(guest.button("Use a room of my own")).to_be_visible()


# Others are invited


def test_an_invitation_is_a_pass_to_this_room_that_ones_own_pass_has_asked_for(
    guest: Guest, bot: Bot, context: BrowserContext, site: str
):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    guest.enter()
    guest.press("Invite")

    expect(guest.page.locator("#invited")).to_contain_text("It opens nothing else")
    expect(guest.page.locator("#invited")).to_contain_text("opens on this computer only")
    mine, invited = guest.server.calls("/passes")
    assert mine.headers["authorization"] == f"Bearer {KEY}"
    assert invited.headers["authorization"] == "Bearer pass.number-1"
    assert invited.post_data_json == {"invitation": True}
    link = guest.page.evaluate("navigator.clipboard.readText()")
    assert link == f"{site}/talk?room={guest.room}#pass=pass.number-2"


def test_an_invitation_that_cannot_be_copied_is_shown(guest: Guest, bot: Bot):
    guest.page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    guest.enter()
    guest.press("Invite")

    link = guest.page.get_by_label("Copy this link")
    expect(link).to_be_focused()
    assert link.input_value().endswith(f"/talk?room={guest.room}#pass=pass.number-2")


def test_an_invitation_that_cannot_be_made_is_said_so_and_the_call_goes_on(guest: Guest, bot: Bot):
    guest.enter()
    guest.server.passes = away
    guest.press("Invite")

    expect(guest.title).to_have_text("The invitation could not be made; try again")
    expect(guest.page.locator("body[data-state=live]")).to_be_visible()


# What is asked for, and where one is sent


def test_livekits_client_is_asked_for_by_its_own_rooms_only(guest: Guest, bot: Bot):
    guest.server.offer = refuse(410, "session-ended", reason="idle")
    local = {"provider": "local", "offer_url": "/sessions/s1/api/offer", "token": "a-token"}
    let_in, guest.server.join = (
        guest.server.join,
        answer({"session_id": "s1", "status": "live", "connect": local}),
    )
    guest.open("/talk?room=local:stage")
    guest.press("Write instead")
    guest.wait_until("ended")
    assert not guest.server.calls("/vendor/livekit-client.umd.js")

    guest.server.join = let_in
    guest.enter()
    assert len(guest.server.calls("/vendor/livekit-client.umd.js")) == 1


def test_nothing_but_our_server_and_livekits_is_asked(guest: Guest, bot: Bot, site: str):
    asked: list[str] = []
    guest.page.on("request", lambda request: asked.append(request.url))
    guest.page.on("websocket", lambda socket: asked.append(socket.url))
    complaints: list[str] = []
    guest.page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    guest.enter()

    assert any(url.startswith(guest.room.server) for url in asked)
    assert [url for url in asked if not url.startswith((site, guest.room.server))] == []
    assert complaints == []


def test_a_room_at_daily_is_opened_on_dailys_own_page(page: Page, site: str):
    page.route("https://acme.daily.co/**", lambda route: route.fulfill(body="Daily's page"))
    guest = TalkPage(page)
    server = FakeServer(page)
    connect = {
        "provider": "daily",
        "url": "https://acme.daily.co/standup",
        "room_token": "a.b+c",
        "token": "t",
    }
    room = {"room_url": "https://acme.daily.co/standup"}
    server.join = answer({"session_id": "s1", "status": "live", **room, "connect": {**connect, **room}})
    guest.open("/talk?room=https://acme.daily.co/standup")
    guest.press("Start talking")

    expect(guest.title).to_have_text("The bot is in the room")
    assert not server.calls("/vendor/livekit-client.umd.js")
    guest.press("Open the room")
    page.wait_for_url("https://acme.daily.co/standup?t=a.b%2Bc")


# Everybody can use it


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_is_wider_than_the_window(guest: Guest, bot: Bot, ben: Person, width: int):
    guest.page.set_viewport_size({"width": width, "height": 640})
    guest.enter()
    expect(guest.people).to_have_count(3)
    guest.press("Invite")

    assert not guest.is_too_wide()
    for button in guest.page.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 44, "a thumb can press it"


def test_the_keyboard_reaches_the_invitation(guest: Guest, bot: Bot):
    guest.enter()
    for _ in range(12):
        guest.page.keyboard.press("Tab")
        if guest.button("Invite").evaluate("button => button === document.activeElement"):
            break
    guest.page.keyboard.press("Enter")

    expect(guest.page.get_by_role("alert").filter(has_text="opens nothing else")).to_be_visible()
