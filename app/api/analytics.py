"""The endpoint of analytics: what happened, day by day and assistant by assistant."""

from http import HTTPStatus
from typing import Any

from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.schemas.analytics import AnalyticsQuerySchema, AnalyticsSchema
from greenroom.app.api.services import asks_database, services
from greenroom.app.rooms.analytics import span
from greenroom.app.rooms.clock import Now

bp = JsonBlueprint("analytics", __name__, url_prefix="/analytics", description="What happened, in numbers")


@bp.get("")
@bp.arguments(AnalyticsQuerySchema(), location="query")
@bp.response(HTTPStatus.OK, AnalyticsSchema())
@asks_database
def get_analytics(query: dict[str, Any]) -> dict[str, Any]:
    """Sessions by the day on which they began (UTC) and by assistant: the last 30 days, or up to 366 that are named."""
    here = services()
    from_ms, to_ms = span(query["from_ms"], query["to_ms"], here.ledger.run(Now()))
    return {"days": here.counted.days(from_ms, to_ms, query["assistant"]), "from_ms": from_ms, "to_ms": to_ms}
