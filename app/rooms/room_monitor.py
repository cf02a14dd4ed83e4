"""Presence: a room with people and no bot gets one, where ours was before and nobody asked it to leave."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

import structlog

from greenroom.app.errors.families import Unavailable
from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.brief import new_conversation
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.orders import Order
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.rates import Once, TimeLeft
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.session_lists import LastSession
from greenroom.app.rooms.sessions import ReadSession, Reason, Session, State
from greenroom.app.rooms.vacancies import LastEmptied, NoteEmptied

COOLDOWN = timedelta(
    seconds=30
)  # a room gets at most one bot in this time, so that a failing one is not started on and on
# A bot notices that everybody has gone up to this much later than the room's server does.
BOT_NOTICES_WITHIN = timedelta(seconds=5)

# After such an end the people in the room get no bot until all of them have left: they sent it away, left it alone,
# used its time up, or their room makes it crash.
DISMISSED = frozenset(
    {
        Reason.LEFT,
        Reason.IDLE,
        Reason.NO_SHOW,
        Reason.MAX_DURATION,
        Reason.EJECTED,
        Reason.CRASHED_TOO_OFTEN,
    }
)

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What a look at one room found, and what was done there."""

    NEVER_OURS = "never_ours"  # no session of Greenroom's was there within a day
    UNKNOWN = "unknown"  # rooms of this provider cannot tell who is in them
    EMPTY = "empty"
    HAS_A_BOT = "has_a_bot"  # ours or another's
    LEASED = "leased"  # a bot is on its way in, or just leaving
    NOT_OVER = "not_over"  # the last session has not ended, and others look after it
    FOLLOWS = "follows"  # whose bot has moved is there alone, and on their way to it
    DISMISSED = "dismissed"  # the people who are there sent the last bot away
    TOO_SOON = "too_soon"  # the room was given a bot a moment ago
    SERVED = "served"  # it has been given a bot
    UNSERVED = "unserved"  # it was to be given one, and could not be
    AWAY = "away"  # the provider's server did not answer


class RoomMonitor:
    """Puts bots into rooms that have people and no bot, where Greenroom had a session within the last day.

    Safe to run twice at once: a room gets one bot, as from any two joins.
    """

    def __init__(
        self,
        ledger: Ledger,
        joining: Joining,
        providers: Providers,
        *,
        bots: Collection[str],
        default_bot: str,
    ) -> None:
        self._ledger = ledger
        self._joining = joining
        self._providers = providers
        self._bots = bots
        self._default_bot = default_bot

    def sweep(self) -> Counter[Outcome]:
        """Look at every room that has participants; counts what was found."""
        found: Counter[Outcome] = Counter()
        for provider in self._providers.by_name.values():
            try:
                for room in self._without_bot(provider.busy_rooms()):
                    found[self.look(room)] += 1
            except ProviderAway:
                log.warning("presence_check_failed", provider=provider.name)
                found[Outcome.AWAY] += 1
        return found

    def look(self, room: Room) -> Outcome:
        """Put a bot into a room if it should have one; returns what was found.  Raises ProviderAway."""
        view, session_id, emptied_ms = self._ledger.run_all(
            [ReadRoom(room), LastSession(room), LastEmptied(room)]
        )
        if session_id is None:
            return Outcome.NEVER_OURS
        there = self._providers.of_room(room).presence(room)
        if there is None:
            return Outcome.UNKNOWN
        if all(who.is_bot for who in there):
            self.emptied(room)
            return Outcome.EMPTY
        if any(who.is_bot for who in there):
            return Outcome.HAS_A_BOT
        if view.lease is not None:
            return Outcome.LEASED
        try:
            session = self._ledger.run(ReadSession(session_id))
        except NoSuchSession:
            return Outcome.NEVER_OURS
        people = [who.identity for who in there]
        has_moved = session.room != room or session.reason is Reason.MOVED_OUT
        if has_moved:  # with whom it is for; the others did not send it away
            people = [person for person in people if person != session.brief.user_id]
        elif session.state is not State.ENDED:
            return Outcome.NOT_OVER
        if not people:
            return Outcome.FOLLOWS
        if not has_moved and _was_dismissed(session, emptied_ms):
            return Outcome.DISMISSED
        if not self._ledger.run(Once(_cooldown_of(room), COOLDOWN)):
            left = self._ledger.run(TimeLeft(_cooldown_of(room)))
            log.info(
                "presence_bot_delayed",
                room=str(room),
                people=len(people),
                because="cooldown",
                seconds_left=round(left.total_seconds(), 1),
            )
            return Outcome.TOO_SOON
        return self._join(room, session, people, like_it=has_moved)

    def emptied(self, room: Room) -> None:
        """Note that no person is in a room: whoever comes next did not dismiss the bot, and gets one."""
        now_ms, session_id = self._ledger.run_all([Now(), LastSession(room)])
        if session_id is not None:
            self._ledger.run(NoteEmptied(room, now_ms))

    def _without_bot(self, rooms: Collection[Room]) -> list[Room]:
        """Those of these rooms that had a session of ours and have no lease now."""
        steps = [step for room in rooms for step in (LastSession(room), ReadRoom(room))]
        told = iter(self._ledger.run_all(steps))
        looks = [(room, next(told), next(told)) for room in rooms]
        return [room for room, session_id, view in looks if session_id and view.lease is None]

    def _join(self, room: Room, last: Session, people: Sequence[str], *, like_it: bool) -> Outcome:
        """Join the bot of the room's last session again, for the same user, or one like it for who was left behind."""
        bot = last.brief.bot if last.brief.bot in self._bots else self._default_bot
        brief = replace(last.brief, bot=bot, conversation_id=new_conversation())
        if like_it:
            brief = replace(brief, user_id=people[0], profile={}, metadata={})
        # Nobody asked for it: a bot that this user has elsewhere stays there
        order = Order(room=room, brief=brief, link=last.link, may_move=False)
        try:
            joined = self._joining.join(order)
        except Unavailable as error:
            log.warning("presence_join_refused", room=str(room), people=len(people), because=error.kind)
            return Outcome.UNSERVED
        log.info(
            "presence_bot_joined",
            room=str(room),
            people=len(people),
            bot=bot,
            session_id=joined.session_id,
            reused=joined.reused,
        )
        if not joined.reused:
            self._note_why(joined.session_id, people)
        return Outcome.SERVED

    def _note_why(self, session_id: str, people: Sequence[str]) -> None:
        """Write into a session's history that nobody asked for it."""
        there = "1 person was" if len(people) == 1 else f"{len(people)} people were"
        detail = f"{there} in the room without a bot"
        session = self._ledger.run(ReadSession(session_id))
        self._ledger.run(Note(session_id, Happened.SENT_TO_PEOPLE, session.epoch, detail))


def _cooldown_of(room: Room) -> str:
    return f"presence:{room}"


def _was_dismissed(session: Session, emptied_ms: int | None) -> bool:
    """Whether the people in the room dismissed the last bot: nobody has seen the room empty since."""
    if session.reason not in DISMISSED:
        return False
    if emptied_ms is None:
        return True
    over_ms = session.updated_ms
    if (
        session.reason is Reason.IDLE and session.alone_ms
    ):  # it was empty for the whole persistence before the end
        over_ms -= (session.brief.persistence + BOT_NOTICES_WITHIN) // timedelta(milliseconds=1)
    return emptied_ms < over_ms
