"""The talk page as a test sees it, and a server that a test plays."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, Request, Route

FAKE_BOT = Path(__file__).parent / "fake_bot.js"
KEY = "a-key-for-tests-only"
Reply = Callable[[Route], None]


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


class FakeServer:
    """What HTTP answers, until a test says otherwise: a room with a bot in it that takes no offer."""

    def __init__(self, page: Page) -> None:
        self.requests: list[Request] = []
        self.join: Reply = answer(
            {
                "session_id": "s1",
                "status": "live",
                "reused": False,
                "room_url": "local:stage",
                "connect": {
                    "provider": "local",
                    "offer_url": "/sessions/s1/api/offer",
                    "token": "a-token",
                    "ice_servers": [],
                    "user_id": "u1",
                },
            }
        )
        self.offer: Reply = refuse(410, "session-ended", reason="idle")
        self.session: Reply = answer({"session_id": "s1", "state": "live", "reason": None})
        self.leave: Reply = answer({"status": "left", "session_id": "s1", "reason": "left"})
        page.on("request", lambda request: self.requests.append(request))
        page.route(re.compile(r"/(join\?|leave$|sessions/)"), self._reply)

    def _reply(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/join":
            self.join(route)
        elif path == "/leave":
            self.leave(route)
        elif path.endswith("/api/offer"):
            self.offer(route)
        else:
            self.session(route)

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

    def open(self, url: str = "/talk", *, key: str | None = KEY) -> None:
        self.page.goto(f"{url}#key={key}" if key else url)

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
