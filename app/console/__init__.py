"""The pages for people: static files that ask this server, and nobody else, for what they show."""

from pathlib import Path

from flask import Blueprint, Response, redirect, url_for
from flask.typing import ResponseReturnValue

from app.api.auth import public
from app.static import send

TALK = Path(__file__).parent / "static" / "talk"

# Every script, style and picture is a file of ours; nothing inline runs, and nobody may frame the page.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

bp = Blueprint("console", __name__)


@bp.get("/")
@public
def home() -> ResponseReturnValue:
    return redirect(url_for("console.talk"))


@bp.get("/talk")
@public
def talk() -> ResponseReturnValue:
    return send(TALK, "index.html")


@bp.get("/talk/<path:name>")
@public
def talk_file(name: str) -> ResponseReturnValue:
    return send(TALK, name)


@bp.after_request
def add_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response
