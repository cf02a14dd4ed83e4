"""One line in the log for each answer to /join: what was found, or why it was refused, and how long it took.

It has ids and kinds only.  What a caller has sent is not repeated, for it may be anything.
"""

import json
import time

import structlog
from flask import Blueprint, Response, g, request

from greenroom.app.rooms.joined import Joined
from greenroom.app.rooms.orders import Order
from greenroom.app.rooms.room import Room

log = structlog.get_logger(__name__)


def log_joins(bp: Blueprint, endpoint: str) -> None:
    """Log each answer of the view of that name."""

    @bp.before_request
    def begin() -> None:
        g.began = time.monotonic()

    @bp.after_request
    def answered(response: Response) -> Response:
        if request.endpoint == endpoint and request.method == "POST":
            _log(response)
        return response


def note_order(order: Order) -> None:
    """Who is to be joined where, as it was found to be right."""
    g.join = {"user_id": order.brief.user_id, "room": str(order.room)}


def note_return(user_id: str, room: Room) -> None:
    """Who comes back to a session, and where it is."""
    g.join = {"user_id": user_id, "room": str(room)}


def note_joined(joined: Joined) -> None:
    found = {"session_id": joined.session_id, "state": str(joined.status), "reused": joined.reused}
    g.join = {**g.join, **found}


def _log(response: Response) -> None:
    facts = {**g.get("join", {}), "status": response.status_code}
    if "began" in g:  # else it was refused before anything of ours had begun, as without a key
        facts["latency_ms"] = round((time.monotonic() - g.began) * 1000, 1)
    if response.status_code < 400:
        log.info("join_answered", **facts)
    else:
        log.info("join_refused", kind=_kind(response), **facts)


def _kind(response: Response) -> str:
    """The last word of a problem's type."""
    kind = str(json.loads(response.get_data(as_text=True)).get("type", ""))
    return kind.rpartition(":")[2]
