"""What a bot opens on the screens of those who are in its room: applets, a desktop, a page, a card."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from greenroom.app.rooms.room_states import Open
from greenroom.bots.tools.markup import plain_markup
from greenroom.bots.tools.texts import ONE_LINE
from greenroom.bots.tools.tool import Call, Refused, tool

# A name with a last part in letters, which no address has in whichever way it is written; nor is it of a local network
PUBLIC_NAME = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})", re.ASCII
)
OF_LOCAL_NETWORKS = ("local", "localhost", "internal", "intranet", "lan", "home", "corp", "private", "arpa")
LONGEST_CARD = 3000  # characters of HTML


def _public_page(url: str) -> str:
    """An address that leads nowhere but to the public web, and looks like what it is."""
    if not url.isascii() or not url.isprintable() or re.search(r"[\s\\<>\"'`]", url):
        raise ValueError("must be the address of a page, in plain letters")
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    if parts.scheme != "https" or parts.username is not None or parts.port not in (None, 443):
        raise ValueError("must begin with https:// and name no user and no port")
    if not PUBLIC_NAME.fullmatch(host) or host.rpartition(".")[2] in OF_LOCAL_NETWORKS:
        raise ValueError("must be on the public web, by a name")
    return url


Page = Annotated[
    str, Field(max_length=500, description="Its address: https://…"), AfterValidator(_public_page)
]
Applet = Annotated[
    str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$", description="Its name, as in clock")
]
Heading = Annotated[str, Field(max_length=80, description="What stands above it"), ONE_LINE]
Markup = Annotated[str, Field(max_length=LONGEST_CARD, description="Its content, in simple HTML")]
Desktop = Literal["home", "work", "focus", "presentation"]


@tool
async def open_applet(call: Call, name: Applet) -> dict[str, Any]:
    """Open an applet of the person's app, as in clock."""
    call.here.open_things.open(Open.APPLET, {"id": name}, owner=call.person)
    await call.show("navigate", view="applet", params={"id": name})
    return {"opened": name}


@tool
async def close_applet(call: Call) -> dict[str, Any]:
    """Close the applet that is open."""
    call.here.open_things.close(Open.APPLET)
    return {"closed": True}


@tool
async def set_desktop(call: Call, mode: Desktop) -> dict[str, Any]:
    """Arrange the person's app for what they do now."""
    call.here.open_things.open(Open.DESKTOP, mode, owner=call.person)
    await call.show("navigate", view="desktop", params={"mode": mode})
    return {"mode": mode}


@tool
async def show_page(call: Call, url: Page) -> dict[str, Any]:
    """Show a page of the public web; the person opens it."""
    call.here.open_things.open(Open.PAGE, {"url": url}, owner=call.person)
    await call.show("navigate", view="page", params={"url": url})
    return {"shown": url}


@tool
async def show_card(call: Call, title: Heading, html: Markup) -> dict[str, Any]:
    """Show a card: a few headings, paragraphs, lists or a table, without styles, links or pictures."""
    shown = plain_markup(html)
    if not shown.strip():
        raise Refused("Nothing is left of that HTML: use headings, paragraphs, lists and tables.")
    call.here.open_things.open(Open.CARD, {"title": title, "html": shown}, owner=call.person)
    await call.show("navigate", view="card", params={"title": title})
    return {"shown": title}


@tool
async def close_card(call: Call) -> dict[str, Any]:
    """Close the card and the page that are shown."""
    call.here.open_things.close(Open.CARD)
    call.here.open_things.close(Open.PAGE)
    return {"closed": True}
