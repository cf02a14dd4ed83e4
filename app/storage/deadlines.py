"""Deadlines as Redis commands."""

from greenroom.app.rooms.deadlines import Mark, Overdue, Unmark
from greenroom.app.rooms.room import Room
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Command, Encoders, ms, nothing, script


def mark(step: Mark) -> Command:
    call = script("mark", [keys.ROOMS_KEEPALIVE], str(step.room), ms(step.within), int(step.unless_marked))
    return Command((call,), nothing)


def unmark(step: Unmark) -> Command:
    return Command((script("unmark", [keys.ROOMS_KEEPALIVE], str(step.room)),), nothing)


def overdue(step: Overdue) -> Command:
    call = script("overdue", [keys.ROOMS_KEEPALIVE], step.limit)
    return Command((call,), lambda replies: [Room.parse(url) for url in replies[0]])


ENCODERS: Encoders = {
    Mark: mark,
    Unmark: unmark,
    Overdue: overdue,
}
