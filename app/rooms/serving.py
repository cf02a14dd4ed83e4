"""Serving a room that is free: with the bot that its caller has elsewhere, or with a new one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import structlog

from greenroom.app.errors.bots import ServiceNotReady
from greenroom.app.errors.families import GreenroomError
from greenroom.app.errors.limits import QueueFull, TooManyInLine, TooManyOfOneUser, TooManySessions
from greenroom.app.errors.sessions import ConversationOfAnother, LaunchFailed
from greenroom.app.rooms.creating import Create, Created, Launching, Limits
from greenroom.app.rooms.endings import end_taken_over
from greenroom.app.rooms.joined import Joined
from greenroom.app.rooms.leases import (
    Claim,
    Claimed,
    Withdraw,
)
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.orders import Order
from greenroom.app.rooms.queues import SessionQueues
from greenroom.app.rooms.sessions import Reason, Session, State
from greenroom.app.rooms.shared_answers import SharedAnswers
from greenroom.app.rooms.transitions import Choice, Elsewhere, Transitions, following, like
from greenroom.app.rooms.voice_rooms import is_voice_room
from greenroom.app.rooms.workers import Host, ReadHosts, unfit_everywhere, unready_everywhere

LIMITS = Limits()
HOSTS_READ_EVERY = timedelta(seconds=15)  # what a worker lacks stays so until it is started anew
REFUSALS: Mapping[Created, type[GreenroomError]] = {
    Created.CONVERSATION: ConversationOfAnother,
    Created.SESSIONS: TooManySessions,
    Created.LINE: QueueFull,
    Created.USER_SESSIONS: TooManyOfOneUser,
    Created.USER_LINE: TooManyInLine,
}

log = structlog.get_logger(__name__)


class Serving:
    """Has claimed rooms served."""

    def __init__(self, ledger: Ledger, launches: SessionQueues) -> None:
        self._ledger = ledger
        self._launches = launches
        self._transitions = Transitions(ledger, launches)
        self._hosts: SharedAnswers[list[Host]] = SharedAnswers(HOSTS_READ_EVERY)

    def serve(self, order: Order, session_id: str, token: str, claimed: Claimed) -> Joined | None:
        """Have a room served that was free: by the bot that its caller has elsewhere, or by a new one.

        None, if that has changed meanwhile and is to be decided anew.
        """
        elsewhere = None
        if claimed.elsewhere and order.may_move:
            elsewhere = self._transitions.choose(claimed.elsewhere, order.room, order.brief, order.named)
        if elsewhere is None:
            return self._launch(order, session_id, token, claimed)
        if elsewhere.choice is Choice.MOVE:
            return self._have_it_come(order, elsewhere, claimed)
        its, is_another = elsewhere.session, elsewhere.choice is Choice.ANOTHER
        of_brief = (
            following(order.brief, its, order.named)
            if is_another
            else like(order.brief, its.brief, order.named)
        )
        order = replace(order, brief=of_brief)
        if is_another:
            self._check_can_follow(order, its, claimed)
            self._check_ready(order, claimed)
        withdraw, claim = Withdraw(order.room, claimed.epoch), Claim(order.room, session_id, token, of_brief)
        _, again = self._ledger.run_all([withdraw, claim])
        if not isinstance(again, Claimed):
            return None
        if not is_another:
            return self._launch(order, session_id, token, replace(again, took_over=claimed.took_over))
        if self._transitions.has_slot_for_another():
            # Its start shows whether the one that is there may leave
            return self._launch(order, session_id, token, replace(again, took_over=claimed.took_over), its)
        end_taken_over(self._ledger, claimed.took_over, order.room)
        session = _session(order, session_id, again, its)
        self._transitions.replace(session)
        return Joined.of(session, reused=False)

    def _check_can_follow(self, order: Order, its: Session, claimed: Claimed) -> None:
        """Raises LaunchFailed, and the room is free again, where no worker can import the bot that is to follow."""
        bot = order.brief.bot
        if why := unfit_everywhere(self._ledger.run(ReadHosts()), bot):
            self._give_back(order, claimed)
            raise LaunchFailed(
                f"The bot '{bot}' {why}. The one in {its.room} stays there.", reason=Reason.LAUNCH_FAILED
            )

    def _check_ready(self, order: Order, claimed: Claimed) -> None:
        """Raises ServiceNotReady, and the room is free again, where every worker lacks a service that its bot needs.

        Its launch would fail on each of them.  The workers are asked seldom: a join has no round trip to spare.
        """
        hosts = self._hosts.get("hosts", lambda: self._ledger.run(ReadHosts()))
        brief = order.brief
        if why := unready_everywhere(hosts, brief.bot, brief.personality):
            self._give_back(order, claimed)
            raise ServiceNotReady(
                f"The personality {brief.personality} lacks a speech service: {why}.",
                personality=brief.personality,
            )

    def _give_back(self, order: Order, claimed: Claimed) -> None:
        """Nobody comes into the room: it is free again, and whose bot was dead there has no claim to it."""
        self._ledger.run(Withdraw(order.room, claimed.epoch))
        end_taken_over(self._ledger, claimed.took_over, order.room)

    def _have_it_come(self, order: Order, elsewhere: Elsewhere, claimed: Claimed) -> Joined | None:
        alone_with = None if is_voice_room(elsewhere.session.room) else order.brief.user_id
        begun = self._transitions.begin(
            elsewhere, order.room, order.brief, order.named, alone_with=alone_with, instead_of=claimed
        )
        return begun if isinstance(begun, Joined) else None

    def _launch(
        self, order: Order, session_id: str, token: str, claimed: Claimed, its: Session | None = None
    ) -> Joined:
        """Launch a session's first bot; that of `its`, in another room, leaves once this one is on stage."""
        self._check_ready(order, claimed)
        session = _session(order, session_id, claimed, its)
        launching = Launching(self._launches.launch(session, token), LIMITS)
        created = self._ledger.run(Create(session, launching))
        if refusal := REFUSALS.get(created.outcome):
            self._give_back(order, claimed)
            raise refusal()
        log.info(
            "session_changed",
            state=State.PENDING,
            session_id=session_id,
            room=str(order.room),
            epoch=claimed.epoch,
        )
        end_taken_over(self._ledger, claimed.took_over, order.room)
        return Joined.of(session, reused=False).in_line(created.place)


def _session(order: Order, session_id: str, claimed: Claimed, its: Session | None) -> Session:
    """The order's session, which comes instead of its user's in another room, if any."""
    session = Session(session_id, order.room, order.brief, claimed.epoch, link=order.link)
    if its is None:
        return session
    came_from = (*its.came_from, its.room)  # its user goes back there as with the session before it
    return replace(session, came_from=came_from, instead_of=its.id)
