"""Sessions: what is on, what became of it, and the way in for a browser."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue

from app.api.auth import caller_of, open_to_session
from app.api.body import JsonBlueprint, accepts
from app.api.schemas import (
    AcceptedSchema,
    AnswerSchema,
    CandidatesSchema,
    EventSchema,
    EventsSchema,
    OfferSchema,
    PageSchema,
    SessionSchema,
    SessionsSchema,
)
from app.api.services import services
from app.errors import OfferRefused, TooManyStreams
from app.rooms.messages import ask
from app.rooms.patience import slices
from app.rooms.room import LOCAL
from app.rooms.sessions import ON_STAGE, Event, Reason, State

ANSWER_WITHIN = timedelta(seconds=10)
# An offer to a bot that is on its way waits for it, as long as /join does: pipecat's clients offer three times, and
# give up for good at the first 4xx
ARRIVES_WITHIN = timedelta(seconds=30)
OFFER_AT_MOST = 64 * 1024  # bytes
STREAM_FOR = timedelta(minutes=5)  # then the client connects again, with Last-Event-ID
PLACE = re.compile(r"\d{1,15}(-\d{1,15})?", re.ASCII)  # of an event in a history
HEARTBEAT_EVERY = 10  # slices of a second; keeps proxies from closing a quiet stream

STREAMS_AT_MOST = 4  # in a process: each holds one of its threads

_streams = threading.BoundedSemaphore(STREAMS_AT_MOST)

bp = JsonBlueprint(
    "sessions", __name__, url_prefix="/sessions", description="A bot's stay with a conversation"
)


@bp.get("")
@bp.arguments(PageSchema(), location="query")
@bp.response(HTTPStatus.OK, SessionsSchema())
def list_sessions(page: dict[str, Any]) -> dict[str, Any]:
    """The sessions that are on, the oldest first, a page at a time; the next one is asked for with `after`."""
    sessions, after = services().looking.sessions(page["after"], page["limit"])
    return {"sessions": sessions, "next": after}


@bp.get("/<session_id>")
@bp.response(HTTPStatus.OK, SessionSchema())
@open_to_session
def get_session(session_id: str) -> dict[str, Any]:
    """One session; an ended one for a day."""
    looking = services().looking
    session = looking.session(session_id)
    if caller_of(session_id) is not None:  # perhaps another's
        session = replace(session, user_id=caller_of(session_id) or "", persona=None, metadata={})
    return {**vars(session), "position": looking.position(session)}


@bp.get("/<session_id>/events")
@bp.response(
    HTTPStatus.OK, EventsSchema(), description="As JSON, or as server-sent events if you accept those"
)
@open_to_session
def get_events(session_id: str) -> ResponseReturnValue | dict[str, list[Event]]:
    """A session's history."""
    after = request.headers.get("Last-Event-ID", "0")
    if not PLACE.fullmatch(after):
        after = "0"
    is_told_why = caller_of(session_id) is None or services().settings.redis_is_embedded
    events = _as_told(services().looking.events(session_id, after=after), is_told_why=is_told_why)
    if request.accept_mimetypes.best_match(["application/json", "text/event-stream"]) != "text/event-stream":
        return {"events": events}
    if not _streams.acquire(blocking=False):
        raise TooManyStreams
    stream = stream_with_context(_stream(session_id, after, events, is_told_why=is_told_why))
    response = Response(stream, mimetype="text/event-stream", headers={"Cache-Control": "no-store"})
    response.call_on_close(_streams.release)
    return response


@bp.post("/<session_id>/api/offer")
@bp.arguments(OfferSchema())
@bp.response(HTTPStatus.OK, AnswerSchema())
@accepts(OFFER_AT_MOST)
@open_to_session
def offer(sent: dict[str, Any], session_id: str) -> Any:
    """Give the bot a browser's offer; its answer comes back."""
    here = services()
    session = here.looking.session(session_id)
    if session.room.provider != LOCAL:
        raise OfferRefused(
            "This room is not ours: connect to its url, with the room_token that /join returned."
        )
    user_id = caller_of(session_id) or session.user_id
    body = {
        "user_id": user_id,
        "offer": {name: sent.get(name) for name in ("sdp", "type", "pc_id", "restart_pc")},
    }
    patience = ANSWER_WITHIN if session.state in ON_STAGE else ARRIVES_WITHIN
    return ask(here.ledger, session, "offer", body, patience=patience)["answer"]


@bp.patch("/<session_id>/api/offer")
@bp.arguments(CandidatesSchema())
@bp.response(HTTPStatus.OK, AcceptedSchema())
@accepts(OFFER_AT_MOST)
@open_to_session
def candidates(sent: dict[str, Any], session_id: str) -> dict[str, str]:
    """Tell the bot of more ways to reach the browser."""
    here = services()
    ask(here.ledger, here.looking.session(session_id), "candidates", sent, patience=ANSWER_WITHIN)
    return {"status": "success"}


def _as_told(events: list[Event], *, is_told_why: bool) -> list[Event]:
    """How a bot failed may quote what somebody said, or a service's key: on a laptop its author is told; elsewhere who
    has the key is, and a browser only that it failed."""
    if is_told_why:
        return events
    return [replace(event, detail=None) if _tells_a_failure(event) else event for event in events]


def _tells_a_failure(event: Event) -> bool:
    return event.event == State.LOST or event.reason in (Reason.ERROR, Reason.CRASHED_TOO_OFTEN)


def _stream(session_id: str, after: str, events: list[Event], *, is_told_why: bool) -> Iterator[str]:
    looking, schema, quiet = services().looking, EventSchema(), 0
    yield "retry: 1000\n\n"
    for wait in slices(STREAM_FOR):
        for event in events:
            after = event.id
            yield f"id: {event.id}\nevent: {event.event}\ndata: {json.dumps(schema.dump(event))}\n\n"
            if event.event == State.ENDED:
                return
        quiet = 0 if events else quiet + 1
        if quiet % HEARTBEAT_EVERY == HEARTBEAT_EVERY - 1:
            yield ": still here\n\n"
        events = _as_told(looking.events(session_id, after=after, wait=wait), is_told_why=is_told_why)
