"""A person who stays in a LiveKit room whatever happens; what they hear is judged as in a local room.

Each stay of a bot in the room is a line: another participant, of the one identity that bots of that room have.  When
the room's server parts with the person, they join again, as the page does.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any

from livekit import rtc
from numpy import int16
from numpy.typing import NDArray

from tests.chaos.lab import Lab
from tests.chaos.listener import Ear, Listener, Mouth
from tests.fakes import livekit_guest
from tests.rigs.product import Problem

GREETS_EVERY = 1.0  # seconds, until the bot that is there has said who it is
KNOCK_EVERY = 0.5  # seconds between attempts to get into the room
ENTERS_WITHIN = 10.0  # seconds


class Presence(livekit_guest.Guest):
    """Once in the room: what is heard and read is told its guest, by the bot's stay that it came from."""

    def __init__(self, connect: dict[str, Any], guest: "RoomGuest") -> None:
        super().__init__(connect)
        self._guest = guest
        self._ears: dict[str, Ear] = {}

    @property
    def bot(self) -> str | None:
        """The stay of the bot that is here and has said who it is."""
        here = self.room.remote_participants.values()
        return next((each.sid for each in here if self._guest.knows(each.sid)), None)

    @property
    def is_in(self) -> bool:
        return self.put_out is None and self.room.connection_state == rtc.ConnectionState.CONN_CONNECTED

    def _takes(self, bot: rtc.RemoteParticipant, message: dict[str, Any]) -> None:
        self._guest.reads(bot.sid, message)

    def _hears(self, participant: rtc.RemoteParticipant, samples: NDArray[int16]) -> None:
        line, guest = participant.sid, self._guest
        if line not in self._ears:
            self._ears[line] = Ear(lambda voice: guest.hears(voice, line))
        self._ears[line].take(samples)


class _Line:
    """Typing to the bot that is there now."""

    def __init__(self, presence: Presence, bot: str) -> None:
        self._presence, self.number = presence, bot

    @property
    def can_talk(self) -> bool:
        return self._presence.is_in and self._presence.bot == self.number

    def type(self, words: str) -> None:
        self._presence.type(words)


class RoomGuest(Listener):
    """`async with RoomGuest(lab, "ws://.../room") as guest:` is in the room, where there is a bot."""

    def __init__(self, lab: Lab, room: str, *, bot: str = "witness", **order: Any) -> None:
        super().__init__(lab, room, f"guest-of-{room.rpartition('/')[2]}")
        self._bot, self._order = bot, order
        self._presence: Presence | None = None

    async def __aenter__(self) -> "RoomGuest":
        joined = await self._join()
        await self._enter(joined["connect"])
        await self._come(joined)
        self._tasks.append(asyncio.create_task(self._stay()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._go()
        await self._leave()

    def knows(self, line: str) -> bool:
        return line in self._pids

    def reads(self, line: str, message: dict[str, Any]) -> None:
        self._take_message(line, message)

    def _mouth(self) -> Mouth | None:
        if self._presence is None or not self._presence.is_in or (bot := self._presence.bot) is None:
            return None
        return _Line(self._presence, bot)

    async def _join(self) -> dict[str, Any]:
        joined: dict[str, Any] = await asyncio.to_thread(
            self.lab.join, self.room, bot=self._bot, user_id=self.user, **self._order
        )
        return joined

    async def _enter(self, connect: dict[str, Any]) -> None:
        presence = Presence(connect, self)
        async with asyncio.timeout(ENTERS_WITHIN):
            await presence.__aenter__()
        self._presence = presence
        self.dialled.append((time.monotonic(), "entered"))

    async def _leave(self) -> None:
        presence, self._presence = self._presence, None
        if presence is not None:
            with suppress(Exception):
                async with asyncio.timeout(ENTERS_WITHIN):
                    await presence.__aexit__(None, None, None)

    async def _stay(self) -> None:
        greeted = 0.0
        while True:
            presence, now = self._presence, time.monotonic()
            if presence is None or presence.put_out is not None:
                await self._come_back()
            elif presence.is_in and presence.bot is None and now - greeted > GREETS_EVERY:
                greeted = now
                presence.greet()
            await asyncio.sleep(0.05)

    async def _come_back(self) -> None:
        presence = self._presence
        if presence is not None:
            self.dialled.append((time.monotonic(), f"put out: {presence.put_out}"))
        await self._leave()
        try:
            joined = await self._join()
            if self.may_end:
                self.session_id = joined["session_id"]
            await self._enter(joined["connect"])
        except (Problem, OSError, TimeoutError, rtc.ConnectError) as refusal:
            self.dialled.append((time.monotonic(), f"not let in: {type(refusal).__name__} {refusal}"[:120]))
            await asyncio.sleep(KNOCK_EVERY)
