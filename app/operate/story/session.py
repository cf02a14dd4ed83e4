"""The story of one session: what was asked for, who was there, what happened, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.operate.story.endings import ENDINGS
from greenroom.app.operate.story.tale import Names, Tale
from greenroom.app.operate.wording import count, duration, moment
from greenroom.app.rooms.archive import Visit
from greenroom.app.rooms.histories import History
from greenroom.app.rooms.leases import Lease, pid_of
from greenroom.app.rooms.session_events import Event
from greenroom.app.rooms.transcripts import clean


@dataclass(frozen=True)
class SessionStory:
    """What is known of a session, from Redis or from the database."""

    history: History
    events: Sequence[Event]
    on_their_way: int  # turns of its conversation that are not in the database yet
    now_ms: int
    lease: Lease | None = None  # of its room

    def lines(self) -> list[str]:
        """Headline, what to do, who was there, and what happened."""
        session, tale = self.history.session, Tale(self.history.session, self.events)
        lines = [self._headline(tale.names), *self._about(), *self._ending()]
        lines += ["", f"What happened (UTC, now {self._moment(self.now_ms)}):"]
        lines += [f"  {self._moment(event.at_ms)}  {clean(told)}" for event, told in tale.sentences()]
        lines += ["", "Who was there (UTC):"]
        lines += [f"  {self._visit(visit, tale.names)}" for visit in self.history.people] or [
            "  Nobody came."
        ]
        lines += ["", "Where:", *(f"  {tale.names.room(room)}: {room}" for room in tale.names.rooms)]
        lines += ["", "What was said:"]
        lines += [f"  greenroom conversation {clean(each)}" for each in self._conversations()]
        if self.on_their_way:
            turns = count(self.on_their_way, "turn")
            lines.append(f"  {turns} of {clean(session.conversation_id)} not in the database yet")
        return lines

    def _headline(self, names: Names) -> str:
        session = self.history.session
        how = f"{session.state}, {session.reason}" if session.reason else session.state
        lasts = duration(timedelta(milliseconds=self.history.duration_ms))
        began = self._moment(session.created_ms)
        so_far = "lasted" if session.reason else "has lasted"
        return (
            f"The session of {clean(names.person(session.brief.user_id))} in {names.room(session.room)}: {how}. "
            f"It began at {began} and {so_far} {lasts}."
        )

    def _about(self) -> list[str]:
        brief = self.history.session.brief
        by = f", asked for as assistant {clean(brief.assistant)}" if brief.assistant else ""
        said = count(self.history.message_count, "message")
        return [
            f"Session {clean(self.history.session.id)}, bot {clean(brief.bot)}{by}; {said} of people and bot.",
            *self._process(),
        ]

    def _process(self) -> list[str]:
        """Where its bot runs now, for whoever wants to look at the process."""
        lease = self.lease
        if lease is None or lease.session_id != self.history.session.id or lease.owner is None:
            return []
        return [f"Its bot is process {pid_of(lease.owner)} of {clean(lease.host or 'a worker')}."]

    def _ending(self) -> list[str]:
        reason = self.history.session.reason
        if reason is None:
            return []
        _, means, do = ENDINGS[reason]
        return [f"That means: {means}.", *([f"What to do: {do}"] if do else [])]

    def _visit(self, visit: Visit, names: Names) -> str:
        """Their id whole, since it is there to be used, and what they are called in the story."""
        called = visit.name or names.text(visit.identity)
        name = f" ({clean(called)})" if called != visit.identity else ""
        left = self._moment(visit.left_ms) if visit.left_ms else "now"
        return f"{self._moment(visit.joined_ms)} to {left}  {clean(visit.identity)}{name}"

    def _conversations(self) -> list[str]:
        """In the order in which they began; the first is the one that was asked for."""
        session = self.history.session
        begun = [event.conversation_id for event in self.events if event.conversation_id]
        return list(dict.fromkeys([session.brief.conversation_id, *begun, session.conversation_id]))

    def _moment(self, at_ms: int) -> str:
        return moment(at_ms, self.now_ms)
