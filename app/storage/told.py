"""What is told of all sessions, as Redis commands."""

from typing import Any

from greenroom.app.rooms.told import BEGINNING, EndOfTold, Entry, Hear, Place, ReadTold
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, dumps, ms, nothing, pairs, script


def hear(step: Hear) -> Command:
    events = [
        {
            "type": sound.type,
            "sequence": str(sound.sequence),
            "facts": [part for pair in sound.facts.items() for part in pair],
        }
        for sound in step.sounds
    ]
    call = script(
        "hear",
        {"session": keys.session(step.session_id), "heard": keys.heard()},
        epoch=str(step.epoch),
        events=dumps(events),
    )
    return Command((call,), nothing)


def read_told(step: ReadTold) -> Command:
    def read(replies: list[Reply]) -> list[Entry]:
        return [
            Entry(entry_id, key == keys.heard(), fields if isinstance(fields, dict) else pairs(fields))
            for key, entries in _streams(replies[0])
            for entry_id, fields in entries
        ]

    wait = ("BLOCK", max(1, ms(step.wait))) if step.wait else ()  # BLOCK 0 would wait for ever
    after = (step.after.told, step.after.heard)
    call = Call(("XREAD", "COUNT", step.limit, *wait, "STREAMS", keys.told(), keys.heard(), *after))
    return Command((call,), read)


def _streams(reply: Reply) -> list[tuple[str, Any]]:
    """Each stream that has new entries; redis-py's shape differs between protocols."""
    if isinstance(reply, dict):
        return [(key, entries[0]) for key, entries in reply.items()]
    return [(key, entries) for key, entries in reply or ()]


def end_of_told(_: EndOfTold) -> Command:
    def read(replies: list[Reply]) -> Place:
        return Place(*(reply[0][0] if reply else BEGINNING for reply in replies))

    last = tuple(Call(("XREVRANGE", key, "+", "-", "COUNT", 1)) for key in (keys.told(), keys.heard()))
    return Command(last, read)


ENCODERS: Encoders = {
    Hear: hear,
    ReadTold: read_told,
    EndOfTold: end_of_told,
}
