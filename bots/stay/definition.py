"""What a bot's assistant says of it, read when the bot begins and anew when somebody comes back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.errors.users import ProfileIncomplete, UnknownAssistant
from greenroom.app.rooms.assistants import Assistant, follow, switched
from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.rollout import Rollout
from greenroom.app.rooms.users import User, missing
from greenroom.app.rooms.voice_rooms import is_some_users
from greenroom.app.settings import Settings
from greenroom.bots.memories import in_a_thread
from greenroom.bots.stay.journal import Journal

READ_WITHIN = timedelta(seconds=1)  # it takes about 10 ms; a bot without a database goes on as it was

Find = Callable[[str], Assistant | None]
FindUser = Callable[[str], User | None]

log = structlog.get_logger(__name__)


class Definition:
    """The assistant that one bot is, if it is one."""

    def __init__(
        self,
        find: Find | None,
        journal: Journal,
        apply: Callable[[Brief], Awaitable[None]],
        usual: Settings,
        find_user: FindUser | None = None,
    ) -> None:
        """`find` asks where assistants are kept, `find_user` where users are; `apply` lets the bot be as a brief says.

        `usual` says what an assistant is that does not say it.
        """
        self._find = find
        self._find_user = find_user
        self._journal = journal
        self._apply = apply
        self._usual = usual
        self._before: asyncio.Future[Assistant | None] | None = None  # as it was when it was last read
        self._in_order = asyncio.Lock()

    def read(self) -> None:
        """Read it while the bot begins: what it says then is what the session was joined with."""
        name = self._journal.session.brief.assistant
        if name is not None and self._find is not None:
            find = self._find
            self._before = in_a_thread(lambda: find(name))

    async def read_anew(self) -> bool:
        """Let the bot be as its assistant is now, but for what the call had named; whether that could be read."""
        async with self._in_order:
            before = await self._result(self._before)
            self.read()
            now = await self._result(self._before)
            if now is None:
                return False
            brief = self._journal.session.brief
            followed = brief if before is None else follow(brief, before, now)
            if followed != brief:
                await self._journal.change_brief(followed)
                await self._apply(followed)
            return True

    async def of_another(self, name: str) -> Brief | None:
        """How the bot is as another assistant, which it follows from now on; None: it is that one already.

        It has to be allowed to this user, and to know of them what it requires, as in a join.
        Raises UnknownAssistant, AnotherBot, VoiceNotEnabled, ProfileIncomplete, DatabaseAway.
        """
        async with self._in_order:
            before, find = await self._result(self._before), self._find
            if find is None:
                raise DatabaseAway
            reading: asyncio.Future[Assistant | None] = in_a_thread(lambda: find(name))
            if await self._has_failed(reading):
                raise DatabaseAway
            if (now := reading.result()) is None:
                raise UnknownAssistant
            brief, usual = self._journal.session.brief, self._usual
            if brief.assistant == now.name:
                return None
            become = switched(
                brief, before, now, bot=usual.default_bot, personality=usual.default_personality
            )
            session = self._journal.session
            if is_some_users(session.room):
                Rollout(usual.voice_sessions, usual.voice_assistants_share).check(now, brief.user_id)
            become = replace(become, profile=await self._profile(brief, now))
            self._before = reading
            return become

    async def _profile(self, brief: Brief, assistant: Assistant) -> Mapping[str, Any]:
        """What the session knows of its user, and what is known elsewhere of what the assistant requires."""
        required, profile, find = assistant.require_profile, brief.profile, self._find_user
        if missing(required, profile) and find is not None:
            reading: asyncio.Future[User | None] = in_a_thread(lambda: find(brief.user_id))
            if await self._has_failed(reading):
                raise DatabaseAway
            known = user.profile if (user := reading.result()) is not None else {}
            profile = {**{name: known[name] for name in required if name in known}, **profile}
        if lacks := missing(required, profile):
            raise ProfileIncomplete(assistant=assistant.name, reason=f"it lacks {', '.join(lacks)}")
        return profile

    async def _result(self, reading: "asyncio.Future[Assistant | None] | None") -> Assistant | None:
        if reading is None or await self._has_failed(reading):
            return None
        return reading.result()

    async def _has_failed(self, reading: "asyncio.Future[Any]") -> bool:
        """Wait for it; whether it cannot be had in time, which the log says."""
        await asyncio.wait({reading}, timeout=READ_WITHIN.total_seconds())
        if not reading.done():
            because = "it took too long"
        elif (error := reading.exception()) is not None:
            because = type(error).__name__
        else:
            return False
        log.warning("assistant_read_failed", session_id=self._journal.session.id, because=because)
        return True
