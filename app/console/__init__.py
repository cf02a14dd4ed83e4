"""The pages for people: static files that ask this server, and nobody else, for what they show.

A room of LiveKit is the one exception: its server is asked for the voices, and it alone.
"""

import json
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, redirect, url_for
from flask.typing import ResponseReturnValue

from greenroom.app.access import public
from greenroom.app.providers.local import Local
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.room import FORUM, LIVEKIT, Room
from greenroom.app.speech import Part
from greenroom.app.speech.choosing import choices
from greenroom.app.static import send

STATIC = Path(__file__).parent / "static"
TALK, VENDOR = STATIC / "talk", STATIC / "vendor"

# Every script, style and picture is a file of ours; nothing inline runs, and nobody may frame the page.
POLICY = (
    "default-src 'self'; connect-src {}; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Permissions-Policy": "microphone=(self), camera=(self), geolocation=()",
}
TRIES = ("My name is Alice", "What time is it?", "Tell me a joke")  # what the demo follows for certain
CLOUD = ".livekit.cloud"  # LiveKit Cloud redirects a client to servers near it, under further names

bp = Blueprint("console", __name__)


@bp.get("/")
@public
def home() -> ResponseReturnValue:
    return redirect(url_for("console.talk"))


@bp.get("/talk")
@public
def talk() -> ResponseReturnValue:
    return send(TALK, "index.html")


@bp.get("/talk/fresh.js")
@public
def fresh() -> ResponseReturnValue:
    """What the page must know before it asks for a bot, as a JavaScript module.

    The provider of fresh rooms decides whether the page asks for a microphone and for a name.  `names` are what the
    personalities call themselves, `tries` what a person may say to the demo, `forum` is a room for several people.
    """
    provider, here = _providers().fresh_room().provider, current_app.extensions.get("greenroom")
    shared = _providers().by_name.get(LIVEKIT)
    mind = choices(here.settings, {})[Part.THINKING][0].service.name if here else None
    told = {
        "forum": str(Room(LIVEKIT, FORUM, shared.server)) if shared else None,
        "names": dict(here.names) if here else {},
        "tries": TRIES if mind == "demo" else [],
    }
    lines = [f"export default {json.dumps(provider)};"]
    lines += [f"export const {name} = {json.dumps(value)};" for name, value in told.items()]
    script = "\n".join(lines) + "\n"
    return Response(script, mimetype="text/javascript", headers={"Cache-Control": "no-cache"})


@bp.get("/talk/<path:name>")
@public
def talk_file(name: str) -> ResponseReturnValue:
    return send(TALK, name)


@bp.get("/vendor/<path:name>")
@public
def vendor_file(name: str) -> ResponseReturnValue:
    return send(VENDOR, name)


@bp.after_request
def add_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = POLICY.format(" ".join(["'self'", *_livekit()]))
    return response


def _livekit() -> list[str]:
    """The addresses that a page may connect to for a LiveKit room, by HTTP and by WebSocket."""
    livekit = _providers().by_name.get(LIVEKIT)
    if livekit is None:
        return []
    _, address, *_ = urlsplit(livekit.server)
    secure = "s" if livekit.server.startswith("wss:") else ""
    addresses = [address, f"*{CLOUD}"] if address.endswith(CLOUD) else [address]
    return [f"{way}{secure}://{each}" for each in addresses for way in ("ws", "http")]


def _providers() -> Providers:
    here = current_app.extensions.get("greenroom")
    return here.providers if here else Providers.of([Local()])
