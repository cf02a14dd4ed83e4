"""Upkeep: what is done every few seconds, and what is looked into when a provider says something.

Two beats make no difference, nor does what is said twice.
"""

from datetime import timedelta

from greenroom.app.errors.rooms import BadRoom
from greenroom.app.queue_names import CONTROL
from greenroom.app.rooms.asked_reaping import TellReaped, reap_as_asked
from greenroom.app.rooms.line_upkeep import free_slots
from greenroom.app.rooms.providers import RoomEvent
from greenroom.app.rooms.rates import ClaimPeriod
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sweeping import sweep
from greenroom.tasks.celery import FORGET_EVERY, REAP_EVERY, SUM_UP_LOST_EVERY, SWEEP_EVERY, app, settings
from greenroom.tasks.parts import flusher, upkeep

SOON = timedelta(milliseconds=100)


@app.task(name="rooms.reap", send_events=False)  # every 3 s: it would be nearly all that Flower lists
def reap() -> None:
    """Look after dead bots, launches that got lost, and those that wait; now and then after what nobody says."""
    here = upkeep()
    if not here.ledger.run(ClaimPeriod("reap", REAP_EVERY * 0.9)):
        return
    if flusher().has_work:  # a task of its own: no room waits for a slow database
        app.send_task("conversations.flush", queue=CONTROL)
    here.reaper.reap()
    here.pauses.look()
    here.positions.tell()
    free_slots(here.ledger)
    if here.ledger.run(ClaimPeriod("sweep", SWEEP_EVERY * 0.9)):
        sweep(here.ledger)
    if here.ledger.run(ClaimPeriod("forget", FORGET_EVERY * 0.9)):
        app.send_task("conversations.forget_old", queue=CONTROL)
    if here.ledger.run(ClaimPeriod("summaries", SUM_UP_LOST_EVERY * 0.9)) and not settings().backend_url:
        app.send_task("conversations.summarise_lost", queue=CONTROL)
    if here.ledger.run(ClaimPeriod("presence", SWEEP_EVERY * 0.9)):
        here.monitor.sweep()


@app.task(name="rooms.reap_asked")
def reap_asked(request_id: str, room_url: str | None = None) -> None:
    """Look after a room, or after all that are overdue, and tell whoever asked.  Safe to deliver twice, or late."""
    here = upkeep()
    try:
        room = Room.parse(room_url) if room_url is not None else None
    except BadRoom:  # of another version's
        return
    here.ledger.run(TellReaped(request_id, reap_as_asked(here.ledger, here.reaper, room)))


@app.task(name="rooms.weigh")
def weigh(
    event: str, room_url: str, session_id: str | None = None, epoch: int | None = None, looks: int = 1
) -> None:
    """Look into what a provider said.  Safe to deliver twice, late, or not at all: the sweep looks as well."""
    try:
        room, happened = Room.parse(room_url), RoomEvent(event)
    except (BadRoom, ValueError):  # of another version's
        return
    wait = upkeep().weighing.weigh(happened, room, session_id, epoch, looks=looks)
    if wait is not None:  # a few seconds: towards workers of bots nothing is ever sent for later
        about = (event, room_url, session_id, epoch, looks + 1)
        weigh.apply_async(about, countdown=max(wait, SOON).total_seconds())
