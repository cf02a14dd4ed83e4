"""The endpoints of users: what is said of them."""

from http import HTTPStatus
from typing import Any

from marshmallow import ValidationError

from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.schemas.fields import USER
from greenroom.app.api.schemas.users import ToldUserSchema, UserSchema
from greenroom.app.api.services import services
from greenroom.app.errors import NoSuchUser
from greenroom.app.rooms.providers import check_name
from greenroom.app.rooms.users import User

NOTHING_SAID: dict[str, Any] = {"profile": {}, "preferences": {}}

bp = JsonBlueprint("users", __name__, url_prefix="/users", description="The people who talk")


@bp.put("/<user_id>")
@bp.arguments(UserSchema())
@bp.response(HTTPStatus.OK, ToldUserSchema())
def replace_user(said: dict[str, Any], user_id: str) -> User:
    """Replace all that is said of a user; one of whom nothing is known yet is made."""
    said = {**NOTHING_SAID, **said}
    return services().users.change(_checked(user_id), lambda old: User(old.id).with_more(**said))


@bp.patch("/<user_id>")
@bp.arguments(UserSchema())
@bp.response(HTTPStatus.OK, ToldUserSchema())
def change_user(said: dict[str, Any], user_id: str) -> User:
    """Change the entries that are named; null takes one out.  A user of whom nothing is known yet is made."""
    said = {**NOTHING_SAID, **said}
    return services().users.change(_checked(user_id), lambda old: old.with_more(**said))


def _checked(user_id: str) -> str:
    """Raises NoSuchUser for what nobody can be called, ReservedName."""
    try:
        USER(user_id)
    except ValidationError:
        raise NoSuchUser from None
    check_name(user_id)
    return user_id
