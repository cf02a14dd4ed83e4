"""Deadlines as Redis commands."""

from greenroom.app.rooms.deadlines import ClearDeadline, OverdueRooms, SetDeadline
from greenroom.app.rooms.room import Room
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Command, Encoders, ms, nothing, script


def set_deadline(step: SetDeadline) -> Command:
    call = script(
        "set_deadline",
        {"deadlines": keys.ROOMS_KEEPALIVE},
        member=str(step.room),
        within_ms=ms(step.within),
        only_new=int(step.unless_set),
    )
    return Command((call,), nothing)


def clear_deadline(step: ClearDeadline) -> Command:
    call = script("clear_deadline", {"deadlines": keys.ROOMS_KEEPALIVE}, member=str(step.room))
    return Command((call,), nothing)


def overdue_rooms(step: OverdueRooms) -> Command:
    call = script("overdue_rooms", {"deadlines": keys.ROOMS_KEEPALIVE}, limit=step.limit)
    return Command((call,), lambda replies: [Room.parse(url) for url in replies[0]])


ENCODERS: Encoders = {
    SetDeadline: set_deadline,
    ClearDeadline: clear_deadline,
    OverdueRooms: overdue_rooms,
}
