"""Health: for machines that decide whether to send traffic here or to start us again."""

from http import HTTPStatus

from flask.typing import ResponseReturnValue

from greenroom.app.access import public
from greenroom.app.api import events_process
from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.schemas.health import LiveSchema, ReadySchema
from greenroom.app.api.services import services

bp = JsonBlueprint("health", __name__, description="Whether it works")


@bp.get("/livez")
@bp.response(HTTPStatus.OK, LiveSchema())
@public
def livez() -> dict[str, bool]:
    """This process answers."""
    return {"live": True}


@bp.get("/readyz")
@bp.response(HTTPStatus.OK, ReadySchema())
@bp.alt_response(
    HTTPStatus.SERVICE_UNAVAILABLE, schema=ReadySchema, description="Not ready; `checks` says why"
)
@public
def readyz() -> ResponseReturnValue:
    """A join would find its bot: Redis answers and a worker lives.  What is told in `checks` alone stops no join."""
    readiness = services().overview.readiness()
    checks = {**readiness.checks, "events": events_process.check(services().settings.events_url)}
    code = HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
    return {"ready": readiness.ready, "checks": checks}, code
