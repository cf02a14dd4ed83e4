"""The root of tasks and workers: what they work with, each built once a process, when it is first asked for."""

from dataclasses import dataclass
from functools import cache

from greenroom.app import providers
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.provider_events import Weighing
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room_monitor import RoomMonitor
from greenroom.app.storage.ledger import RedisLedger
from greenroom.tasks.celery import app, settings
from greenroom.tasks.queues import CeleryQueues
from greenroom.tasks.worker.parent import WorkerParent


@dataclass(frozen=True)
class Upkeep:
    """What upkeep is done with."""

    ledger: Ledger
    reaper: Reaper
    monitor: RoomMonitor
    weighing: Weighing


@cache
def launches() -> CeleryQueues:
    return CeleryQueues(app)


@cache
def upkeep() -> Upkeep:
    chosen, ledger, rooms = settings(), RedisLedger(settings().redis_url), providers.of(settings())
    monitor = RoomMonitor(
        ledger, Joining(ledger, launches()), rooms, bots=chosen.bots, default_bot=chosen.default_bot
    )
    return Upkeep(
        ledger=ledger,
        reaper=Reaper(ledger, launches(), rooms),
        monitor=monitor,
        weighing=Weighing(ledger, Reviving(ledger, launches(), rooms), monitor, rooms),
    )


@cache
def parent() -> WorkerParent:
    """This process as the parent of a worker's."""
    ledger = RedisLedger(settings().redis_url)
    return WorkerParent(ledger, Reaper(ledger, launches()), settings().bots)
