"""The story of one room: why there is a bot in it, or why not, and what to do."""

from dataclasses import dataclass

from greenroom.app.operate.facts import A_MOMENT, RoomFacts
from greenroom.app.operate.findings import PROBLEM, Finding
from greenroom.app.operate.story import nobody
from greenroom.app.operate.story.history import in_words
from greenroom.app.operate.story.on_stage import on_stage
from greenroom.app.operate.story.sentences import found
from greenroom.app.operate.story.starting import starting
from greenroom.app.operate.wording import count, moment, rfc3339
from greenroom.app.rooms.leases import LeaseStatus
from greenroom.app.rooms.providers import Participant
from greenroom.app.rooms.sessions import State

TOLD = 20  # the last events of a history


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
        """In the words of `GET /rooms/{room}` and of a session's events."""
        facts, lease, session = self.facts, self.facts.view.lease, self.facts.session
        return {
            **self.finding.as_json(),
            "room_url": str(facts.room),
            "lease": lease
            and {
                "status": lease.status,
                "session_id": lease.session_id,
                "host": lease.host,
                "since": rfc3339(lease.since_ms),
            },
            "keepalive": None
            if facts.view.age is None
            else {"age_seconds": round(facts.view.age.total_seconds(), 3)},
            "session": session
            and {
                "session_id": session.id,
                "state": session.state,
                "reason": session.reason,
                "launches": session.launches,
            },
            "participants": None
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
                {"at": rfc3339(e.at_ms), "event": e.event, "reason": e.reason, "detail": e.detail}
                for e in facts.events
            ],
        }


def story_of(facts: RoomFacts) -> Story:
    """Why there is a bot in this room, or why not."""
    lease = facts.view.lease
    if lease is None:
        finding = nobody.without_lease(facts)
    elif facts.session is None:
        finding = nobody.with_a_lease(facts, lease, f"session {lease.session_id}, of which nothing is known")
    elif facts.session.state is State.ENDED and facts.since(facts.session.updated_ms) > A_MOMENT:
        finding = nobody.with_a_lease(facts, lease, f"session {lease.session_id}, which has ended")
    elif lease.status is LeaseStatus.PENDING:
        finding = starting(facts, lease, facts.session)
    else:
        finding = on_stage(facts, lease, facts.session)
    return Story(facts, _after_its_server(facts, finding))


def _after_its_server(facts: RoomFacts, finding: Finding) -> Finding:
    """Where a room's own server is away, nobody can get in or be heard: that leads, whatever else there is."""
    if not facts.unasked:
        return finding
    return found(
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
