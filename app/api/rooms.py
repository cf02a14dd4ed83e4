"""The endpoints of rooms: a bot joins one, leaves one, or is changed in one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from flask import g
from flask.typing import ResponseReturnValue

from greenroom.app.access import open_to_pass, open_to_resume, open_to_session
from greenroom.app.api.auth import caller_of
from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.join_log import log_joins, note_joined, note_order
from greenroom.app.api.listening import listen_unseen
from greenroom.app.api.orders import check_personality, order_of
from greenroom.app.api.presences import presence_in
from greenroom.app.api.returns import go_back
from greenroom.app.api.schemas.joining import JoinedSchema, JoinSchema, LeaveSchema, LeftSchema, WaitSchema
from greenroom.app.api.schemas.rooms import (
    ConfigSchema,
    ConfiguredSchema,
    ReapAskedSchema,
    ReapedSchema,
    RoomSchema,
)
from greenroom.app.api.seats import Wait, still_awaited
from greenroom.app.api.services import Services, services
from greenroom.app.api.ways_in import answer_to, way_in
from greenroom.app.errors.families import Conflict, Forbidden, Rejected
from greenroom.app.errors.limits import Busy
from greenroom.app.errors.rooms import NoBotThere
from greenroom.app.passes import Pass
from greenroom.app.rooms.joined import QUEUED, Joined
from greenroom.app.rooms.leases import STALE_AFTER, ReadRoom, WriteConfig
from greenroom.app.rooms.leaving import Left
from greenroom.app.rooms.messages import ask
from greenroom.app.rooms.orders import Order
from greenroom.app.rooms.providers import About
from greenroom.app.rooms.requests.changing import Configure
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_states import as_told
from greenroom.app.rooms.session_lists import ReadSessions
from greenroom.app.rooms.sessions import ON_STAGE, ReadSession, Session, State
from greenroom.app.rooms.transitions import await_arrival

ASK_AGAIN_AFTER = "5"  # seconds; a caller who waits for a slot keeps the place by asking again
REAPED_WITHIN = timedelta(seconds=5)  # control is waited for
CHOSEN_WITH_A_PASS = frozenset({"bot", "personality", "assistant", "mode"})  # where it lets its holder choose
LEAVES_OF_ONE = 2  # requests to leave that one user of a session may have waiting in a process

bp = JsonBlueprint("rooms", __name__, description="Bots in rooms")
log_joins(bp, "rooms.join")


@bp.post("/join")
@bp.arguments(JoinSchema())
@bp.arguments(WaitSchema(), location="query")
@bp.response(HTTPStatus.ACCEPTED, JoinedSchema(), description="A bot is on its way, or waits for a slot")
@bp.alt_response(
    HTTPStatus.OK, schema=JoinedSchema, description="The room has a bot, or had one on its way already"
)
@open_to_pass
@open_to_resume
def join(wanted: dict[str, Any], query: dict[str, Any]) -> ResponseReturnValue:
    """Put exactly one bot in a room, or find the one that is there.  With a pass: in its room, as its user.

    A user's bot that is in another room comes from there (`transitioning`), unless others are with it there.
    With a resume token: back to its session, as its user; a token is good for one return.
    With `stealth`: let somebody listen unseen, if there is a bot.
    """
    here = services()
    if g.resume is not None or "resume_token" in wanted:
        token = g.resume or here.resume_tokens.read(wanted["resume_token"])
        return go_back(token, wanted, timedelta(seconds=query["wait"]), here)
    if g.held is not None:
        wanted = _as_the_pass_says(g.held, wanted)
    if wanted.pop("stealth", False):
        return listen_unseen(wanted, here), HTTPStatus.OK
    order = order_of(wanted, here)
    note_order(order)
    within = timedelta(seconds=query["wait"])
    is_named = "room_url" in wanted  # else it has been opened
    if "user_id" in wanted and order.brief.profile:  # before the bot is on its way, which may look for it
        here.users.keep_brought(order.brief.user_id, order.brief.profile)
    joined = _join(here, order, within)
    note_joined(joined)
    if is_named and not joined.reused:  # the person may be there before the bot, and would find no room
        here.providers.of_room(order.room).prepare(order.room, recording=order.recording)
    answer = joined_as_told(joined, order.brief.user_id, _about(wanted), here, order.fell_back_from)
    if joined.status == QUEUED:
        return answer, HTTPStatus.ACCEPTED, {"Retry-After": ASK_AGAIN_AFTER}
    is_there = joined.status in ON_STAGE and joined.status != State.TRANSITIONING
    return answer, HTTPStatus.OK if joined.reused or is_there else HTTPStatus.ACCEPTED


def _as_the_pass_says(held: Pass, wanted: dict[str, Any]) -> dict[str, Any]:
    """What a caller with a pass asks for: the pass's own room and user.  All else needs the API key."""
    if held.room is None or held.user_id is None:
        raise Forbidden("That pass is for whoever comes: POST /passes exchanges it for one of your own.")
    own = {"room_url": held.room, "user_id": held.user_id}
    if held.assistant is not None:
        own["assistant"] = held.assistant
    if any(name in wanted and wanted[name] != value for name, value in own.items()):
        raise Forbidden("That pass is for another room, or another user.")
    chosen = CHOSEN_WITH_A_PASS if held.chooses else frozenset()
    if others := sorted(wanted.keys() - own.keys() - {"user_name"} - chosen):
        raise Forbidden(f"With a pass {' and '.join(others)} cannot be chosen; that needs the API key.")
    return {**wanted, **own}


@bp.post("/leave")
@bp.arguments(LeaveSchema())
@bp.response(HTTPStatus.OK, LeftSchema())
@open_to_session
def leave(which: dict[str, Any]) -> Left:
    """Take a bot out of its room; answers when it has left.  Twice is fine.

    With a session's token: only if nobody else is there.  With a `teardown_delay` the bot waits so long in its room,
    and a join or somebody's coming back cancels it; answers when it waits.
    """
    here, delay = services(), which.pop("teardown_delay", timedelta(0))
    if len(which) != 1:
        raise Rejected("Name the bot that shall leave by room_url or by session_id, one of the two.")
    if session_id := which.get("session_id"):
        user_id = caller_of(session_id)
        whose, at_most = (session_id, user_id), LEAVES_OF_ONE if user_id is not None else 0
        with here.seats.taken(Wait.LEAVE, whose=whose, at_most=at_most):
            return here.leaving.leave_session(session_id, by=user_id, teardown_delay=delay)
    if g.token is not None:
        raise Forbidden
    room = here.providers.room(which["room_url"])
    with here.seats.taken(Wait.LEAVE):
        return here.leaving.leave_room(room, teardown_delay=delay)


@bp.post("/config")
@bp.arguments(ConfigSchema())
@bp.response(HTTPStatus.OK, ConfiguredSchema())
def configure(changes: dict[str, Any]) -> dict[str, Any]:
    """Change the bot in a room while it is live, and each that follows it in its session.

    What cannot reach a bot that talks, as a service that it was not made with, comes with the session's next one, and
    is said to (`with_next_bot`).  For a bot that is on its way there it waits, and changes nothing should that stay
    where it was.
    """
    here = services()
    room = here.providers.room(changes.pop("room_url"))
    check_personality(changes.get("personality"), here)
    here.check_changes(changes)
    _wait_for_arrival(here, room)
    view = here.ledger.run(ReadRoom(room))
    lease = view.adopted()
    session = here.ledger.run(ReadSession(lease.session_id))
    if session.room != room:
        raise NoBotThere
    _check_voice(here, session, {**view.config, **changes}, changes.get("voice"))
    if "max_duration" in changes:
        session = _let_last(here, session, changes.pop("max_duration"))
    changes = {name: _plain(value) for name, value in changes.items()}
    if not here.ledger.run(WriteConfig(room, lease.epoch, changes)):
        raise Conflict("The room's bot has just changed; try again.")
    with here.seats.taken(Wait.BOT):
        done = ask(here.ledger, session, Configure(changes), is_awaited=still_awaited())
    room = _where_it_is_kept(here, room, session, changes)
    config = here.ledger.run(ReadRoom(room)).config
    its_own = {"session_id": session.id, "max_duration": session.max_duration}
    return {"room_url": str(room), "config": config, **its_own, **vars(done)}


def _check_voice(here: Services, session: Session, config: dict[str, Any], voice: str | None) -> None:
    """Raises UnknownVoice for one that the bot would ignore once it was changed so."""
    if voice:
        personality, bot = config.get("personality") or session.brief.personality, session.brief.bot
        here.check_voice(voice, bot=bot, personality=personality, settings=here.settings, changed=config)


def _let_last(here: Services, session: Session, duration: timedelta | None) -> Session:
    """How long a session may last has one place, its record, whoever changes it."""
    with here.seats.taken(Wait.BOT):
        return here.extending.extend(session.id, lasts=duration or session.brief.max_duration)


def _plain(value: Any) -> Any:
    return int(value.total_seconds()) if isinstance(value, timedelta) else value


def _wait_for_arrival(here: Services, room: Room) -> None:
    """Wait until the bot is there, or stays where it is, that is on its way to a room."""
    lease = here.ledger.run(ReadRoom(room)).lease
    session = here.ledger.run(ReadSessions((lease.session_id,)))[0] if lease else None
    if session is None or session.room == room:
        return
    with here.seats.taken(Wait.BOT):
        await_arrival(here.ledger, session.id, is_awaited=still_awaited())


def _where_it_is_kept(here: Services, room: Room, session: Session, changes: dict[str, Any]) -> Room:
    """The room that the session is in; one that has moved meanwhile may have left the change behind."""
    now = here.ledger.run(ReadSession(session.id))
    if now.room != room:
        here.ledger.run(WriteConfig(now.room, now.epoch, changes))
    return now.room


@bp.get("/rooms/<path:room_url>")
@bp.response(HTTPStatus.OK, RoomSchema())
def look(room_url: str) -> dict[str, Any]:
    """Who has a room, where its bot runs and when it was last heard, who is there, and what is open."""
    here = services()
    room = here.providers.room(room_url)
    view = here.overview.room(room)
    keepalive = None
    if view.age is not None:
        keepalive = {
            "age_seconds": round(view.age.total_seconds(), 3),
            "state": view.state,
            "is_stale": view.age > STALE_AFTER,
            "mind": view.mind,
        }
    return {
        "room_url": str(room),
        "lease": view.lease,
        "keepalive": keepalive,
        "config": view.config,
        "state": as_told(here.overview.state(room)),
        "presence": presence_in(here, room),
    }


@bp.post("/rooms/<path:room_url>/reap")
@bp.response(HTTPStatus.OK, ReapedSchema())
@bp.alt_response(
    HTTPStatus.ACCEPTED, schema=ReapAskedSchema, description="Control has not said yet what came of it"
)
def reap(room_url: str) -> ResponseReturnValue:
    """Have a room looked after at once, as control does every few seconds; says what was found, and done there.

    A bot that lives is left alone.
    """
    here = services()
    room = here.providers.room(room_url)
    request_id = here.asked_reaping.ask(room)
    try:
        with here.seats.taken(Wait.OUTSIDE):
            told = here.asked_reaping.wait(request_id, REAPED_WITHIN, still_awaited())
    except Busy:
        told = None
    if not told:
        return {"status": "asked", "room_url": str(room)}, HTTPStatus.ACCEPTED
    return {"status": "done", **vars(told[0])}, HTTPStatus.OK


def _join(here: Services, order: Order, within: timedelta) -> Joined:
    """Join, and wait for the bot if a seat is free; a caller who asks again gets the same bot."""
    if within:
        try:
            with here.seats.taken(Wait.JOIN):
                return here.joining.join_and_wait(order, within)
        except Busy:
            pass
    return here.joining.join(order)


def _about(wanted: dict[str, Any]) -> About:
    preferences = wanted.get("metadata", {}).get("preferences")
    return About(wanted.get("user_name"), preferences if isinstance(preferences, dict) else {})


def joined_as_told(
    joined: Joined, user_id: str, about: About, here: Services, fell_back_from: Sequence[str] = ()
) -> dict[str, Any]:
    brief = joined.brief if g.held is None else joined.brief.for_guest(user_id)
    connect = way_in(joined.room, user_id, about, here, joined.session_id)
    return answer_to(replace(joined, brief=brief), connect, fell_back_from)
