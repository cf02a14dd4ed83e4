"""Evidence: what a room's provider said by itself, weighed against what the ledger and the room say now.

It may be late, early, said twice or out of order, so it is never a command: it says where to look, and
what is found there decides.
"""

from datetime import timedelta

import structlog

from greenroom.app.errors.rooms import NotOurRoom, ProviderAway
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.leases import BEAT_EVERY, Found, Lease, LeaseStatus, ReadRoom
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.providers import Evidence, Provider, Providers, RoomEvent
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_monitor import Outcome, RoomMonitor
from greenroom.app.rooms.sessions import STARTS_WITHIN

MISSED_TWO_BEATS = (
    BEAT_EVERY * 2
)  # a bot that its room saw leave is replaced after this silence, not after 20 s
LOOKS_AT_MOST = 3  # how often one webhook makes us look
SETTLES_WITHIN = timedelta(seconds=3)  # a room's server lists a change up to this much after its webhook
REMEMBERED_FOR = timedelta(minutes=15)  # a provider repeats a webhook for less than this

CHANGES_SOON = frozenset({Outcome.LEASED, Outcome.NOT_OVER})  # a bot is on its way in, or is just leaving
LEFT_ITS_ROOM = BotFailure(FailureKind.LEFT_ROOM, "left its room and was not heard")

log = structlog.get_logger(__name__)


def name_of(evidence: Evidence) -> str:
    """The name under which evidence that is said twice is recognised."""
    return f"{evidence.room.provider}:{evidence.id}"


class Weighing:
    """Looks where evidence points.  Safe to repeat, in any order."""

    def __init__(
        self, ledger: Ledger, reviving: Reviving, monitor: RoomMonitor, providers: Providers
    ) -> None:
        self._ledger = ledger
        self._reviving = reviving
        self._monitor = monitor
        self._providers = providers

    def weigh(
        self,
        event: RoomEvent,
        room: Room,
        session_id: str | None = None,
        epoch: int | None = None,
        *,
        looks: int = 1,
    ) -> timedelta | None:
        """Look once; returns after how long to look again, or None if all is known.

        `session_id` and `epoch` are those of our bot, where the event is about one.
        """
        try:
            provider = self._providers.of_room(room)
        except NotOurRoom:
            return None
        if event is RoomEvent.ROOM_FINISHED:
            self._monitor.emptied(room)
            return None
        if event is RoomEvent.PARTICIPANT_JOINED and session_id is not None:
            return None  # a bot of ours: its room is served
        if event is RoomEvent.PARTICIPANT_LEFT and session_id is not None:
            wait = self._bot_left(provider, room, session_id, epoch)
        else:
            wait = SETTLES_WITHIN if looks == 1 else self._people_changed(room)
        return wait if looks < LOOKS_AT_MOST else None

    def _bot_left(
        self, provider: Provider, room: Room, session_id: str, epoch: int | None
    ) -> timedelta | None:
        view = self._ledger.run(ReadRoom(room))
        if not _is_its(view.lease, session_id, epoch):  # it gave its room up or on, or was superseded
            return self._people_changed(room)
        if view.age is not None and view.age < MISSED_TWO_BEATS:
            return MISSED_TWO_BEATS - view.age
        try:
            there = provider.presence(room) or ()
        except ProviderAway:
            return SETTLES_WITHIN
        if any((who.session_id, who.epoch) == (session_id, epoch) for who in there):
            return None  # it was only away for a moment
        finding, _ = self._reviving.revive(room, LEFT_ITS_ROOM, epoch=epoch, quiet_for=MISSED_TWO_BEATS)
        return MISSED_TWO_BEATS if finding is Found.ALIVE else None

    def _people_changed(self, room: Room) -> timedelta | None:
        try:
            found = self._monitor.look(room)
        except ProviderAway:
            return SETTLES_WITHIN
        return STARTS_WITHIN if found in CHANGES_SOON else None


def _is_its(lease: Lease | None, session_id: str, epoch: int | None) -> bool:
    """Whether a room is still that bot's."""
    return (
        lease is not None
        and lease.status is not LeaseStatus.PENDING
        and (lease.session_id, lease.epoch) == (session_id, epoch)
    )
