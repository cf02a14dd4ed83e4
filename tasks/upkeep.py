"""Upkeep: what is done every few seconds, and what is looked into when a provider says something.

Two beats make no difference, nor does what is said twice.
"""

from datetime import timedelta

from greenroom.app import providers
from greenroom.app.errors import BadRoom
from greenroom.app.rooms.evidence import Weighing
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.presence import Monitor
from greenroom.app.rooms.providers import RoomEvent
from greenroom.app.rooms.rates import TakeTurn
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room import Room
from greenroom.app.storage.ledger import RedisLedger
from greenroom.tasks.celery import REAP_EVERY, SWEEP_EVERY, app, settings
from greenroom.tasks.outgoing import CeleryLaunches

SOON = timedelta(milliseconds=100)

ledger = RedisLedger(settings.redis_url)
launches = CeleryLaunches(app)
rooms = providers.of(settings)
reaper = Reaper(ledger, launches, rooms)
monitor = Monitor(
    ledger, Joining(ledger, launches), rooms, bots=settings.bots, default_bot=settings.default_bot
)
weighing = Weighing(ledger, Reviving(ledger, launches, rooms), monitor, rooms)


@app.task(name="rooms.reap", send_events=False)  # every 3 s: it would be nearly all that Flower lists
def reap() -> None:
    """Look after dead bots, launches that got lost, and those that wait; now and then after what nobody says."""
    if not ledger.run(TakeTurn("reap", REAP_EVERY * 0.9)):
        return
    reaper.reap()
    reaper.tell_positions()
    reaper.make_room()
    if ledger.run(TakeTurn("sweep", SWEEP_EVERY * 0.9)):
        reaper.sweep()
    if ledger.run(TakeTurn("presence", SWEEP_EVERY * 0.9)):
        monitor.sweep()


@app.task(name="rooms.weigh")
def weigh(
    event: str, room_url: str, session_id: str | None = None, epoch: int | None = None, looks: int = 1
) -> None:
    """Look into what a provider said.  Safe to deliver twice, late, or not at all: the sweep looks as well."""
    try:
        room, happened = Room.parse(room_url), RoomEvent(event)
    except (BadRoom, ValueError):  # of another version's
        return
    wait = weighing.weigh(happened, room, session_id, epoch, looks=looks)
    if wait is not None:  # a few seconds: towards workers of bots nothing is ever sent for later
        about = (event, room_url, session_id, epoch, looks + 1)
        weigh.apply_async(about, countdown=max(wait, SOON).total_seconds())
