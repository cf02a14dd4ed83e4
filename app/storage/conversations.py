"""Conversations as Redis commands."""

import json

from greenroom.app.rooms.conversations import Conversation, Erase, Record, Said
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, dumps, ms, nothing, script

TURNS_KEPT = 1000  # of a conversation


def record(step: Record) -> Command:
    said = step.said
    turn = {
        "id": said.id,
        "role": said.role,
        "content": said.content,
        "epoch": str(step.epoch),
        "person": said.person,
    }
    call = script(
        "record",
        [keys.session(step.session_id), keys.turns(step.session_id)],
        str(step.epoch),
        said.id,
        dumps({name: value for name, value in turn.items() if value is not None}),
        TURNS_KEPT,
        ms(KEPT_AFTER_END),
    )
    return Command((call,), lambda replies: replies[0] == 1)


def conversation(step: Conversation) -> Command:
    def read(replies: list[Reply]) -> list[Said]:
        turns = [json.loads(turn) for turn in replies[0]]
        return [
            Said(turn["id"], turn["role"], turn["content"], int(turn["at"]), turn.get("person"))
            for turn in turns
        ]

    return Command((Call(("LRANGE", keys.turns(step.session_id), 0, -1)),), read)


def erase(step: Erase) -> Command:
    call = script("erase", [keys.session(step.session_id), keys.turns(step.session_id)], str(step.epoch))
    return Command((call,), nothing)


ENCODERS: Encoders = {
    Record: record,
    Conversation: conversation,
    Erase: erase,
}
