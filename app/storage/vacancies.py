"""Vacancies as Redis commands."""

from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.rooms.vacancies import LastEmptied, NoteEmptied
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, ms, nothing, script


def note_emptied(step: NoteEmptied) -> Command:
    call = script(
        "note_emptied",
        {"emptied": keys.emptied(step.room)},
        at_ms=step.at_ms,
        kept_ms=ms(KEPT_AFTER_END),
    )
    return Command((call,), nothing)


def last_emptied(step: LastEmptied) -> Command:
    call = Call(("GET", keys.emptied(step.room)))
    return Command((call,), lambda replies: int(replies[0]) if replies[0] else None)


ENCODERS: Encoders = {
    NoteEmptied: note_emptied,
    LastEmptied: last_emptied,
}
