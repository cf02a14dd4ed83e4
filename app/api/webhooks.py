"""Webhooks of the servers of rooms: each is verified and put into a queue; what it says is checked later."""

from http import HTTPStatus

import structlog
from flask import request

from greenroom.app.access import public
from greenroom.app.api.body import JsonBlueprint, accepts
from greenroom.app.api.schemas.webhooks import HeardSchema
from greenroom.app.api.services import services
from greenroom.app.errors.rooms import NoSuchProvider
from greenroom.app.rooms.room import DAILY, LIVEKIT

BODY_AT_MOST = 64 * 1024  # bytes

log = structlog.get_logger(__name__)
bp = JsonBlueprint("webhooks", __name__, description="What the servers of rooms say")


@bp.post("/webhooks/livekit")
@bp.response(HTTPStatus.OK, HeardSchema())
@accepts(BODY_AT_MOST)
@public
def livekit() -> dict[str, bool]:
    """Hear a LiveKit server, which signs with its API key; what is said twice is heard once."""
    return _hear(LIVEKIT)


@bp.post("/webhooks/daily")
@bp.response(HTTPStatus.OK, HeardSchema())
@accepts(BODY_AT_MOST)
@public
def daily() -> dict[str, bool]:
    """Hear Daily, which signs with the webhook's secret; what is said twice is heard once."""
    return _hear(DAILY)


def _hear(provider: str) -> dict[str, bool]:
    here = services()
    its = here.providers.by_name.get(provider)
    if its is None:
        raise NoSuchProvider
    evidence = its.evidence(request.get_data(cache=False), dict(request.headers))
    if evidence is None:
        return {"heard": False}
    is_news = here.ledger.run(here.evidence.publish(evidence))
    if is_news:
        log.info("evidence_heard", event_id=evidence.id, about=evidence.event, room=str(evidence.room))
    return {"heard": is_news}
