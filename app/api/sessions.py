"""The endpoints of sessions: lists, records, histories, and what a session's bot is asked."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from greenroom.app.access import open_to_session
from greenroom.app.api.auth import caller_of
from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.orders import check_rollout
from greenroom.app.api.rooms import joined_as_told
from greenroom.app.api.schemas.joining import JoinedSchema, MoveSchema, WaitSchema
from greenroom.app.api.schemas.requests import AnyAnswerSchema, AnyRequestSchema
from greenroom.app.api.schemas.sessions import (
    CleanedUpSchema,
    CleanupSchema,
    EventsSchema,
    ExtendSchema,
    PageSchema,
    SessionSchema,
    SessionsSchema,
    SessionWithHistorySchema,
)
from greenroom.app.api.seats import Wait, still_awaited
from greenroom.app.api.services import services
from greenroom.app.errors.bots import UnknownRequest
from greenroom.app.errors.callers import NotStreamedHere
from greenroom.app.errors.families import Forbidden, Rejected
from greenroom.app.errors.limits import Busy
from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.bodies import to_body
from greenroom.app.rooms.messages import ask
from greenroom.app.rooms.providers import NOTHING
from greenroom.app.rooms.requests.answers import Cleaned
from greenroom.app.rooms.requests.changing import CleanUp
from greenroom.app.rooms.requests.table import REQUESTS
from greenroom.app.rooms.session_events import KEPT_FROM_PEOPLE, NO_APPEARANCE, Event
from greenroom.app.rooms.sessions import ON_STAGE, Reason, Session, State

STREAM = "text/event-stream"
PLACE = re.compile(r"\d{1,15}(-\d{1,15})?", re.ASCII)  # of an event in a history

CLEANUPS_OF_ONE = 2  # requests to clean up of one caller that may wait at once
TERMS_OF_ONE = 2  # requests of one user to pause, resume or extend a session that may wait at once

bp = JsonBlueprint(
    "sessions", __name__, url_prefix="/sessions", description="A bot's stay with a conversation"
)


@bp.get("")
@bp.arguments(PageSchema(), location="query")
@bp.response(HTTPStatus.OK, SessionsSchema())
def list_sessions(page: dict[str, Any]) -> dict[str, Any]:
    """The sessions that are on, the oldest first, a page at a time; the next one is asked for with `after`."""
    sessions, after = services().overview.sessions(page["after"], page["limit"])
    return {"sessions": sessions, "next": after}


@bp.get("/<session_id>")
@bp.response(HTTPStatus.OK, SessionWithHistorySchema())
@open_to_session
def get_session(session_id: str) -> dict[str, Any]:
    """One session; to whoever has the API key with what came of it, as long as that is kept, to others for a day."""
    overview = services().overview
    if caller := caller_of(session_id):
        session = overview.session(session_id)
        session = replace(session, brief=session.brief.for_guest(caller))
        return _as_told_of(session, overview.position(session))
    history = services().histories.tell(session_id)
    session = history.session
    told = _as_told_of(session, overview.position(session))
    return {**told, **vars(history), "config": overview.config(session)}


@bp.get("/<session_id>/events")
@bp.response(
    HTTPStatus.OK, EventsSchema(), description="As JSON, or as server-sent events if you accept those"
)
@open_to_session
def get_events(session_id: str) -> dict[str, list[Event]]:
    """A session's history; or its events as they come, which the events process sends (docs/events.md)."""
    if request.accept_mimetypes.best_match(["application/json", STREAM]) == STREAM:
        raise NotStreamedHere
    after = request.headers.get("Last-Event-ID", "0")
    if not PLACE.fullmatch(after):
        after = "0"
    has_key = caller_of(session_id) is None
    is_told_why = has_key or services().settings.redis_is_embedded
    events = _events(session_id, after, has_key=has_key)
    return {"events": _as_told(events, is_told_why=is_told_why, is_told_who=has_key)}


@bp.post("/<session_id>/move")
@bp.arguments(MoveSchema())
@bp.arguments(WaitSchema(), location="query")
@bp.response(HTTPStatus.ACCEPTED, JoinedSchema(), description="The bot is on its way there")
@bp.alt_response(HTTPStatus.OK, schema=JoinedSchema, description="The bot is there")
@open_to_session
def move(wanted: dict[str, Any], query: dict[str, Any], session_id: str) -> ResponseReturnValue:
    """Have a session go on in another room, with its bot, conversation and memory.

    With a session's token: as its user, only if nobody else would be left without the bot, and to the forum, to the
    user's own voice room, or back to where it was.
    """
    here = services()
    session, caller = here.overview.session(session_id), caller_of(session_id)
    user_id = session.brief.user_id
    if caller not in (None, user_id):
        raise Forbidden("The bot moves with whom it is for.")
    room, within = here.providers.room(wanted.pop("room_url")), timedelta(seconds=query["wait"])
    check_rollout(room, session.brief, here)
    try:
        with here.seats.taken(Wait.JOIN):
            joined = here.asked_moves.move_and_wait(session, room, wanted, within, by=caller)
    except Busy:
        joined = here.asked_moves.move(session, room, wanted, by=caller)
    if not joined.reused:
        here.providers.of_room(room).prepare(room)
    is_there = joined.status != State.TRANSITIONING
    answer = joined_as_told(joined, user_id, NOTHING, here)
    return answer, HTTPStatus.OK if is_there else HTTPStatus.ACCEPTED


@bp.post("/<session_id>/pause")
@bp.response(HTTPStatus.OK, SessionSchema())
@open_to_session
def pause(session_id: str) -> Session:
    """Have a session's bot fall silent and deaf, until it is resumed; answers when it has.  Twice is fine.

    It stays in its room, and keeps its conversation.  With a session's token: its user alone.
    """
    return _paused(session_id, services().pausing.pause)


@bp.post("/<session_id>/resume")
@bp.response(HTTPStatus.OK, SessionSchema())
@open_to_session
def resume(session_id: str) -> Session:
    """Have a paused bot hear and speak again, whyever it was paused; answers when it does.  Twice is fine."""
    return _paused(session_id, services().pausing.resume)


@bp.post("/<session_id>/extend")
@bp.arguments(ExtendSchema())
@bp.response(HTTPStatus.OK, SessionSchema())
@open_to_session
def extend(wanted: dict[str, timedelta], session_id: str) -> Session:
    """Let a session last longer, by `seconds`, or so long in all, as `max_duration`; a day at most.

    Its clock counts from when it was asked for.  With a session's token: its user alone, unless they came by a link.
    """
    here = services()
    if len(wanted) != 1:
        raise Rejected("Say by how many seconds, or how long in all by max_duration, one of the two.")
    caller = _own_user(session_id)
    if g.link is not None:
        raise Forbidden("Who came by a link has the time that it gives.")
    with here.seats.taken(
        Wait.BOT, whose=("extend", session_id, caller), at_most=TERMS_OF_ONE if caller else 0
    ):
        return here.extending.extend(session_id, more=wanted.get("seconds"), lasts=wanted.get("max_duration"))


def _paused(session_id: str, change: Callable[..., Session]) -> Session:
    here = services()
    caller = _own_user(session_id)
    with here.seats.taken(
        Wait.BOT, whose=("pause", session_id, caller), at_most=TERMS_OF_ONE if caller else 0
    ):
        return change(session_id, by=f"{caller} asked" if caller else "the holder of the key asked")


def _own_user(session_id: str) -> str | None:
    """The caller, who is the session's user or, as None, the holder of the key.  Raises Forbidden, NoSuchSession."""
    caller = caller_of(session_id)
    if caller is not None and caller != services().overview.session(session_id).brief.user_id:
        raise Forbidden("That is for the user whose session it is.")
    return caller


@bp.post("/<session_id>/requests/<name>")
@bp.arguments(AnyRequestSchema())
@bp.response(HTTPStatus.OK, AnyAnswerSchema())
def ask_bot(body: dict[str, Any], session_id: str, name: str) -> ResponseReturnValue:
    """Ask a session's bot for something; answers when it has done it.

    `give_way`, with an empty object: leave if nobody is in the room.
    `room_open` with `what` (note, applet, desktop) and `value`, `room_close` with `what`: what is open in the room.
    `app_event` with `event` and `data`: what a person does in their app, told to the model.
    `user-message` with `content` and `timestamp`: a text as if the person had typed it.
    These four take a `person`; without one they are in the name of the session's user.
    """
    here = services()
    request_class = REQUESTS.get(name)
    if request_class is None or not request_class.for_callers:
        known = ", ".join(each.name for each in REQUESTS.values() if each.for_callers)
        raise UnknownRequest(f"A bot cannot be asked for that here; it can be asked for {known}.")
    try:
        wanted = request_class.of_body(body)
    except ValueError as error:
        raise Rejected(f"That is not how {name} is asked for: {error}.") from error
    session = here.overview.session(session_id)
    with here.seats.taken(Wait.BOT):
        return jsonify(to_body(ask(here.ledger, session, wanted, is_awaited=still_awaited())))


@bp.post("/<session_id>/cleanup")
@bp.arguments(CleanupSchema())
@bp.response(HTTPStatus.OK, CleanedUpSchema())
@open_to_session
def clean_up(wish: dict[str, str], session_id: str) -> dict[str, Any]:
    """Cancel what the bot has under way, and answer when it has ended, with what it was; the session goes on.

    Answers, tools, reads and half a sentence are let go, all that was said is written, memory and assistant are read
    anew.  Twice is fine; the same `timestamp` twice is done once.  With a session's token: only if nobody else is
    there.
    """
    here = services()
    session = here.overview.session(session_id)
    caller = caller_of(session_id)
    cleaned = Cleaned()
    if session.state in ON_STAGE | {State.ENDED}:  # a bot that is on its way has nothing under way
        with here.seats.taken(Wait.BOT, whose=("cleanup", session_id, caller), at_most=CLEANUPS_OF_ONE):
            cleaned = ask(
                here.ledger, session, CleanUp(caller, wish.get("timestamp")), is_awaited=still_awaited()
            )
    return {"session_id": session_id, "timestamp": wish.get("timestamp"), "cleaned": cleaned}


def _as_told_of(session: Session, position: int | None) -> dict[str, Any]:
    return {**vars(session), "max_duration": session.max_duration, "position": position}


def _events(session_id: str, after: str, *, has_key: bool) -> list[Event]:
    try:
        return services().overview.events(session_id, after=after)
    except NoSuchSession:
        if not has_key:
            raise
        return list(services().histories.events(session_id))


def _as_told(events: list[Event], *, is_told_why: bool, is_told_who: bool) -> list[Event]:
    """How a bot failed may quote what somebody said, or a service's key: on a laptop its author is told; elsewhere who
    has the key is, and a browser only that it failed.  Who was there before it is no browser's business, either, nor
    what an admin did."""
    if not is_told_why:
        events = [replace(event, detail=None) if _tells_a_failure(event) else event for event in events]
    if not is_told_who:
        events = [
            replace(event, person=None, appearance=NO_APPEARANCE, conversation_id=None, sequence=None)
            for event in events
            if event.event not in KEPT_FROM_PEOPLE
        ]
    return events


def _tells_a_failure(event: Event) -> bool:
    return event.event == State.LOST or event.reason in (Reason.ERROR, Reason.CRASHED_TOO_OFTEN)
