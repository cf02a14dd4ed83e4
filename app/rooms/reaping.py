"""Reaping: looks after the rooms whose deadline has passed, and reads no others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from greenroom.app.errors import InboxFull, NoSuchSession, RedisAway
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.deadlines import ClearDeadline, OverdueRooms, SetDeadline
from greenroom.app.rooms.endings import end, end_as_read, end_lost
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.leases import (
    BEAT_EVERY,
    DOUBT_LASTS,
    PENDING_FOR,
    STALE_AFTER,
    Finding,
    Hold,
    Lease,
    ReadRoom,
    Release,
    Withdraw,
)
from greenroom.app.rooms.ledger import Ledger, Step
from greenroom.app.rooms.line import FindPlace, LeaveLine, Line, Place
from greenroom.app.rooms.messages import sending
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.requests import GiveWay
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import (
    STARTS_WITHIN,
    CountLaunch,
    Forget,
    Happened,
    LastSession,
    LongAlone,
    Note,
    PageOfSessions,
    ReadSession,
    ReadSessions,
    Reason,
    Session,
    State,
)
from greenroom.app.rooms.workers import Host, ReadHeld, ReadHosts

LAUNCHES_AT_MOST = 4  # of one session while a slot is free: the first, and three more
GIVEN_UP_BEFORE = timedelta(seconds=15)  # how long before a claim lapses its place in line is given up
ORPHANED_AFTER = timedelta(seconds=90)  # longer than a claim lasts, unless it is a parked session's
MISSED_A_BEAT = BEAT_EVERY * 1.2  # a bot that is not heard for longer is dead, if its worker has died
NOT_HEARD = BotFailure(FailureKind.NOT_HEARD, f"was not heard for {STALE_AFTER.seconds} seconds")
GIVES_WAY_AFTER = timedelta(seconds=30)  # whoever reloads the page finds the bot still there
SWEPT_AT_ONCE = 100  # sessions, whose rooms are read in one transaction: Redis does nothing else in that time
POSITIONS_TOLD = 100  # those further behind learn theirs when they ask

log = structlog.get_logger(__name__)


class Reaper:
    """Revives the sessions of dead bots, and launches again what never started.  Safe to run twice at once."""

    def __init__(self, ledger: Ledger, launches: LaunchQueue, providers: Providers | None = None) -> None:
        self._ledger = ledger
        self._launches = launches
        self._reviving = Reviving(ledger, launches, providers)
        self._told: dict[str, int] = {}  # session -> the position in line that its history says
        self._slots: int | None = None  # of all workers, read at most once a pass

    def reap(self) -> Counter[str]:
        """Look at every room that is overdue; says how many were found in which condition."""
        found: Counter[str] = Counter()
        self._slots = None
        for room in self._ledger.run(OverdueRooms()):
            try:
                finding, lease = self._reviving.revive(
                    room, NOT_HEARD, quiet_for=STALE_AFTER, raises_doubt=True
                )
                found[finding] += 1
                self._act(room, finding, lease)
            except RedisAway:
                raise
            except Exception:  # a room that fails must not keep the others from being looked after
                log.exception("room_check_failed", room=str(room))
                self._ledger.run(SetDeadline(room, STARTS_WITHIN))
        return found

    def tell_positions(self) -> None:
        """Write into each waiting session's history where it stands in line; remove those that wait no more."""
        told, self._told = self._told, {}
        waiting = self._ledger.run(Line(POSITIONS_TOLD))
        free = self._ledger.run(FindPlace()).free if waiting else 0
        notes: list[Step[Any]] = []
        for ahead, session in enumerate(self._those_that_wait(waiting)):
            position = ahead + 1 - free
            if position < 1:
                continue
            self._told[session.id] = position
            if told.get(session.id) != position:
                notes.append(Note(session.id, Happened.QUEUED, session.epoch, f"position {position}"))
        if notes:
            self._ledger.run_all(notes)

    def make_room(self) -> int:
        """Ask bots that are alone, the longest first, to leave their slots to those who wait; says how many were asked.

        The bot decides, since it knows whether it is alone: one to whom somebody has come meanwhile stays.
        """
        place, now_ms = self._ledger.run_all([FindPlace(), Now()])
        wanted = place.waiting - place.free
        if wanted <= 0:
            return 0
        before_ms = now_ms - GIVES_WAY_AFTER // timedelta(milliseconds=1)
        alone = self._ledger.run(LongAlone(before_ms, wanted))
        asked = [session for session in self._ledger.run(ReadSessions(tuple(alone))) if session is not None]
        for session in asked:
            with suppress(InboxFull):  # its bot reads nothing: the reaper will find it dead
                self._ledger.run(sending(session, GiveWay(), nonce="give-way"))
        return len(asked)

    def sweep(self) -> int:
        """End the sessions that are unchanged for ORPHANED_AFTER and have not got their room's lease; says how many."""
        swept = 0
        for now_ms, page in self._those_that_are_on():
            unchanged = []
            for session_id, session in page:
                if session is None or session.state is State.ENDED:  # whoever ended it died before this
                    self._ledger.run(Forget(session_id, session.brief.user_id if session else None))
                elif now_ms - session.updated_ms >= ORPHANED_AFTER // timedelta(milliseconds=1):
                    unchanged.append(session)
            for session in self._orphans_of(unchanged):
                never_started = session.state is State.PENDING
                reason = Reason.LAUNCH_FAILED if never_started else Reason.ERROR
                end_as_read(self._ledger, session, reason, "its room was not its own any more")
                swept += 1
        return swept

    def lost(self, session_id: str, *, owner: str, failure: BotFailure, over: Reason | None = None) -> bool:
        """Revive the session of a bot whose process is known to be dead, or end it where it is `over` for a reason.

        False, and nothing is changed, if the room was not that bot's any more.
        """
        try:
            session = self._ledger.run(ReadSession(session_id))
        except NoSuchSession:
            return False
        if over is not None:
            if not self._ledger.run(Release(session.room, session.epoch, owner)):
                return False
            end_lost(self._ledger, session_id, over, f"its bot {failure}")
            return True
        finding, _ = self._reviving.revive(session.room, failure, owner=owner)
        return finding is Finding.SUPERSEDED

    def inherit(self, host_id: str, held: dict[str, str]) -> dict[str, str]:
        """Revive the sessions that the last worker of this name held; returns those whose bots may still be alive.

        Such a bot is dead once it has missed a beat: the kernel ends the bots of a worker that dies.
        """
        failure = BotFailure(FailureKind.WORKER_DIED, f"died with its worker {host_id}")
        undecided = {}
        found = self._ledger.run(ReadSessions(tuple(held)))
        for (session_id, owner), session in zip(held.items(), found, strict=True):
            if session is None:
                continue
            finding, _ = self._reviving.revive(session.room, failure, owner=owner, quiet_for=MISSED_A_BEAT)
            if finding is Finding.ALIVE:
                undecided[session_id] = owner
        return undecided

    def held_by(self, host_id: str) -> dict[str, str]:
        """The sessions that a worker of this name last reported, each with the owner of its lease."""
        held = self._ledger.run(ReadHeld(host_id))
        return dict(held)

    def _those_that_wait(self, session_ids: list[str]) -> Iterator[Session]:
        found = self._ledger.run(ReadSessions(tuple(session_ids)))
        for session_id, session in zip(session_ids, found, strict=True):
            if session is not None and session.state is State.PENDING:
                yield session
            else:
                self._ledger.run(LeaveLine(session_id, is_served=False))

    def _those_that_are_on(self) -> Iterator[tuple[int, list[tuple[str, Session | None]]]]:
        """All sessions, so many at once, each with its id; and the ledger's time when they were read, in ms."""
        after: str | None = ""
        while after is not None:
            page = self._ledger.run(PageOfSessions(after, SWEPT_AT_ONCE))
            now_ms, found = self._ledger.run_all([Now(), ReadSessions(tuple(page.session_ids))])
            yield now_ms, list(zip(page.session_ids, found, strict=True))
            after = page.after

    def _orphans_of(self, sessions: Sequence[Session]) -> list[Session]:
        """Those of these sessions that have not got their room's lease."""
        views = self._ledger.run_all([ReadRoom(session.room) for session in sessions]) if sessions else []
        return [
            session
            for session, view in zip(sessions, views, strict=True)
            if view.lease is None or view.lease.session_id != session.id
        ]

    def _act(self, room: Room, finding: Finding, lease: Lease | None) -> None:
        if finding is Finding.ALIVE:
            age = self._ledger.run(ReadRoom(room)).age or timedelta(0)
            self._ledger.run(SetDeadline(room, max(BEAT_EVERY, STALE_AFTER - age)))
        elif finding is Finding.DOUBTED:
            self._ledger.run(SetDeadline(room, DOUBT_LASTS))
        elif finding is Finding.PENDING and lease is not None:
            self._look_after_launch(room, lease)
        elif finding is Finding.FREE:
            self._end_lapsed(room)
            self._ledger.run(ClearDeadline(room))

    def _end_lapsed(self, room: Room) -> None:
        """End the session of a claim that lapsed before the reaper could look after its launch."""
        now_ms, session_id = self._ledger.run_all([Now(), LastSession(room)])
        if session_id is None:
            return
        try:
            session = self._ledger.run(ReadSession(session_id))
        except NoSuchSession:
            return
        age = timedelta(milliseconds=now_ms - session.updated_ms)
        is_old = age > PENDING_FOR - STARTS_WITHIN  # else its claim is a new one
        if session.state is State.PENDING and is_old:
            reason = Reason.LAUNCH_FAILED if self._all_slots() else Reason.NO_WORKER
            end(
                self._ledger,
                session,
                reason,
                "no worker started its bot, and nobody looked after it, in time",
            )

    def _look_after_launch(self, room: Room, lease: Lease) -> None:
        now_ms, place, session = self._ledger.run_all(
            [Now(), FindPlace(lease.session_id), ReadSession(lease.session_id)]
        )
        if isinstance(session, NoSuchSession):
            self._look_after_claim(room, lease)
            return
        age = timedelta(milliseconds=now_ms - lease.since_ms)
        if age < STARTS_WITHIN:  # the claim is new: its claimer is still writing the record and the launch
            self._ledger.run(SetDeadline(room, STARTS_WITHIN - age))
        elif session.epoch < lease.epoch and lease.token:  # whoever superseded its bot died before this
            died = BotFailure(FailureKind.NOT_HEARD, "died")
            self._reviving.go_on(room, session.id, lease.epoch, lease.token, died)
        elif place.position is not None:
            unasked = timedelta(milliseconds=now_ms - lease.asked_ms)
            self._keep_in_line(room, lease, session, place, unasked)
        elif not lease.tries:  # a slot has just become free: a worker takes its launch from the queue
            self._look_again(room, lease, tries=1)
        else:
            self._launch_again(room, lease, session)

    def _look_after_claim(self, room: Room, lease: Lease) -> None:
        """Withdraw a claim without a record, unless its claimer may still be writing that."""
        age = timedelta(milliseconds=self._ledger.run(Now()) - lease.since_ms)
        if age < STARTS_WITHIN:
            self._ledger.run(SetDeadline(room, STARTS_WITHIN - age))
        else:
            self._ledger.run_all([Withdraw(room, lease.epoch), ClearDeadline(room)])

    def _keep_in_line(
        self, room: Room, lease: Lease, session: Session, place: Place, unasked: timedelta
    ) -> None:
        """Keep a session in line while all slots are taken, or give its place up if nobody asked for it for long."""
        pushed_ms = max(place.since_ms, lease.since_ms, lease.tried_ms)
        if unasked + GIVEN_UP_BEFORE >= lease.lasts:
            self._give_up(room, lease, session, *self._why_no_slot(lease, unasked))
        elif place.served_ms > pushed_ms:  # a worker has taken a later launch, so this one got lost
            self._launch_again(room, lease, session)
        else:
            self._look_again(room, lease, tries=0)

    def _look_again(self, room: Room, lease: Lease, *, tries: int) -> None:
        self._ledger.run_all([Hold(room, lease.epoch, tries=tries), SetDeadline(room, STARTS_WITHIN)])

    def _launch_again(self, room: Room, lease: Lease, session: Session) -> None:
        """Launch a session again whose launch got lost: there was a slot for it, and no worker started it."""
        tries = max(1, lease.tries) + 1
        if tries > LAUNCHES_AT_MOST or not lease.token:
            why = f"no worker started its bot: {lease.tries} launches got lost between the queue and the workers"
            self._give_up(room, lease, session, Reason.LAUNCH_FAILED, why)
            return
        launches = self._ledger.run(CountLaunch(session.id))
        log.warning("launch_repeated", session_id=session.id, room=str(room), launches=launches)
        # Held first: should this process die between the two, the claim has counted the launch, and is looked at again
        self._look_again(room, lease, tries=tries)
        self._ledger.run(self._launches.launch(session, lease.token, in_front=True))

    def _give_up(self, room: Room, lease: Lease, session: Session, reason: Reason, why: str) -> None:
        withdrawn, _ = self._ledger.run_all([Withdraw(room, lease.epoch), ClearDeadline(room)])
        if withdrawn:
            end(self._ledger, session, reason, why)

    def _why_no_slot(self, lease: Lease, unasked: timedelta) -> tuple[Reason, str]:
        slots, seconds = self._all_slots(), int(unasked.total_seconds())
        if not slots:
            return (
                Reason.NO_WORKER,
                f"no worker for bots lives, and nobody asked for it for {seconds} seconds",
            )
        taken = f"all {slots} slots stayed taken for {seconds} seconds"
        if lease.lasts > PENDING_FOR:  # parked: its caller does not know that they have to ask again
            return Reason.NO_SLOT, taken
        return Reason.NOT_ASKED_FOR, f"nobody asked for its place in line any more, and {taken}"

    def _all_slots(self) -> int:
        """The slots of all workers that run bots and take launches."""
        if self._slots is None:
            hosts = self._ledger.run(ReadHosts())
            self._slots = _slots_of(hosts)
        return self._slots


def _slots_of(hosts: Sequence[Host]) -> int:
    return sum(host.slots for host in hosts if host.kind == "bots" and not host.draining)
