"""Coming back to a session with a resume token."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from flask import g
from flask.typing import ResponseReturnValue

from greenroom.app.api.join_log import note_joined, note_return
from greenroom.app.api.seats import Wait
from greenroom.app.api.services import Services
from greenroom.app.api.ways_in import answer_to, way_in
from greenroom.app.errors.families import Rejected
from greenroom.app.errors.limits import Busy
from greenroom.app.resume_tokens import ResumeToken
from greenroom.app.rooms.providers import About
from greenroom.app.rooms.room import Room

BESIDES = frozenset({"resume_token", "user_name"})  # what a return may name


def go_back(
    token: ResumeToken, wanted: Mapping[str, Any], within: timedelta, here: Services
) -> ResponseReturnValue:
    """Answer as a join that has found the session.

    Raises Rejected, NoSuchSession, SessionEnded, ResumeTokenUsed, ProviderAway where the room's server lets nobody in
    now, after which the token is good still, and LaunchFailed while the bot is waited for.
    """
    if others := sorted(wanted.keys() - BESIDES):
        raise Rejected(
            f"A resume token leads back to its session as it is: leave {' and '.join(others)} out."
        )
    g.link = token.link
    about = About(wanted.get("user_name"), {})

    def let_in(room: Room) -> dict[str, Any]:
        return way_in(room, token.user_id, about, here, token.session_id)

    joined, connect = here.joining.go_back(token.session_id, token.mark, token.left, let_in)
    note_return(token.user_id, joined.room)
    note_joined(joined)
    if within:
        # The token is used by now: who finds no seat to wait in is answered at once
        with suppress(Busy), here.seats.taken(Wait.JOIN):
            joined = replace(joined, status=here.joining.wait(joined.session_id, within), position=None)
    brief = joined.brief.for_guest(token.user_id)
    return answer_to(replace(joined, brief=brief), connect), HTTPStatus.OK
