"""The endpoint by which whoever has the API key has bots do something: say a sentence, be muted, be somebody else."""

from http import HTTPStatus
from math import ceil
from typing import Any

import structlog

from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.orders import check_personality, known_assistant
from greenroom.app.api.schemas.admin import OF_A_PERSONA, AdminedSchema, AdminSchema
from greenroom.app.api.seats import Wait, still_awaited
from greenroom.app.api.services import Services, services
from greenroom.app.errors.limits import TooManyRequests
from greenroom.app.rooms import administering
from greenroom.app.rooms.administering import Action, as_told
from greenroom.app.rooms.rates import CountRequest

OF_ONE = 600  # actions a minute in single sessions, of all admins together: more than people make
OF_ALL = 30  # pages of broadcasts a minute, each with up to 200 bots
THE_KEY = "the holder of the key"

log = structlog.get_logger(__name__)
bp = JsonBlueprint("admin", __name__, description="What an admin has bots do")


@bp.post("/admin")
@bp.arguments(AdminSchema())
@bp.response(HTTPStatus.OK, AdminedSchema())
def act(wanted: dict[str, Any]) -> dict[str, Any]:
    """Have a bot say something, be muted, told an instruction, another persona or assistant, or unnoticed; or all bots.

    For one bot it answers what it did, or the problem; for all with a result for each, also where some refuse.
    What is changed stays so for each next bot of the session.
    """
    here = services()
    is_of_all = "session_id" not in wanted and "room_url" not in wanted
    action = _action(wanted, here)
    wait = here.ledger.run(CountRequest({"admin:all": OF_ALL} if is_of_all else {"admin": OF_ONE}))
    if wait is not None:
        raise TooManyRequests(ceil(wait.total_seconds()))
    room = here.providers.room(wanted["room_url"]) if "room_url" in wanted else None
    next_page = None
    with here.seats.taken(Wait.BOT, whose="admin:all" if is_of_all else None, at_most=1 if is_of_all else 0):
        how: dict[str, Any] = {"by": THE_KEY, "is_awaited": still_awaited()}
        if room is not None:
            results = [here.administering.in_room(room, action, **how)]
        elif is_of_all:
            results, next_page = here.administering.in_all(
                action, after=wanted["after"], limit=wanted["limit"], **how
            )
        else:
            results = [here.administering.in_session(wanted["session_id"], action, **how)]
    for each in results:
        outcome = "done" if each.refusal is None else each.refusal.kind
        log.info("admin_acted", session_id=each.session.id, action=action.name, by=THE_KEY, outcome=outcome)
    if not is_of_all and (refusal := results[0].refusal):
        raise refusal
    return {"action": action.name, "results": [as_told(each) for each in results], "next": next_page}


def _action(wanted: dict[str, Any], here: Services) -> Action:
    """Raises UnknownPersonality, UnknownAssistant."""
    match wanted["action"]:
        case "say":
            return administering.say(wanted["text"], interrupt=wanted.get("interrupt", False))
        case "instruct":
            return administering.instruct(wanted["text"])
        case "mute":
            return administering.mute()
        case "unmute":
            return administering.unmute()
        case "stealth":
            return administering.stealth(is_on=wanted.get("on", True))
        case "switch":
            known_assistant(wanted["assistant"], here)
            return administering.switch(wanted["assistant"])
    changes = {name: wanted[name] for name in OF_A_PERSONA if name in wanted}
    check_personality(changes.get("personality"), here)
    return administering.persona(changes)
