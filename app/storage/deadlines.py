"""Deadlines as Redis commands."""

from greenroom.app.rooms.deadlines import ClearDeadline, OverdueRooms, SetDeadline
from greenroom.app.rooms.room import Room
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Command, Encoders, ms, nothing, script


def set_deadline(step: SetDeadline) -> Command:
    call = script(
        "set_deadline", [keys.ROOMS_KEEPALIVE], str(step.room), ms(step.within), int(step.unless_set)
    )
    return Command((call,), nothing)


def clear_deadline(step: ClearDeadline) -> Command:
    return Command((script("clear_deadline", [keys.ROOMS_KEEPALIVE], str(step.room)),), nothing)


def overdue_rooms(step: OverdueRooms) -> Command:
    call = script("overdue_rooms", [keys.ROOMS_KEEPALIVE], step.limit)
    return Command((call,), lambda replies: [Room.parse(url) for url in replies[0]])


ENCODERS: Encoders = {
    SetDeadline: set_deadline,
    ClearDeadline: clear_deadline,
    OverdueRooms: overdue_rooms,
}
