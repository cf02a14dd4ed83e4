"""The endpoints of users: what is said of them, what is known of them, and their erasure."""

import re
from http import HTTPStatus
from typing import Any

import structlog
from flask import Response, stream_with_context
from marshmallow import ValidationError

from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.schemas.fields import USER
from greenroom.app.api.schemas.users import (
    ErasedSchema,
    ExportSchema,
    KnownUserSchema,
    ToldUserSchema,
    UserSchema,
    WhereaboutsSchema,
)
from greenroom.app.api.seats import A_TURN, Wait
from greenroom.app.api.services import asks_database, services
from greenroom.app.errors.users import NoSuchUser
from greenroom.app.rooms.exporting import as_json
from greenroom.app.rooms.providers import check_name
from greenroom.app.rooms.users import User
from greenroom.app.rooms.whereabouts import Whereabouts, whereabouts_of

NOTHING_SAID: dict[str, Any] = {"profile": {}, "preferences": {}}

log = structlog.get_logger(__name__)

bp = JsonBlueprint("users", __name__, url_prefix="/users", description="The people who talk")


@bp.get("/<user_id>")
@bp.response(HTTPStatus.OK, KnownUserSchema())
@asks_database
def get_user(user_id: str) -> dict[str, Any]:
    """What is known of a user: profile, preferences, facts, how much they have said, and when they were last here."""
    here, user_id = services(), _checked(user_id)
    user = _known(user_id)
    account = here.personal.account(user_id)
    is_said = {} if user.created_ms else {"created_ms": None, "updated_ms": None}
    return {**vars(user), **is_said, "facts": here.personal.facts(user_id), **vars(account)}


@bp.get("/<user_id>/session")
@bp.response(HTTPStatus.OK, WhereaboutsSchema())
def get_user_session(user_id: str) -> Whereabouts:
    """Whether a user is in a voice session or in a forum, and how far each is: the same for all their devices."""
    return whereabouts_of(services().ledger, _checked(user_id))


@bp.get("/<user_id>/export")
@bp.response(
    HTTPStatus.OK,
    ExportSchema(),
    description="Sent while it is read: it may be long, and is cut off by an error",
)
def export_user(user_id: str) -> Any:
    """All that the database keeps of a user, by table, row by row."""
    here = services()
    user_id = _checked(user_id)
    leave = here.seats.take(Wait.DATABASE, within=A_TURN)  # its place is held until the last row is sent
    try:
        user = _known(user_id)
        parts = stream_with_context(as_json(here.personal.rows(user.id)))
    except BaseException:
        leave()
        raise
    name = re.sub(r"[^A-Za-z0-9._-]", "_", user.id)
    response = Response(
        parts,
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"'},
    )
    response.call_on_close(leave)
    return response


@bp.delete("/<user_id>")
@bp.response(HTTPStatus.OK, ErasedSchema())
@asks_database
def erase_user(user_id: str) -> dict[str, Any]:
    """Erase a user: all that they said and that is known of them, in the database and in Redis.

    409 `user-in-session` while a bot is with them.  Done again, there is nothing any more.
    """
    erased = services().erasing.erase(_checked(user_id))
    log.info("user_erased", user_id=user_id, **erased)
    return {"user_id": user_id, "erased": erased}


@bp.put("/<user_id>")
@bp.arguments(UserSchema())
@bp.response(HTTPStatus.OK, ToldUserSchema())
@asks_database
def replace_user(said: dict[str, Any], user_id: str) -> User:
    """Replace all that is said of a user; one of whom nothing is known yet is made."""
    said = {**NOTHING_SAID, **said}
    return services().users.change(_checked(user_id), lambda old: User(old.id).with_more(**said))


@bp.patch("/<user_id>")
@bp.arguments(UserSchema())
@bp.response(HTTPStatus.OK, ToldUserSchema())
@asks_database
def change_user(said: dict[str, Any], user_id: str) -> User:
    """Change the entries that are named; null takes one out.  A user of whom nothing is known yet is made."""
    said = {**NOTHING_SAID, **said}
    return services().users.change(_checked(user_id), lambda old: old.with_more(**said))


def _known(user_id: str) -> User:
    """One of whom nothing is said may have come to somebody else's session.  Raises NoSuchUser."""
    here = services()
    user = here.users.find(user_id)
    if user is not None:
        return user
    if here.personal.is_known(user_id):
        return User(user_id)
    raise NoSuchUser("Nothing is known of that user.")


def _checked(user_id: str) -> str:
    """Raises NoSuchUser for what nobody can be called, ReservedName."""
    try:
        USER(user_id)
    except ValidationError:
        raise NoSuchUser from None
    check_name(user_id)
    return user_id
