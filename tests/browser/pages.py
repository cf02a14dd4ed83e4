"""The talk page as a test sees it, and a server that a test plays."""

import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Locator, Page, Request, Route, expect
from werkzeug.serving import make_server

from tests.rigs.eventually import eventually
from tests.rigs.product import Product

FAKE_BOT = Path(__file__).parent / "fake_bot.js"
KEY = "a-key-for-tests-only"
WORDS = re.compile(r"\w{2,}")
Reply = Callable[[Route], None]


# What comes out of the loudspeaker, measured where it would be heard.
EARS = """() => {
    window.heard = { peak: 0, loud: 0 };
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 2048 });
    const samples = new Float32Array(analyser.fftSize);
    let stream = null;
    setInterval(() => {
        const voice = document.getElementById("voice");
        if (voice.srcObject && voice.srcObject !== stream && !voice.paused) {
            stream = voice.srcObject;
            context.createMediaStreamSource(stream).connect(analyser);
        }
        analyser.getFloatTimeDomainData(samples);
        const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
        window.heard.peak = Math.max(window.heard.peak, peak);
        if (peak > 0.02) window.heard.loud += 1;
    }, 50);
}"""

LINES = """
window.lines = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) { super(...given); window.lines.push(this); }
};
"""


def answer(body: Mapping[str, Any], status: int = 200) -> Reply:
    return lambda route: route.fulfill(status=status, json=dict(body))


def refuse(status: int, kind: str, *, retry_after: int | None = None, **facts: object) -> Reply:
    body = {
        "type": f"urn:greenroom:problem:{kind}",
        "title": "No",
        "status": status,
        "detail": "No.",
        **facts,
    }
    headers = {"Content-Type": "application/problem+json"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return lambda route: route.fulfill(status=status, headers=headers, body=json.dumps(body))


def away(route: Route) -> None:
    route.abort("connectionrefused")


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of an application, for as long as the block lasts."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class FakeServer:
    """What HTTP answers, until a test says otherwise: a room with a bot in it that takes no offer."""

    fresh = "local:5e03028444ed94b2"  # the room of whoever names none

    def __init__(self, page: Page) -> None:
        self.requests: list[Request] = []
        self.guests: list[str] = []  # as whom somebody was let in
        self.passes: Reply = self._let_in
        self.joined: dict[str, Any] = {
            "session_id": "s1",
            "status": "live",
            "reused": False,
            "bot": "assistant",
            "room_url": "local:stage",
            "connect": {
                "provider": "local",
                "offer_url": "/sessions/s1/api/offer",
                "token": "a-token",
                "resume_token": "resume.next",
                "ice_servers": [],
                "user_id": "u1",
            },
        }
        self.join: Reply = answer(self.joined)
        self.choices: Reply = answer({"may_choose": False, "bots": [], "personalities": [], "assistants": []})
        self.offer: Reply = refuse(410, "session-ended", reason="idle")
        self.token: Reply = answer({"token": "a-fresh-token", "user_id": "u1"})
        self.session: Reply = answer({"session_id": "s1", "state": "live", "reason": None})
        self.move: Reply = answer({"session_id": "s1", "status": "live"})
        self.leave: Reply = answer({"status": "left", "session_id": "s1", "reason": "left"})
        page.on("request", lambda request: self.requests.append(request))
        page.route(re.compile(r"/(passes$|choices$|join\?|leave$|sessions/)"), self._reply)

    def _reply(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/passes":
            self.passes(route)
        elif path == "/choices":
            self.choices(route)
        elif path == "/join":
            self.join(route)
        elif path == "/leave":
            self.leave(route)
        elif path.endswith("/api/offer"):
            self.offer(route)
        elif path.endswith("/token"):
            self.token(route)
        elif path.endswith("/move"):
            self.move(route)
        elif path.endswith("/invitation"):
            self._let_in(route)
        else:
            self.session(route)

    def _let_in(self, route: Route) -> None:
        """Whoever asks is another guest; an invitation is for nobody by name."""
        asked = route.request.post_data_json
        wish, number = {"invitation": True} if asked is None else asked, len(self.calls("/passes"))
        self.guests.append(f"talk-{secrets.token_hex(8)}")
        given = {
            "pass": f"pass.number-{number}",
            "room_url": wish.get("room_url", self.fresh),
            "user_id": None if wish.get("invitation") else self.guests[-1],
            "expires_at": "2099-01-01T00:00:00.000+00:00",
        }
        route.fulfill(status=201, json=given)

    def becomes(self, state: str, *, epoch: int = 1, **more: Any) -> None:
        """What the session is from now on."""
        self.session = answer({"session_id": "s1", "state": state, "epoch": epoch, "reason": None, **more})

    def calls(self, path: str) -> list[Request]:
        return [request for request in self.requests if urlsplit(request.url).path == path]


class TalkPage:
    """The page's parts, by what a person calls them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.title = page.get_by_role("heading", level=1)
        self.more = page.locator("#more")
        self.line = page.get_by_role("status")
        self.log = page.get_by_role("log")
        self.words = page.get_by_label("Write to the bot")

    def open(self, url: str = "/talk", *, key: str | None = KEY, signed: str | None = None) -> None:
        """By a link with a pass, with the key, or with neither."""
        self.page.goto(f"{url}#pass={signed}" if signed else f"{url}#key={key}" if key else url)

    def kept(self) -> str:
        """All that this browser remembers of the page."""
        return str(self.page.evaluate("JSON.stringify([sessionStorage, localStorage])"))

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def press(self, name: str) -> None:
        self.button(name).click()

    def said(self, who: str) -> Locator:
        """What `You` or `Bot` said, a turn each."""
        return self.log.locator(".turn", has=self.page.locator("b", has_text=who))

    def wait_until(self, state: str, within: float = 20) -> None:
        self.page.locator(f"body[data-state={state}]").wait_for(timeout=within * 1000)

    def is_too_wide(self) -> bool:
        """Whether one has to scroll sideways."""
        return bool(
            self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        )


class Caller(TalkPage):
    """A person with the talk page open."""

    def __init__(self, page: Page, product: Product) -> None:
        super().__init__(page)
        self.product = product
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.add_init_script(LINES)

    def call(self, room: str, *, way: str = "Write instead") -> None:
        self.open(f"{self.product.url}/talk?room=local:{room}", key=self.product.key)
        self.page.evaluate(EARS)
        self.press(way)
        self.wait_until("live")

    def write(self, text: str) -> None:
        self.words.fill(text)
        self.words.press("Enter")

    def wait_until_heard(self) -> None:
        """A third of a second of sound, at least."""
        eventually(lambda: self.page.evaluate("heard.loud") > 6, within=20)

    def wait_until_answered(self) -> None:
        """In writing, after something that the person said."""
        expect(self.page.locator(".turn.you ~ .turn.bot").first).to_contain_text(WORDS, timeout=20_000)

    def forget_what_was_heard(self) -> None:
        self.page.evaluate("heard.peak = heard.loud = 0")

    def wait_for_line(self, n: int, within: float = 30) -> None:
        """The n-th line of this page is up."""
        is_up = f"lines.length === {n} && lines.at(-1).connectionState === 'connected'"
        eventually(lambda: self.page.evaluate(is_up), within)
        self.wait_until("live")

    @property
    def session_id(self) -> str:
        return str(json.loads(self.page.evaluate("sessionStorage.getItem('greenroom.call')"))["id"])
