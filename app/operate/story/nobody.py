"""No bot is there: nobody has the room, or a session has it that is over."""

from greenroom.app.operate.facts import A_MOMENT, RoomFacts
from greenroom.app.operate.findings import OK, PROBLEM, Finding
from greenroom.app.operate.story.endings import ENDINGS
from greenroom.app.operate.story.sentences import JOIN, found, reaper_will, where
from greenroom.app.operate.wording import duration
from greenroom.app.rooms.leases import STALE_AFTER, Lease, LeaseStatus
from greenroom.app.rooms.sessions import Reason, Session, State


def without_lease(facts: RoomFacts) -> Finding:
    """Nobody has the room: its last session has ended, or there was none."""
    session = facts.session
    if session is None:
        return found(
            OK,
            "There is no bot, and nobody has asked for one here in the last day.",
            f"{JOIN} If somebody did ask: was it this room, with this spelling, and what did `/join` answer them?",
        )
    if session.state is not State.ENDED:
        return _without_its_room(facts, session)
    ago = duration(facts.since(session.updated_ms))
    reason = session.reason or Reason.ERROR
    verdict, why, do = ENDINGS[reason]
    detail = next((event.detail for event in reversed(facts.events) if event.event == State.ENDED), None)
    because = f": {detail}" if detail else ""
    if reason in (Reason.LAUNCH_FAILED, Reason.NO_WORKER) and not facts.fleet.bots:
        do = "There is no bot worker now, either: start one (the `bots` line of the Procfile), then join again."
    return found(
        verdict,
        f"There is no bot: its last session ended {ago} ago as `{reason}`, {why}{because}.",
        f"{do} {JOIN}".strip(),
    )


def _without_its_room(facts: RoomFacts, session: Session) -> Finding:
    since = facts.since(session.updated_ms)
    if since <= A_MOMENT:
        return found(
            OK, f"Session {session.id} is just changing ({session.state}).", "Look again in a few seconds."
        )
    return found(
        PROBLEM,
        f"There is no bot that we know of: session {session.id} says that it is {session.state}, but the room has no "
        "lease. Redis may have lost it.",
        f"A bot that lives registers again within seconds. {reaper_will(facts.fleet, 'ends the session')} {JOIN}",
    )


def with_a_lease(facts: RoomFacts, lease: Lease, whose: str) -> Finding:
    """The room is kept for a session that is over; its bot may not have heard of that."""
    age = facts.view.age
    if age is not None and age <= STALE_AFTER and lease.status is not LeaseStatus.PENDING:
        return found(
            PROBLEM,
            f"There is a bot that should not be there any more: it was heard {duration(age)} ago on {where(lease)}, "
            f"for {whose}.",
            f"It should stop within seconds. If it does not, end its process ({lease.owner}: worker, job, pid).",
        )
    return found(
        PROBLEM,
        f"There is no bot, but the room is locked for {whose}.",
        f"{reaper_will(facts.fleet, 'frees it')} {JOIN}",
    )
