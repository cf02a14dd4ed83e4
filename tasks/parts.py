"""The root of tasks and workers: what they work with, each built once a process, when it is first asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from greenroom.app import providers
from greenroom.app.queue_names import CONTROL
from greenroom.app.rooms.archive import Archive
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leaving import Leaving
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.line_upkeep import Positions
from greenroom.app.rooms.pausing import PauseUpkeep
from greenroom.app.rooms.provider_events import Weighing
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room_monitor import RoomMonitor
from greenroom.app.rooms.sessions import Session
from greenroom.app.rooms.summarising import Summaries, Writer, wanted_of
from greenroom.app.rooms.transitions import Carrier
from greenroom.app.storage.ledger import RedisLedger
from greenroom.bots.voices import unready
from greenroom.tasks.celery import app, settings
from greenroom.tasks.queues import CeleryQueues
from greenroom.tasks.worker.parent import WorkerParent

if TYPE_CHECKING:
    from greenroom.app.conversations.retention import SqlRetention

T = TypeVar("T")


class Once(Generic[T]):
    """Builds a part when it is first asked for, once in a process, however many threads ask."""

    def __init__(self, build: Callable[[], T]) -> None:
        self._build = build
        self._lock = Lock()
        self._built: list[T] = []

    def __call__(self) -> T:
        if not self._built:
            with self._lock:
                if not self._built:
                    self._built.append(self._build())
        return self._built[0]


@dataclass(frozen=True)
class Upkeep:
    """What upkeep is done with."""

    ledger: Ledger
    reaper: Reaper
    positions: Positions
    monitor: RoomMonitor
    weighing: Weighing
    pauses: PauseUpkeep


@dataclass(frozen=True)
class SummaryParts:
    """What summaries are written with."""

    summaries: Summaries
    writer: Writer


@Once
def launches() -> CeleryQueues:
    return CeleryQueues(app)


@Once
def upkeep() -> Upkeep:
    chosen, ledger, rooms = settings(), RedisLedger(settings().redis_url), providers.of(settings())
    monitor = RoomMonitor(
        ledger, Joining(ledger, launches()), rooms, bots=chosen.bots, default_bot=chosen.default_bot
    )
    return Upkeep(
        ledger=ledger,
        reaper=Reaper(ledger, launches(), rooms),
        positions=Positions(ledger),
        monitor=monitor,
        weighing=Weighing(ledger, Reviving(ledger, launches(), rooms), monitor, rooms),
        pauses=PauseUpkeep(ledger),
    )


@Once
def carrier() -> Carrier:
    ledger = RedisLedger(settings().redis_url)
    return Carrier(ledger, launches(), Leaving(ledger, providers.of(settings())))


@Once
def flusher() -> Flusher:
    return Flusher(RedisLedger(settings().redis_url), _archive(), on_ended=_sum_up)


def _sum_up(session: Session) -> None:
    """Have conversations summed up that their users' next bots are told of; a backend of one's own does that itself."""
    if settings().backend_url:
        return
    for conversation_id in wanted_of(session, summarising().summaries):
        app.send_task("conversations.summarise", (session.brief.tenant, conversation_id), queue=CONTROL)


@Once
def retention() -> "SqlRetention":
    from greenroom.app.conversations.database import Database
    from greenroom.app.conversations.retention import SqlRetention

    chosen = settings()
    keep_for = timedelta(days=chosen.keep_days) if chosen.keep_days else None
    return SqlRetention(Database(chosen.database_url), keep_for)


def _archive() -> Archive:
    chosen = settings()
    # Each is imported where it is used: SQLAlchemy alone takes half a second, which workers of bots do without
    if chosen.backend_url:
        from greenroom.app.backend.archive import BackendArchive
        from greenroom.app.backend.calls import Backend

        return BackendArchive(Backend(chosen.backend_url, chosen.backend_secret))
    from greenroom.app.conversations.archive import SqlArchive
    from greenroom.app.conversations.database import Database

    return SqlArchive(Database(chosen.database_url))


@Once
def summarising() -> SummaryParts:
    # Imported where they are used, as above
    from greenroom.app.conversations.database import Database
    from greenroom.app.conversations.summaries import SqlSummaries
    from greenroom.app.summary_writer import writer_of

    return SummaryParts(SqlSummaries(Database(settings().database_url)), writer_of(settings()))


@Once
def parent() -> WorkerParent:
    """This process as the parent of a worker's."""
    ledger = RedisLedger(settings().redis_url)
    return WorkerParent(ledger, Reaper(ledger, launches()), settings().bots, unready(settings()))
