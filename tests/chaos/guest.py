"""A person who stays in the call whatever happens, and writes down what was heard, by whom, and when.

All judgements are the room's: what came out of the line.  When the line is dead, or the bot's side says that it
moves, the guest knocks again at its session, as a browser's page does.
"""

import asyncio
import json
import time
import urllib.error
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiortc import InvalidStateError, MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from tests.chaos import tones
from tests.chaos.stage import Stage
from tests.fakes.person import Person
from tests.product import Problem

DEAD_AFTER = 1.0  # seconds without a packet
KNOCK_EVERY = 0.25  # seconds between attempts to get a line
LOOK_EVERY = 0.5  # seconds between looks at the session
MOVES_WITHIN = 2.0  # seconds; who sees a later epoch waits so long for being told to move before it hangs up
IN_FLIGHT = 0.25  # seconds of sound that may be under way, in a jitter buffer or a socket
LISTENS_BEHIND = 3.0  # seconds that an old line is still listened to after its bot said that it moves
SURE_AFTER = 3  # windows of 40 ms in a row that hold one voice


@dataclass
class Heard:
    """A stretch of one voice on one line."""

    voice: int
    line: int
    since: float
    until: float


@dataclass
class Answer:
    """What a bot answered to a line: its process, the lines that it knows, and the commands that it carried out."""

    pid: int
    lines: list[str]
    said: int
    orders: list[str]
    at: float


class Line(Person):
    """One peer connection; tells its guest what is heard."""

    connects_within = 3.0  # whoever answered may be dead by now

    def __init__(self, guest: "Guest", number: int) -> None:
        super().__init__(guest.stage.url, guest.connect)
        self.number, self.since = number, time.monotonic()
        self.last_packet = time.monotonic()
        self.epoch = guest.epoch
        self.was_told = ""  # moved, parked
        self.is_closed = False
        self._guest = guest
        self._read = 0
        self._voice: int | None = None
        self._lately: list[int | None] = []

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
        window = np.zeros(0, dtype=np.int16)
        while track.kind == "audio":
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            self.last_packet = time.monotonic()
            samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
            window = np.concatenate([window, samples])
            if len(window) >= tones.WINDOW:
                self._take_in(window[: tones.WINDOW])
                window = window[tones.WINDOW :]

    def _take_in(self, window: tones.Sound) -> None:
        if tones.is_silent(window):
            return
        voice = tones.clear_voice(window)
        self._lately = [*self._lately[1 - SURE_AFTER :], voice]
        if voice is not None and self._lately == [voice] * SURE_AFTER:
            self._voice = voice
        if self._voice is not None:  # what is not clear is still the same sound
            self._guest.hears(self._voice, self.number)


@dataclass
class Verdict:
    """What the whole stay was like."""

    doubles: int = 0
    lost_turns: int = 0
    doubled_turns: int = 0
    lost_calls: int = 0


class Guest:
    """`async with Guest(stage, "local:room") as guest:` has a session, and a line when there is a bot."""

    def __init__(self, stage: Stage, room: str, *, bot: str = "witness", **order: Any) -> None:
        self.stage, self.room, self.user = stage, room, f"guest-of-{room.removeprefix('local:')}"
        self.session_id = ""
        self.epoch = 0
        self._epoch_since = 0.0
        self.connect: dict[str, Any] = {}
        self.heard: list[Heard] = []
        self._pids: dict[int, int] = {}  # by line: at its other end is one process
        self.answers: dict[str, list[Answer]] = {}  # to each line that was typed
        self.typed: Counter[str] = Counter()  # how often; who is not answered says it again
        self.known: set[str] = set()  # lines that were answered: from then on no bot may forget them
        self.lines: list[Line] = []
        self.dialled: list[tuple[float, str]] = []
        self.told: list[tuple[float, str]] = []  # moved, parked
        self.ended: str | None = None  # the session's reason
        self.may_end = False
        self.doubles: dict[tuple[int, int], str] = {}
        self.verdict = Verdict()
        self._bot, self._order = bot, order
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: list[asyncio.Task[None]] = []
        self._typed = 0

    async def __aenter__(self) -> "Guest":
        joined = await asyncio.to_thread(
            self.stage.join, self.room, bot=self._bot, user_id=self.user, **self._order
        )
        self.session_id, self.connect = joined["session_id"], joined["connect"]
        session = await asyncio.to_thread(self.stage.session, self.session_id)
        self.epoch = int(session.get("epoch") or 0)
        self._tasks = [asyncio.create_task(work()) for work in (self._stay, self._look)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(line.close() for line in self.lines if not line.is_closed), *self._closing)

    # What it does

    async def ask(self, words: str = "", within: float = 20) -> Answer:
        """Type a line, again on each new line of the call until it is answered; fails if it is not answered in time."""
        self._typed += 1
        words = f"{words or 'line'} #{self._typed}"
        deadline, sent_on = time.monotonic() + within, -1
        while words not in self.answers:
            if time.monotonic() > deadline or (self.ended and not self.may_end):
                raise AssertionError(f"{words!r} was not answered within {within:.0f} s; {self.story()}")
            line = self.lines[-1] if self.lines else None
            if line is not None and line.can_talk and line.number != sent_on:
                # Behind a crash the replacement may answer what the old bot was asked: only then is it asked again
                if sent_on >= 0:
                    await self._wait(lambda: words in self.answers, 1.5)
                if words not in self.answers:
                    sent_on = line.number
                    self._send(line, words)
            await asyncio.sleep(0.02)
        return self.answers[words][0]

    def type(self, words: str) -> str:
        """Type a line and do not wait."""
        self._typed += 1
        words = f"{words} #{self._typed}"
        self._send(self.lines[-1], words)
        return words

    def _send(self, line: Line, words: str) -> None:
        self.typed[words] += 1
        try:
            line.type(words)
        except InvalidStateError:  # it has just closed; the next line is asked again
            pass

    async def hears_bot(self, *, but: int | None = None, within: float = 20) -> Heard:
        """Wait until somebody (but not this process) is heard now."""
        return await self.until(lambda: self._present(but), within)

    async def until(self, look: Callable[[], Any], within: float = 20) -> Any:
        deadline = time.monotonic() + within
        while not (seen := look()):
            if time.monotonic() > deadline or (self.ended and not self.may_end):
                raise AssertionError(f"it did not come true within {within:.0f} s; {self.story()}")
            await asyncio.sleep(0.02)
        return seen

    async def _wait(self, look: Callable[[], Any], within: float) -> None:
        try:
            await self.until(look, within)
        except AssertionError:
            pass

    def story(self) -> str:
        spans = [
            f"{heard.voice}@{heard.line} {heard.since:.2f}-{heard.until:.2f}" for heard in self.heard[-6:]
        ]
        return (
            f"now {time.monotonic():.2f}; heard {spans}; dialled {self.dialled[-6:]}; told {self.told[-4:]}; "
            f"session {self.session_id} ended: {self.ended}"
        )

    # What it hears

    def hears(self, voice: int, line: int) -> None:
        now = time.monotonic()
        last = next((heard for heard in reversed(self.heard) if heard.line == line), None)
        if last is not None and last.voice == voice and now - last.until < 0.3:
            last.until = now
        else:
            self.heard.append(Heard(voice, line, now, now))
        self._check_double(self._who(voice, line), now)

    def _who(self, voice: int, line: int) -> int:
        """The process behind a voice; while its line has not said so, the last that had this voice."""
        if line in self._pids:
            return self._pids[line]
        known = [pid for pid in self._pids.values() if tones.voice(pid) == voice]
        return known[-1] if known else -1 - voice

    def _check_double(self, who: int, now: float) -> None:
        """Once a later bot has been heard, an earlier one must not be heard any more."""
        began: dict[int, float] = {}
        for heard in self.heard:
            began.setdefault(self._who(heard.voice, heard.line), heard.since)
        order = list(began)
        for later in order[order.index(who) + 1 :] if who in began else []:
            if now - began[later] > IN_FLIGHT:
                self.doubles[who, later] = (
                    f"process {who} is heard {now - began[later]:.2f} s after {later} began"
                )

    def _present(self, but: int | None) -> Heard | None:
        now = time.monotonic()
        for heard in reversed(self.heard):
            if now - heard.until < 0.3 and (but is None or self._who(heard.voice, heard.line) != but):
                return heard
        return None

    def silence(self, since: float, until: float | None = None) -> float:
        """The longest time without any bot's voice, in seconds."""
        until = until or time.monotonic()
        spans = sorted((heard.since, heard.until) for heard in self.heard)
        longest, reached = 0.0, since
        for start, end in [*spans, (until, until)]:
            if end < since or start > until:
                continue
            longest, reached = max(longest, start - reached), max(reached, end)
        return longest

    # How it stays

    async def _stay(self) -> None:
        while self.ended is None:
            line = self._recovered() or await self._dial()
            if line is None:
                continue
            why = await self._over(line)
            self.dialled.append((time.monotonic(), why))
            if why == "epoch":  # the room has one peer connection: hanging up is what puts the old bot out
                await line.close()
            elif why in ("moved", "parked"):
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
            kind, data = message.get("type"), message.get("data")
            if kind == "server-message" and isinstance(data, dict) and data.get("type") == "greenroom":
                self.told.append((time.monotonic(), str(data.get("event"))))
                if data.get("event") in ("moved", "parked"):
                    line.was_told = str(data["event"])
            elif kind == "server-message" and isinstance(data, dict) and "witness" in data:
                self._pids[line.number] = int(data["witness"])
            elif kind == "bot-llm-text" and isinstance(data, dict):
                self._take_answer(str(data.get("text", "")))

    def _take_answer(self, text: str) -> None:
        try:
            answer = Answer(**json.loads(text), at=time.monotonic())
        except (ValueError, TypeError):
            return
        if answer.lines:
            self.answers.setdefault(answer.lines[-1], []).append(answer)
        forgotten = self.known - set(answer.lines)
        self.verdict.lost_turns = max(self.verdict.lost_turns, len(forgotten))
        doubled = Counter(answer.lines) - self.typed
        self.verdict.doubled_turns = max(self.verdict.doubled_turns, doubled.total())
        if answer.lines:
            self.known.add(answer.lines[-1])
        self._check_double(answer.pid, time.monotonic())

    async def _listen_behind(self, line: Line) -> None:
        """The bot said that it goes: it must do so by itself."""
        until = time.monotonic() + LISTENS_BEHIND
        while time.monotonic() < until and not line.is_closed:
            self._take_news(line)
            await asyncio.sleep(0.05)
        if not line.is_closed:
            await line.close()

    async def _look(self) -> None:
        while True:
            try:
                session = await asyncio.to_thread(self.stage.session, self.session_id)
            except (Problem, OSError, ValueError):
                session = {}
            epoch = int(session.get("epoch") or 0)
            if epoch > self.epoch:
                self.epoch, self._epoch_since = epoch, time.monotonic()
            if session.get("state") == "ended":
                self.ended = str(session.get("reason"))
                return
            await asyncio.sleep(LOOK_EVERY)

    def judge(self) -> Verdict:
        """What the stay was like, once it is over."""
        self.verdict.doubles = len(self.doubles)
        self.verdict.lost_calls = int(self.ended is not None and not self.may_end)
        return self.verdict
