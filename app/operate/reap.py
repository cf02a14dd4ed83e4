"""What came of a reaping that was asked for, in words."""

import json
from collections.abc import Sequence

from greenroom.app.operate.wording import count
from greenroom.app.rooms.asked_reaping import Deed, Reaped
from greenroom.app.rooms.bodies import to_body
from greenroom.app.rooms.leases import Found
from greenroom.app.rooms.room import Room

FOUND = {
    Found.FREE: "no bot has it",
    Found.PENDING: "a bot is on its way",
    Found.OTHER: "another bot has it meanwhile",
    Found.ALIVE: "its bot lives",
    Found.DOUBTED: "its bot has not been heard for long",
    Found.SUPERSEDED: "its bot is dead",
}
DONE = {
    Deed.NOTHING: "nothing was to be done",
    Deed.WAITS: "it has a few seconds more to be heard",
    Deed.RELAUNCHED: "its session goes on with another bot",
    Deed.LAUNCH_REPEATED: "its launch got lost and is queued again",
    Deed.ENDED: "its session has ended",
}


def as_json(told: Sequence[Reaped]) -> str:
    return json.dumps({"rooms": [dict(to_body(each)) for each in told]})


def as_text(told: Sequence[Reaped], room: Room | None) -> str:
    lines = [_line(each) for each in told]
    if room is None:
        lines.append(f"{count(len(told), 'room')} {'was' if len(told) == 1 else 'were'} overdue.")
    return "\n".join(lines)


def _line(told: Reaped) -> str:
    session = f" (session {told.session_id})" if told.session_id else ""
    why = f", {told.reason}" if told.done is Deed.ENDED and told.reason else ""
    return f"{told.room_url}: {FOUND[told.found]}; {DONE[told.done]}{why}{session}"
