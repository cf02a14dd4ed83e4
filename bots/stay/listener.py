"""Hears from the stage who comes and goes; what `app/rooms/attendance.py` says follows is done in `carrying_out.py`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from greenroom.app.rooms import consequences, happenings
from greenroom.app.rooms.app_messages import ToSession
from greenroom.app.rooms.attendance import Attendance
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.happenings import Happening
from greenroom.app.rooms.requests.answers import Cleaned
from greenroom.app.rooms.session_events import NO_APPEARANCE, Appearance
from greenroom.app.rooms.sessions import Pause, Reason, Session
from greenroom.bots.stay.app import App
from greenroom.bots.stay.calls import Calls
from greenroom.bots.stay.carrying_out import CarryOut
from greenroom.bots.stay.cleaning import Cleaning
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.quiet import QuietCall
from greenroom.bots.transports.stage import PutOut


class RoomListener:
    """Told by the stage who comes and goes, and by others what is asked of the bot's being there."""

    def __init__(
        self,
        rules: Attendance,
        carry_out: CarryOut,
        *,
        people: Callable[[], frozenset[str]],
        journal: Journal,
        cleaning: Cleaning,
        calls: Calls,
        quiet: QuietCall,
        has_replaced_leave: Callable[[], None],
        app: App,
        change_conversation: Callable[[str], None],
        end: End,
    ) -> None:
        """`has_replaced_leave` is called once the bot is on stage."""
        self._rules = rules
        self._carry_out = carry_out
        self._cleaning = cleaning
        self._people = people
        self._journal = journal
        self._change_conversation = change_conversation  # in the room
        self._calls = calls
        self._quiet = quiet
        self._has_replaced_leave = has_replaced_leave
        self._app = app
        self._end = end
        self._adopted_at = time.monotonic()
        self._in_order = asyncio.Lock()
        self.gives_room_up = (
            False  # to the session's next bot, which then puts this one out: that is no end of the session
        )

    async def arrived(self, user_id: str, appearance: Appearance = NO_APPEARANCE) -> None:
        await self._follow(happenings.Arrived(user_id, self._people(), appearance))
        self._calls.came(user_id)

    async def departed(self, user_id: str) -> None:
        if self._journal.has_room:
            await self._follow(happenings.Departed(user_id, self._people()))
            self._calls.went(user_id)

    def put_out(self, why: PutOut) -> None:
        """End the stay, since the room's server has removed the bot."""
        if why.kind is Reason.SUPERSEDED and self.gives_room_up:
            return  # by the session's next bot; the hand-over ends this stay, or the next beat does
        if isinstance(why.kind, FailureKind):
            self._end.begin(Ending.by(BotFailure(why.kind, why.detail)))
        else:
            self._end.begin(Ending(why.kind, politely=False, detail=why.detail))

    def is_told_of(self, person: str) -> None:
        """The bot knows of this person what no other shall hear."""
        self._rules.is_told_of(person)

    async def started(self) -> None:
        """The bot's pipeline runs, and the room is its own."""
        await self._follow(happenings.Started(self._people(), self._since_adoption()))
        self._has_replaced_leave()

    async def took_over(self, session: Session, known: frozenset[str]) -> None:
        """The room is the bot's now; `session` is as the bot before it left it."""
        self._change_conversation(session.conversation_id)
        await self._follow(happenings.TookOver(session, known))

    async def moves(self) -> None:
        """The bot makes ready to go to another room."""
        await self._follow(happenings.Moving())

    async def stays(self) -> None:
        """It does not go there after all."""
        await self._follow(happenings.Stays(self._people()))

    async def moved(self, session: Session) -> None:
        """It is in another room."""
        await self._follow(happenings.Moved(session, self._people(), self._since_adoption()))

    async def heed_pause(self, pause: Pause | None) -> None:
        """The session's record says that the bot is paused, or that it is not."""
        people = self._people()
        await self._follow(happenings.Paused(people, pause) if pause else happenings.Resumed(people))

    def give_way(self) -> bool:
        """End the session if nobody is here, since another waits for the slot; says whether it ends."""
        follows = self._rules.on(happenings.SlotWanted(self._people()))
        for consequence in follows:
            self._carry_out.at_once(consequence)
        return bool(follows)

    async def asked_to_leave(self, teardown_delay: timedelta, detail: str) -> None:
        """The people go, and the bot waits so long for somebody to come back."""
        await self._follow(happenings.LeaveAsked(teardown_delay, detail, self._since_adoption()))

    async def persistence_changed(self) -> None:
        """How long the bot waits in an empty room was changed."""
        await self._follow(happenings.PersistenceChanged())

    async def expects_somebody(self) -> None:
        """Somebody has joined, and is on their way."""
        await self._follow(happenings.Expected(self._people()))

    async def in_turn(self, change: Callable[[], Awaitable[None]]) -> None:
        """Do something that must not fall into what follows from somebody's coming or going."""
        async with self._in_order:
            await change()

    async def clean_up(self, wish: str | None) -> Cleaned:
        """Cancel what the bot has under way, without the session's end; the same wish is done once."""
        return await self._cleaning.clean_up_for(wish)

    def app_sent(self, person: str, message: ToSession, answer: Callable[[dict[str, Any]], object]) -> None:
        """A person's app says something; `answer` is called with what it is to be told."""
        self._app.sent(person, message, answer)

    def waits_for_slot(self) -> bool:
        """Whether the session waits for a slot, since no other worker has one; if not, it ends here."""
        follows = self._rules.on(happenings.NoOtherSlot())
        for consequence in follows:
            self._carry_out.at_once(consequence)
        return consequences.Park() in follows

    async def _follow(self, happening: Happening) -> None:
        if self._end.has_begun:
            return
        self._quiet.somebody_is_there()
        follows = self._rules.on(happening)
        rest = [each for each in follows if not self._carry_out.at_once(each)]
        async with self._in_order:
            for consequence in rest:
                await self._carry_out.in_turn(consequence)

    def _since_adoption(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._adopted_at)
