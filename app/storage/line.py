"""The line as Redis commands."""

from datetime import timedelta

from greenroom.app.rooms.line import FindPlace, LeaveLine, Line, Place, Push, QueueLength
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, ms, nothing, script

# A session that was on stage before counts as if it had waited a day longer: so it is ahead of all that were not.
IN_FRONT = -timedelta(days=1)


def push(step: Push) -> Command:
    call = script(
        "push",
        {"queue": step.queue, "waiting": keys.LAUNCHES_WAITING},
        message=step.message,
        session=step.session_id,
        in_front=ms(-IN_FRONT) if step.in_front else 0,
    )
    return Command((call,), nothing)


def place_of(ahead: int, waiting: int, free: int, since: str = "0", served: str = "0") -> Place:
    return Place(None if ahead < 0 else ahead, waiting, free, int(since), int(served))


def find_place(step: FindPlace) -> Command:
    names = {
        "waiting": keys.LAUNCHES_WAITING,
        "hosts": keys.HOSTS,
        "free": keys.HOSTS_FREE,
        "served": keys.served(),
    }
    return Command(
        (script("find_place", names, session=step.session_id),), lambda replies: place_of(*replies[0])
    )


def line(step: Line) -> Command:
    call = Call(("ZRANGE", keys.LAUNCHES_WAITING, 0, step.limit - 1))
    return Command((call,), lambda replies: list(replies[0]))


def leave_line(step: LeaveLine) -> Command:
    call = script(
        "leave_line",
        {"waiting": keys.LAUNCHES_WAITING, "served": keys.served()},
        session=step.session_id,
        in_front=ms(-IN_FRONT) // 2,
        kept_ms=ms(KEPT_AFTER_END),
        is_served=int(step.is_served),
    )
    return Command((call,), nothing)


def queue_length(step: QueueLength) -> Command:
    return Command((Call(("LLEN", step.queue)),), lambda replies: int(replies[0]))


ENCODERS: Encoders = {
    Push: push,
    FindPlace: find_place,
    Line: line,
    LeaveLine: leave_line,
    QueueLength: queue_length,
}
