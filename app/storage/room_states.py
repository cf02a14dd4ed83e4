"""Room states as Redis commands."""

import json

from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_states import Open, Opened, ReadState, WriteState
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, dumps, ms, script


def write_state(step: WriteState) -> Command:
    entries = [dumps({"value": it.value, "owner": it.owner}) if it else "" for it in step.changes.values()]
    call = script(
        "write_state",
        {
            "lease": keys.lease(step.room),
            "session": keys.session(step.session_id),
            "told": keys.told(),
            "entries": [_state_key(step.room, name) for name in step.changes],
        },
        owner=step.owner,
        epoch=str(step.epoch),
        ttl_ms=ms(step.lasts),
        opened=",".join(name for name, it in step.changes.items() if it),
        closed=",".join(name for name, it in step.changes.items() if not it),
        values=entries,
    )
    return Command((call,), lambda replies: replies[0] == 1)


def read_state(step: ReadState) -> Command:
    def read(replies: list[Reply]) -> dict[Open, Opened]:
        return {name: Opened(**json.loads(text)) for name, text in zip(Open, replies[0], strict=True) if text}

    return Command((Call(("MGET", *(_state_key(step.room, name) for name in Open))),), read)


def _state_key(room: Room, name: Open) -> str:
    return dict(zip(Open, keys.room_state(room), strict=True))[name]


ENCODERS: Encoders = {
    WriteState: write_state,
    ReadState: read_state,
}
