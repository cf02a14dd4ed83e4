"""Claimed rooms whose bot has not started: their launch waits in line, got lost, or is given up."""

from datetime import timedelta
from functools import cached_property

import structlog

from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.deadlines import ClearDeadline, SetDeadline
from greenroom.app.rooms.endings import end
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.leases import GIVEN_UP_BEFORE, PENDING_FOR, Hold, Lease, Withdraw
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.line import FindPlace, Place
from greenroom.app.rooms.moves import MOVES_WITHIN, MoveFailure, Target, call_off
from greenroom.app.rooms.queues import SessionQueues
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_lists import LastSession
from greenroom.app.rooms.sessions import STARTS_WITHIN, CountLaunch, ReadSession, Reason, Session, State
from greenroom.app.rooms.transitions import REPLACING
from greenroom.app.rooms.workers import ReadHosts

LAUNCHES_AT_MOST = 4  # of one session while a slot is free: the first, and three more
REPLACES_WITHIN = timedelta(seconds=40)  # a bot that does not leave in this time is not heard any more

log = structlog.get_logger(__name__)


class UnstartedLaunches:
    """What the reaper does for them in one pass, in which it counts the slots once."""

    def __init__(self, ledger: Ledger, launches: SessionQueues, reviving: Reviving) -> None:
        self._ledger = ledger
        self._launches = launches
        self._reviving = reviving

    def look_after(self, room: Room, lease: Lease) -> None:
        """See to the launch of a claimed room whose bot has not started: wait, launch it again, or give it up."""
        now_ms, place, session = self._ledger.run_all(
            [Now(), FindPlace(lease.session_id), ReadSession(lease.session_id)]
        )
        if isinstance(session, NoSuchSession):
            self._look_after_claim(room, lease)
            return
        age = timedelta(milliseconds=now_ms - lease.since_ms)
        if session.room != room:
            self._look_after_move(room, lease, session, age)
        elif session.procedure is not None and session.procedure.kind == REPLACING:
            self._look_after_replacement(room, lease, session, age)
        elif age < STARTS_WITHIN:  # the claim is new: its claimer is still writing the record and the launch
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

    def end_lapsed(self, room: Room) -> None:
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
        if session.room == room and session.state is State.PENDING and is_old:
            reason = Reason.LAUNCH_FAILED if self._all_slots else Reason.NO_WORKER
            end(
                self._ledger,
                session,
                reason,
                "no worker started its bot, and nobody looked after it, in time",
            )

    def _look_after_claim(self, room: Room, lease: Lease) -> None:
        """Withdraw a claim without a record, unless its claimer may still be writing that."""
        age = timedelta(milliseconds=self._ledger.run(Now()) - lease.since_ms)
        if age < STARTS_WITHIN:
            self._ledger.run(SetDeadline(room, STARTS_WITHIN - age))
        else:
            self._ledger.run_all([Withdraw(room, lease.epoch), ClearDeadline(room)])

    def _look_after_move(self, room: Room, lease: Lease, session: Session, age: timedelta) -> None:
        """See to the claim of a session that is to move here: have its bot asked again, or call the move off."""
        target = Target.of(session)
        if target is None or target.epoch != lease.epoch:
            self._look_after_claim(room, lease)
        elif age >= MOVES_WITHIN:
            late = f"it was not made within {MOVES_WITHIN.seconds} seconds"
            self._ledger.run_all(
                [call_off(session, target, MoveFailure.BOT_SILENT, late), ClearDeadline(room)]
            )
        else:
            again = self._launches.transition(session, target.epoch, again=True)
            self._ledger.run_all([again, SetDeadline(room, MOVES_WITHIN - age)])

    def _look_after_replacement(self, room: Room, lease: Lease, session: Session, age: timedelta) -> None:
        """See to a session whose bot comes when that of another one has left."""
        if age >= REPLACES_WITHIN:
            why = "the bot that its user has in another room did not leave"
            self._give_up(room, lease, session, Reason.LAUNCH_FAILED, why)
        else:
            again = self._launches.transition(session, session.epoch, again=True)
            self._ledger.run_all([again, SetDeadline(room, STARTS_WITHIN)])

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
        slots, seconds = self._all_slots, int(unasked.total_seconds())
        if not slots:
            return (
                Reason.NO_WORKER,
                f"no worker for bots lives, and nobody asked for it for {seconds} seconds",
            )
        taken = f"all {slots} slots stayed taken for {seconds} seconds"
        if lease.lasts > PENDING_FOR:  # parked: its caller does not know that they have to ask again
            return Reason.NO_SLOT, taken
        return Reason.NOT_ASKED_FOR, f"nobody asked for its place in line any more, and {taken}"

    @cached_property
    def _all_slots(self) -> int:
        """The slots of all workers that run bots and take launches."""
        hosts = self._ledger.run(ReadHosts())
        return sum(host.slots for host in hosts if host.kind == "bots" and not host.draining)
