"""The story of one room: why there is a bot in it, or why not, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.operate.checkup import A_MOMENT, REAPED_WITHIN, UNHEARD
from greenroom.app.operate.facts import Fleet, RoomFacts
from greenroom.app.operate.findings import Finding, Verdict
from greenroom.app.operate.wording import count, duration, moment, some
from greenroom.app.rooms.leases import PARKED_FOR, STALE_AFTER, Lease, LeaseStatus
from greenroom.app.rooms.providers import Participant
from greenroom.app.rooms.sessions import STARTS_WITHIN, Event, Happened, Reason, Session, State
from greenroom.app.rooms.timings import BOT_STARTS_WITHIN, LOOP_BLOCKED_AT_MOST

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
TOLD = 20  # the last events of a history

# How a session ended: how bad it is, what it means, and what to do.
ENDINGS: Mapping[Reason, tuple[Verdict, str, str]] = {
    Reason.LEFT: (OK, "the call was ended", ""),
    Reason.IDLE: (OK, "the person left, and did not come back while the bot waited", ""),
    Reason.NO_SHOW: (
        OK,
        "nobody came into the room while the bot waited",
        "If somebody did try: could their browser reach the bot's machine by UDP (ICE_SERVERS, a firewall)?",
    ),
    Reason.MAX_DURATION: (OK, "its time was over (`max_duration` of its join, else MAX_DURATION)", ""),
    Reason.SUPERSEDED: (WARNING, "another session has taken the room over from it", ""),
    Reason.MOVED_OUT: (OK, "the bot has moved to another room", ""),
    Reason.LAUNCH_FAILED: (
        PROBLEM,
        "no bot could be started",
        "Look at `greenroom doctor` for workers and queue, and at the bots worker's log around that time.",
    ),
    Reason.NOT_ASKED_FOR: (
        WARNING,
        "it waited for a slot, and its caller stopped asking",
        "Who waits keeps the place by asking again within 45 seconds. More SLOTS, or workers, make the line shorter.",
    ),
    Reason.NO_SLOT: (
        PROBLEM,
        "its worker was stopped, and no other slot became free for it in ten minutes",
        "Start a worker, or raise SLOTS.",
    ),
    Reason.NO_WORKER: (
        PROBLEM,
        "there was no worker that could have started its bot",
        "Start one (the `bots` line of the Procfile).",
    ),
    Reason.ROOM_GONE: (WARNING, "the room was gone at its provider", ""),
    Reason.EJECTED: (WARNING, "the bot was thrown out of the room", ""),
    Reason.CRASHED_TOO_OFTEN: (
        PROBLEM,
        "its bots died again and again within a few minutes, so no further one was started",
        "The bots worker's log has the tracebacks, by session_id: is it this bot, its speech service, or memory?",
    ),
    Reason.SHUTDOWN: (
        WARNING,
        "its worker was told to stop at once",
        "Stop workers with SIGTERM, or `greenroom drain`: then calls are handed over instead.",
    ),
    Reason.ERROR: (PROBLEM, "its bot failed", "The bots worker's log says why, by session_id."),
}
JOIN = "`POST /join` brings a bot."


@dataclass(frozen=True)
class Story:
    """What is the matter with a room."""

    facts: RoomFacts
    finding: Finding

    def lines(self) -> list[str]:
        """Headline, what to do, and what happened."""
        session, now_ms = self.facts.session, self.facts.now_ms
        lines = [self.finding.says]
        if self.finding.do:
            lines += ["", f"What to do: {self.finding.do}"]
        if in_it := _there(self.facts):
            lines += ["", in_it]
        if session:
            lines += ["", f"What happened in session {session.id} (UTC, now {moment(now_ms, now_ms)}):"]
            left_out = len(self.facts.events) - TOLD
            lines += [f"  ... {count(left_out, 'event')} before"] if left_out > 0 else []
            lines += [
                f"  {moment(event.at_ms, now_ms)}  {in_words(event)}" for event in self.facts.events[-TOLD:]
            ]
        return lines

    def as_json(self) -> dict[str, object]:
        facts, lease, session = self.facts, self.facts.view.lease, self.facts.session
        return {
            **self.finding.as_json(),
            "room_url": str(facts.room),
            "lease": lease
            and {
                "status": lease.status,
                "session_id": lease.session_id,
                "host": lease.host,
                "since_ms": lease.since_ms,
            },
            "keepalive_age_ms": None
            if facts.view.age is None
            else round(facts.view.age / timedelta(milliseconds=1)),
            "session": session
            and {
                "id": session.id,
                "state": session.state,
                "reason": session.reason,
                "launches": session.launches,
            },
            "there": None
            if facts.there is None
            else [
                {
                    "identity": who.identity,
                    "name": who.name,
                    "is_bot": who.is_bot,
                    "session_id": who.session_id,
                }
                for who in facts.there
            ],
            "events": [
                {"at_ms": e.at_ms, "event": e.event, "reason": e.reason, "detail": e.detail}
                for e in facts.events
            ],
        }


def tell(facts: RoomFacts) -> Story:
    """Why there is a bot in this room, or why not."""
    lease = facts.view.lease
    if lease is None:
        finding = _unleased(facts)
    elif facts.session is None:
        finding = _of_nobody(facts, lease, f"session {lease.session_id}, of which nothing is known")
    elif facts.session.state is State.ENDED and _ago(facts, facts.session.updated_ms) > A_MOMENT:
        finding = _of_nobody(facts, lease, f"session {lease.session_id}, which has ended")
    elif lease.status is LeaseStatus.PENDING:
        finding = _starting(facts, lease, facts.session)
    else:
        finding = _on_stage(facts, lease, facts.session)
    return Story(facts, _after_its_server(facts, finding))


def _after_its_server(facts: RoomFacts, finding: Finding) -> Finding:
    """Where a room's own server is away, nobody can get in or be heard: that leads, whatever else there is."""
    if not facts.unasked:
        return finding
    return _found(
        PROBLEM,
        f"The server of this room cannot be asked: {facts.unasked.rstrip('.')}. While that is so no bot can come in "
        f"there, and who is in it cannot be told. {finding.says}",
        "Is that server up, and is there a way to it from here? Are its address and keys right (`greenroom settings`)? "
        "When it is back, bots and people reconnect by themselves."
        + (f" {finding.do}" if finding.do else ""),
    )


def _there(facts: RoomFacts) -> str:
    """Who is in the room, as its own server tells."""
    if facts.there is None:
        return ""
    if not facts.there:
        return "Nobody is in the room, says its server."
    return f"In the room, says its server: {', '.join(_who(facts, who) for who in facts.there)}."


def _who(facts: RoomFacts, who: Participant) -> str:
    if who.session_id is not None:
        lease = facts.view.lease
        is_its = lease is not None and (lease.session_id, lease.epoch) == (who.session_id, who.epoch)
        return f"{who.identity} ({'its bot' if is_its else f'a bot of session {who.session_id}, not the present one'})"
    name = f" ({who.name})" if who.name and who.name != who.identity else ""
    return f"{who.identity}{name}{', a bot of others' if who.is_bot else ''}"


def _found(verdict: Verdict, says: str, do: str = "") -> Finding:
    return Finding("room", verdict, says, do)


def _unleased(facts: RoomFacts) -> Finding:
    session = facts.session
    if session is None:
        return _found(
            OK,
            "There is no bot, and nobody has asked for one here in the last day.",
            f"{JOIN} If somebody did ask: was it this room, with this spelling, and what did `/join` answer them?",
        )
    if session.state is not State.ENDED:
        return _homeless(facts, session)
    ago = duration(_ago(facts, session.updated_ms))
    reason = session.reason or Reason.ERROR
    verdict, why, do = ENDINGS[reason]
    detail = next((event.detail for event in reversed(facts.events) if event.event == State.ENDED), None)
    because = f": {detail}" if detail else ""
    if reason in (Reason.LAUNCH_FAILED, Reason.NO_WORKER) and not facts.fleet.bots:
        do = "There is no bot worker now, either: start one (the `bots` line of the Procfile), then join again."
    return _found(
        verdict,
        f"There is no bot: its last session ended {ago} ago as `{reason}`, {why}{because}.",
        f"{do} {JOIN}".strip(),
    )


def _homeless(facts: RoomFacts, session: Session) -> Finding:
    since = _ago(facts, session.updated_ms)
    if since <= A_MOMENT:
        return _found(
            OK, f"Session {session.id} is just changing ({session.state}).", "Look again in a few seconds."
        )
    return _found(
        PROBLEM,
        f"There is no bot that we know of: session {session.id} says that it is {session.state}, but the room has no "
        "lease. Redis may have lost it.",
        f"A bot that lives registers again within seconds. {_reaper(facts.fleet, 'ends the session')} {JOIN}",
    )


def _of_nobody(facts: RoomFacts, lease: Lease, whose: str) -> Finding:
    age = facts.view.age
    if age is not None and age <= STALE_AFTER and lease.status is not LeaseStatus.PENDING:
        return _found(
            PROBLEM,
            f"There is a bot that should not be there any more: it was heard {duration(age)} ago on {_where(lease)}, "
            f"for {whose}.",
            f"It should stop within seconds. If it does not, end its process ({lease.owner}: worker, job, pid).",
        )
    return _found(
        PROBLEM,
        f"There is no bot, but the room is locked for {whose}.",
        f"{_reaper(facts.fleet, 'frees it')} {JOIN}",
    )


def _starting(facts: RoomFacts, lease: Lease, session: Session) -> Finding:
    fleet, place = facts.fleet, facts.place
    since = _ago(facts, max(session.updated_ms, lease.since_ms))
    before = _before(facts.events)
    says = f"There is no bot yet: session {session.id} has waited for one for {duration(since)}{before}."
    if not fleet.bots:
        return _found(
            PROBLEM,
            f"{says} No bot worker is there to take it.",
            "Start one: the `bots` line of the Procfile. It takes who waits at once, in order.",
        )
    if not fleet.free or place.position is not None:
        return _in_line(facts, says)
    if since <= STARTS_WITHIN:
        return _found(
            OK,
            f"The bot is on its way: asked for {duration(since)} ago{before}.",
            "Look again in a few seconds.",
        )
    tries = (
        f" {count(session.launches, 'launch', 'launches')} asked for so far." if session.launches > 1 else ""
    )
    return _found(
        PROBLEM,
        f"{says} There {'is' if fleet.free == 1 else 'are'} {count(fleet.free, 'free slot')}, and nobody has taken it."
        f"{tries}",
        f"{_reaper(fleet, 'launches it again, three times, and then gives up')} Does a bot worker hang? Their logs "
        "should have a line for each launch; `greenroom restart` replaces them without ending calls.",
    )


def _in_line(facts: RoomFacts, says: str) -> Finding:
    """All slots are taken, or are for those that came before."""
    hosts = facts.fleet.bots
    draining = [host.id for host in hosts if host.draining]
    slots = sum(host.slots for host in hosts if not host.draining)
    if not slots:
        return _found(
            PROBLEM,
            f"{says} Every bot worker is draining ({some(draining)}), and takes no launches.",
            f"`greenroom drain --undo {draining[0]}`, or start another worker.",
        )
    taken = "The only slot is taken." if slots == 1 else f"All {slots} slots are taken."
    place = f"It is number {facts.place.position} of those that wait." if facts.place.position else ""
    undo = (
        f"`greenroom drain --undo {draining[0]}` frees the slots of a worker that drains." if draining else ""
    )
    kept = (
        f"Its place is kept for {duration(PARKED_FOR)}."
        if _was_on_stage(facts.events)
        else "Its place is kept while its caller asks again, and given up a minute later."
    )
    more = "It starts when a slot gets free. To have one now, start another worker or raise SLOTS."
    return _found(WARNING, _sentences(says, taken, place), _sentences(more, undo, kept))


def _sentences(*parts: str) -> str:
    """Whole sentences, one after the other; an empty one is left out."""
    return " ".join(filter(None, parts))


def _on_stage(facts: RoomFacts, lease: Lease, session: Session) -> Finding:
    age, where = facts.view.age, _where(lease)
    if age is None or age > STALE_AFTER:
        return _unheard(facts, lease)
    heard = f"heard {duration(age)} ago on {where}"
    state = session.state
    if age > UNHEARD:
        return _found(
            WARNING,
            f"There is a bot, session {session.id}, but it was last {heard}; it should beat every 3 seconds.",
            "Look again in half a minute: by then it is back, or replaced. Is its machine overloaded, or its way to "
            "Redis cut? The call itself goes on meanwhile.",
        )
    if lease.status is LeaseStatus.HANDING_OVER:
        return _found(
            OK,
            f"There is a bot, session {session.id}, {heard}; it is being handed over to another process.",
            "Nothing: the person in the call need not notice.",
        )
    if state is State.JOINING and _ago(facts, session.updated_ms) > BOT_STARTS_WITHIN:
        return _found(
            WARNING,
            f"A worker's process has the bot ({heard}), but it has been joining for "
            f"{duration(_ago(facts, session.updated_ms))}.",
            "Does this bot build a pipeline, and does its speech service answer? The bots worker's log says how far "
            "it came.",
        )
    doing = {
        State.JOINING: "it is joining",
        State.LIVE: "it is live",
        State.PAUSED: "it is paused",
        State.WAITING: f"it is alone, and waits {duration(session.brief.persistence)} for its person",
    }.get(state, f"it is {state}")
    return _found(OK, f"There is a bot: session {session.id}, {heard}; {doing}.{_crashes(facts.events)}")


def _unheard(facts: RoomFacts, lease: Lease) -> Finding:
    age = facts.view.age
    for_long = f"for {duration(age)}" if age else "at all"
    living = {host.id for host in facts.fleet.hosts}
    was = f"There was a bot, session {lease.session_id} on {_where(lease)}, but it has not been heard {for_long}"
    replaced = (
        f"{_reaper(facts.fleet, 'gives the session to a new bot, with its conversation')} "
        "A join takes the room over within seconds."
    )
    if lease.host and lease.host not in living:
        return _found(
            PROBLEM,
            f"{was}, and its worker does not report either: the process, its machine, or its way to Redis is gone.",
            f"Start that worker again. {replaced}",
        )
    return _found(
        PROBLEM,
        f"{was}, though its worker reports: the bot has died, or it hangs, and then a watchdog ends it after "
        f"{duration(LOOP_BLOCKED_AT_MOST)}.",
        replaced,
    )


def _reaper(fleet: Fleet, does: str) -> str:
    if fleet.since_reaped is not None and fleet.since_reaped <= REAPED_WITHIN:
        return f"Within half a minute the reaper {does}."
    when = f"for {duration(fleet.since_reaped)}" if fleet.since_reaped else "today"
    return f"The reaper, which {does}, has not run {when}: start control and beat (`greenroom doctor`)."


def _where(lease: Lease) -> str:
    return lease.host or "a worker"


def _ago(facts: RoomFacts, at_ms: int) -> timedelta:
    return timedelta(milliseconds=max(0, facts.now_ms - at_ms))


def _was_on_stage(events: Sequence[Event]) -> bool:
    return any(event.event in (Happened.PARKED, State.LOST) for event in events)


def _before(events: Sequence[Event]) -> str:
    """What came before a session that waits, if it was on stage already."""
    for event in reversed(events):
        if event.event in (State.LOST, Happened.PARKED):
            detail = f" ({event.detail})" if event.detail else ""
            return f", since its bot was {event.event}{detail}"
    return ""


def _crashes(events: Sequence[Event]) -> str:
    lost = [event for event in events if event.event == State.LOST]
    if not lost:
        return ""
    times = "once" if len(lost) == 1 else f"{len(lost)} times"
    detail = f": {lost[-1].detail}" if lost[-1].detail else ""
    return f" Its bot was lost {times} before (last{detail})."


WORDS = {
    "pending": "a bot is asked for",
    "queued": "no slot is free",
    "joining": "a worker's process has taken it",
    "live": "on stage",
    "waiting": "alone in the room; it waits",
    "leaving": "leaving",
    "lost": "its bot was lost",
    "parked": "its worker stops, and there is no other slot: it waits in front of those who have just come",
    "handed_over": "goes on with another worker's bot",
    "ended": "ended",
}


def in_words(event: Event) -> str:
    """A line of a session's history."""
    extra = ", ".join(filter(None, (event.reason, event.detail)))
    words = WORDS.get(event.event, event.event.replace("_", " "))
    return f"{event.event:<16} {words}{f' ({extra})' if extra else ''}"
