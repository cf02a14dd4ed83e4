"""All requests by their names, and how one is read out of a message."""

from collections.abc import Mapping
from typing import Any

from greenroom.app.rooms.bodies import Body
from greenroom.app.rooms.requests.answers import MALFORMED, UNKNOWN
from greenroom.app.rooms.requests.changing import CleanUp, Configure, HeedRecord, MoveTo, Switch
from greenroom.app.rooms.requests.connecting import Candidates, Look, Offer
from greenroom.app.rooms.requests.directing import Direct, Say
from greenroom.app.rooms.requests.from_apps import AppEvent, CloseThing, OpenThing, UserMessage
from greenroom.app.rooms.requests.leaving import Expect, GiveWay, Leave, LeaveLater
from greenroom.app.rooms.requests.request import Request
from greenroom.app.rooms.requests.telling import Notice


class BadRequest(Exception):
    """A message that cannot be read as a request; its only argument is what the bot answers: UNKNOWN or MALFORMED."""


REQUESTS: Mapping[str, type[Request[Any]]] = {
    each.name: each
    for each in (
        Offer,
        Candidates,
        Configure,
        Switch,
        HeedRecord,
        GiveWay,
        Leave,
        LeaveLater,
        Expect,
        CleanUp,
        MoveTo,
        Look,
        Notice,
        Say,
        Direct,
        OpenThing,
        CloseThing,
        AppEvent,
        UserMessage,
    )
}


def read(name: str, body: Body) -> Request[Any]:
    """The request of a message.  Raises BadRequest."""
    if name not in REQUESTS:
        raise BadRequest(UNKNOWN)
    try:
        if not isinstance(body, Mapping):
            raise ValueError(f"no object: {type(body).__name__}")
        return REQUESTS[name].of_body(body)
    except ValueError as error:
        raise BadRequest(MALFORMED) from error
