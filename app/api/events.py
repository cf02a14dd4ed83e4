"""The endpoint of all events: described here, and served by the events process (`app/events/server.py`)."""

from http import HTTPStatus

from flask.typing import ResponseReturnValue

from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.schemas.events import EventStreamSchema, WantedSchema
from greenroom.app.errors.callers import NotStreamedHere

bp = JsonBlueprint("events", __name__, description="What happens, as it happens")


@bp.get("/events")
@bp.arguments(WantedSchema(), location="query")
@bp.response(HTTPStatus.OK, EventStreamSchema(), content_type="text/event-stream")
def get_all_events(_wanted: dict[str, str]) -> ResponseReturnValue:
    """All events from now on, as server-sent events; with `Last-Event-ID`, from that one on (docs/events.md)."""
    raise NotStreamedHere
