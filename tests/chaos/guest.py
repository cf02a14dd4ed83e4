"""A person who stays in a local room whatever happens, and writes down what was heard, by whom, and when.

All judgements are the room's: what came out of the line.  When the line is dead, or the bot's side says that it
moves, the guest knocks again at its session, as a browser's page does.
"""

import asyncio
import json
import time
import urllib.error
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from tests.chaos.lab import Lab
from tests.chaos.listener import Ear, Listener, Mouth
from tests.fakes.person import Person

DEAD_AFTER = 1.0  # seconds without a packet
KNOCK_EVERY = 0.25  # seconds between attempts to get a line
MOVES_WITHIN = 2.0  # seconds; who sees a later epoch waits so long for being told to move before it hangs up
GOES = ("handed_over", "parked", "transition")  # what a bot says that is about to leave a line
LISTENS_BEHIND = 3.0  # seconds that an old line is still listened to after its bot said that it moves


class Line(Person):
    """One peer connection; tells its guest what is heard."""

    connects_within = 3.0  # whoever answered may be dead by now

    def __init__(self, guest: "Guest", number: int) -> None:
        super().__init__(guest.lab.url, guest.connect)
        self.number, self.since = number, time.monotonic()
        self.last_packet = time.monotonic()
        self.epoch = guest.epoch
        self.was_told = ""  # one of GOES
        self.is_closed = False
        self._guest = guest
        self._read = 0
        self._ear = Ear(lambda voice: guest.hears(voice, number))

    async def open(self) -> None:
        try:
            await self.__aenter__()
            self.last_packet = time.monotonic()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        self.is_closed = True
        await self.__aexit__(None, None, None)

    @property
    def is_dead(self) -> bool:
        return (
            not self.can_talk
            or time.monotonic() - self.last_packet > DEAD_AFTER
            or self._peer.connectionState in ("failed", "closed")
        )

    @property
    def can_talk(self) -> bool:
        return not self.is_closed and self._channel.readyState == "open"

    def news(self) -> list[dict[str, Any]]:
        """What has come since this was last asked."""
        fresh, self._read = self.messages[self._read :], len(self.messages)
        return fresh

    async def _ping(self) -> None:
        while self.can_talk:
            self._channel.send("ping")
            await asyncio.sleep(1)

    async def _listen(self, track: MediaStreamTrack) -> None:
        while track.kind == "audio":
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            self.last_packet = time.monotonic()
            self._ear.take(frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0])


class Guest(Listener):
    """`async with Guest(lab, "local:room") as guest:` has a session, and a line when there is a bot."""

    def __init__(self, lab: Lab, room: str, *, bot: str = "witness", **order: Any) -> None:
        super().__init__(lab, room, f"guest-of-{room.removeprefix('local:')}")
        self.connect: dict[str, Any] = {}
        self.lines: list[Line] = []
        self._bot, self._order = bot, order
        self._closing: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Guest":
        joined = await asyncio.to_thread(
            self.lab.join, self.room, bot=self._bot, user_id=self.user, **self._order
        )
        self.connect = joined["connect"]
        await self._come(joined)
        self._tasks.append(asyncio.create_task(self._stay()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._go()
        await asyncio.gather(*(line.close() for line in self.lines if not line.is_closed), *self._closing)

    def _mouth(self) -> Mouth | None:
        return self.lines[-1] if self.lines else None

    async def _stay(self) -> None:
        while self.ended is None:
            line = self._recovered() or await self._dial()
            if line is None:
                continue
            why = await self._over(line)
            self.dialled.append((time.monotonic(), why))
            if why == "epoch":  # the room has one peer connection: hanging up is what puts the old bot out
                await line.close()
            elif why in GOES:
                self._closing.append(asyncio.create_task(self._listen_behind(line)))

    def _recovered(self) -> Line | None:
        """The line that seemed dead, if it is not: who hears their bot again does not hang up."""
        if not self.lines:
            return None
        self._take_news(self.lines[-1])
        return None if self.lines[-1].was_told or self.lines[-1].is_dead else self.lines[-1]

    async def _dial(self) -> Line | None:
        line = Line(self, len(self.lines))
        try:
            await line.open()
        except urllib.error.HTTPError as refusal:
            problem = json.load(refusal)
            self.dialled.append(
                (time.monotonic(), f"{refusal.code} {problem.get('type', '').rpartition(':')[2]}")
            )
            await asyncio.sleep(KNOCK_EVERY)
            return None
        except (OSError, TimeoutError, AssertionError) as trouble:
            self.dialled.append((time.monotonic(), type(trouble).__name__))
            await asyncio.sleep(KNOCK_EVERY)
            return None
        for old in self.lines:
            if not old.is_closed and not old.was_told:
                await old.close()
        self.lines.append(line)
        self.dialled.append((time.monotonic(), "connected"))
        return line

    async def _over(self, line: Line) -> str:
        while True:
            self._take_news(line)
            if line.was_told:
                return line.was_told
            if line.is_dead:
                return "dead"
            if self.epoch > line.epoch and time.monotonic() - self._epoch_since > MOVES_WITHIN:
                return "epoch"
            await asyncio.sleep(0.02)

    def _take_news(self, line: Line) -> None:
        for message in line.news():
            if (event := self._take_message(line.number, message)) in GOES:
                line.was_told = event

    async def _listen_behind(self, line: Line) -> None:
        """The bot said that it goes: it must do so by itself."""
        until = time.monotonic() + LISTENS_BEHIND
        while time.monotonic() < until and not line.is_closed:
            self._take_news(line)
            await asyncio.sleep(0.05)
        if not line.is_closed:
            await line.close()
