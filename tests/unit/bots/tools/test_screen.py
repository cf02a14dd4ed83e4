"""What a bot opens on screens: from closed lists, and nothing that leads into private networks or acts by itself."""

import pytest

from tests.fakes.tools import Hands

pytestmark = pytest.mark.anyio


@pytest.fixture
def hands():
    return Hands()


async def test_an_applet_is_opened_told_and_closed(hands):
    assert await hands.use("open_applet", name="clock") == {"opened": "clock"}
    assert hands.is_open == {"active_applet": {"id": "clock"}}
    assert hands.commands == [("navigate", {"view": "applet", "params": {"id": "clock"}})]

    await hands.use("close_applet")
    assert hands.is_open == {}


@pytest.mark.parametrize("name", ["", "Clock", "../clock", "clock\n", "a b", "x" * 65, "clock?x=1", 7, None])
async def test_what_is_no_applet_s_name_is_refused(hands, name):
    assert "error" in await hands.use("open_applet", name=name)
    assert hands.is_open == {}


async def test_a_desktop_is_one_of_a_closed_list(hands):
    assert await hands.use("set_desktop", mode="focus") == {"mode": "focus"}
    assert hands.is_open == {"desktop_mode": "focus"}
    for mode in ("root", "", {"mode": "work"}, None):
        assert "error" in await hands.use("set_desktop", mode=mode)
    assert hands.is_open == {"desktop_mode": "focus"}


async def test_a_page_of_the_public_web_is_shown(hands):
    url = "https://en.wikipedia.org/wiki/Green_room?a=b#c"

    assert await hands.use("show_page", url=url) == {"shown": url}
    assert hands.is_open == {"active_page": {"url": url}}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "HTTP://example.com",
        "//example.com/",
        "example.com",
        "javascript:alert(1)",
        "data:text/html,hi",
        "file:///etc/passwd",
        "https://",
        "https://localhost/",
        "https://localhost./",
        "https://printer/",
        "https://printer.local/",
        "https://wiki.internal/",
        "https://router.lan/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://8.8.8.8/",
        "https://user:password@example.com/",
        "https://example.com@10.0.0.1/",
        "https://example.com:8443/",
        "https://example.com:99999/",
        "https://exämple.com/",
        "https://example.com/\u202egpj.exe",
        "https://example.com\\@10.0.0.1/",
        "https://example.com/a b",
        "https://example.com/\n",
        "https://example.com/" + "x" * 500,
        "https://[",
        ["https://example.com/"],
        None,
    ],
)
async def test_a_page_that_is_not_public_or_not_what_it_looks_like_is_refused(hands, url):
    assert "error" in await hands.use("show_page", url=url)
    assert hands.is_open == {} and hands.commands == []


async def test_a_card_is_shown_without_anything_that_acts(hands):
    html = '<h2 onclick="x()">Menu</h2><script>alert(1)</script><ul><li>Soup'

    assert await hands.use("show_card", title="Today", html=html) == {"shown": "Today"}
    assert hands.is_open == {"active_card": {"title": "Today", "html": "<h2>Menu</h2><ul><li>Soup</li></ul>"}}
    await hands.use("close_card")
    assert hands.is_open == {}


@pytest.mark.parametrize(
    "html", ["<script>alert(1)</script>", " ", "<img src=x onerror=alert(1)>", "x" * 3001]
)
async def test_a_card_with_nothing_to_show_is_refused(hands, html):
    assert "error" in await hands.use("show_card", title="Today", html=html)
    assert hands.is_open == {}


async def test_a_card_that_clients_cannot_be_sent_is_refused(hands):
    assert "error" in await hands.use("show_card", title="Today", html="ä" * 3000)
    assert hands.is_open == {}
