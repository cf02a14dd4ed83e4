"""A person who listens: what was heard in a call, from which process, and when; what was answered, and what is wrong.

Whoever is in a room hears, wherever that room is; how one comes to be in it, and stays, is `Guest`'s and `RoomGuest`'s.
"""

import asyncio
import json
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from aiortc import InvalidStateError

from tests.chaos import tones
from tests.chaos.lab import Lab
from tests.chaos.starving import Lateness
from tests.rigs.product import Problem

LOOK_EVERY = 0.5  # seconds between looks at the session
IN_FLIGHT = 0.25  # seconds of sound that may be under way, in a jitter buffer or a socket
SURE_AFTER = 3  # windows of 40 ms in a row that hold one voice
PRESENT_FOR = 0.3  # seconds after a sound


@dataclass
class Heard:
    """A stretch of one voice on one line."""

    voice: int
    line: Hashable  # by which it came; at its other end is one process
    since: float
    until: float


@dataclass
class Answer:
    """What a bot answered to a line: its process, the lines that it knows, and the commands that it carried out."""

    pid: int
    stay: str  # the bot: its process may have another one later
    lines: list[str]
    said: int
    orders: list[str]
    at: float


class Ear:
    """Tells which process hums in what comes out of one line."""

    def __init__(self, hears: Callable[[int], None]) -> None:
        self._hears = hears
        self._voice: int | None = None
        self._lately: list[int | None] = []
        self._window = np.zeros(0, dtype=np.int16)

    def take(self, samples: tones.Sound) -> None:
        self._window = np.concatenate([self._window, samples])
        while len(self._window) >= tones.WINDOW:
            self._take_in(self._window[: tones.WINDOW])
            self._window = self._window[tones.WINDOW :]

    def _take_in(self, window: tones.Sound) -> None:
        if tones.is_silent(window):
            return
        voice = tones.clear_voice(window)
        self._lately = [*self._lately[1 - SURE_AFTER :], voice]
        if voice is not None and self._lately == [voice] * SURE_AFTER:
            self._voice = voice
        if self._voice is not None:  # what is not clear is still the same sound
            self._hears(self._voice)


class Mouth(Protocol):
    """What one can type into now."""

    @property
    def number(self) -> Hashable:
        """Another one for each bot."""
        ...

    @property
    def can_talk(self) -> bool: ...

    def type(self, words: str) -> None: ...


@dataclass
class Verdict:
    """What the whole stay was like."""

    doubles: int = 0
    lost_turns: int = 0
    doubled_turns: int = 0
    lost_calls: int = 0


class Listener:
    """Hears, asks, and judges."""

    def __init__(self, lab: Lab, room: str, user: str) -> None:
        self.lab, self.room, self.user = lab, room, user
        self.session_id = ""
        self.epoch = 0  # as of the last look at the session
        self._epoch_since = 0.0
        self.heard: list[Heard] = []
        self._pids: dict[Hashable, int] = {}  # by line, once its bot has said who it is
        self._stays: dict[Hashable, str] = {}  # the same
        self.answers: dict[str, list[Answer]] = {}  # to each line that was typed
        self.typed: Counter[str] = Counter()  # how often; who is not answered says it again
        self.known: set[str] = set()  # lines that were answered: from then on no bot may forget them
        self.dialled: list[tuple[float, str]] = []
        self.told: list[tuple[float, str]] = []  # handed_over, parked, transition
        self.ended: str | None = None  # the session's reason
        self.may_end = False
        self.doubles: dict[tuple[str, str], str] = {}
        self.verdict = Verdict()
        self.late = Lateness(lambda: self._pids.values())
        self._tasks: list[asyncio.Task[None]] = []
        self._typed = 0

    @abstractmethod
    def _mouth(self) -> Mouth | None:
        """Where to type, if anywhere."""

    async def _come(self, joined: dict[str, Any]) -> None:
        """The session is there; from now on it is looked after, and heard."""
        self.session_id = joined["session_id"]
        session = await asyncio.to_thread(self.lab.session, self.session_id)
        self.epoch = int(session.get("epoch") or 0)
        self._tasks += [asyncio.create_task(work()) for work in (self._look, self.late.watch)]

    async def _go(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        name = self.room.replace(":", "-").replace("/", "-")
        with suppress(OSError):
            (self.lab.folder / f"guest-{name}.log").write_text(self._diary())

    # What it does

    async def ask(self, words: str = "", within: float = 20) -> Answer:
        """Type a line, again on each new line of the call until it is answered; fails if it is not answered in time."""
        self._typed += 1
        words = f"{words or 'line'} #{self._typed}"
        deadline = time.monotonic() + within
        sent_on: Hashable = None
        while words not in self.answers:
            if time.monotonic() > deadline or (self.ended and not self.may_end):
                raise AssertionError(f"{words!r} was not answered within {within:.0f} s; {self.story()}")
            line = self._mouth()
            if line is not None and line.can_talk and line.number != sent_on:
                # Behind a crash the replacement may answer what the old bot was asked: only then is it asked again
                if sent_on is not None:
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
        mouth = self._mouth()
        assert mouth is not None, f"nobody to type to; {self.story()}"
        self._send(mouth, words)
        return words

    def _send(self, line: Mouth, words: str) -> None:
        self.typed[words] += 1
        try:
            line.type(words)
        except InvalidStateError:  # it has just closed; the next line is asked again
            pass

    async def hears_bot(self, *, but: int | None = None, since: float = 0.0, within: float = 20) -> Heard:
        """Wait until somebody (but not this process, nor who began before) is heard now."""
        return await self.until(lambda: self._present(but, since), within)

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

    async def epoch_now(self) -> int:
        """The session's epoch as its record has it now; `epoch` is as old as the last look."""
        session = await asyncio.to_thread(self.lab.session, self.session_id)
        return int(session.get("epoch") or 0)

    def story(self) -> str:
        spans = [
            f"{heard.voice}@{heard.line} {heard.since:.2f}-{heard.until:.2f}" for heard in self.heard[-6:]
        ]
        return (
            f"now {time.monotonic():.2f}; heard {spans}; dialled {self.dialled[-6:]}; told {self.told[-4:]}; "
            f"session {self.session_id} ended: {self.ended}"
        )

    def _diary(self) -> str:
        """All that happened, in order; for whoever wants to know why."""
        heard = [
            (span.since, f"hears {self._name(span)} on {span.line} until {span.until:.3f}")
            for span in self.heard
        ]
        answered = [
            (answer.at, f"{words!r} is answered by {answer.pid}/{answer.stay}, who knows {answer.lines}")
            for words, answers in self.answers.items()
            for answer in answers
        ]
        late = [(start, f"late by {seconds:.2f} s") for start, _, seconds in self.late.spans if seconds > 0.1]
        all_of_it = sorted([*heard, *answered, *late, *self.dialled, *self.told])
        offset = time.time() - time.monotonic()
        lines = [
            f"{time.strftime('%H:%M:%S', time.gmtime(at + offset))} {at:.3f} {what}" for at, what in all_of_it
        ]
        return "\n".join([f"{self.room}, session {self.session_id}, ended: {self.ended}", *lines, ""])

    def _name(self, span: Heard) -> str:
        return f"{self._who(span.voice, span.line)}/{self._stays.get(span.line, '?')}"

    # What it hears

    def hears(self, voice: int, line: Hashable) -> None:
        now = time.monotonic()
        last = next((heard for heard in reversed(self.heard) if heard.line == line), None)
        if last is not None and last.voice == voice and now - last.until < PRESENT_FOR:
            last.until = now
        else:
            self.heard.append(Heard(voice, line, now, now))
        if line in self._stays:
            self._check_double(self._stays[line], now)

    def _who(self, voice: int, line: Hashable) -> int:
        """The process behind a voice; while its line has not said so, the last that had this voice."""
        if line in self._pids:
            return self._pids[line]
        known = [pid for pid in self._pids.values() if tones.voice(pid) == voice]
        return known[-1] if known else -1 - voice

    def _check_double(self, who: str, now: float) -> None:
        """Once a later bot has been heard, an earlier one must not be heard any more."""
        began: dict[str, float] = {}
        for heard in self.heard:
            if heard.line in self._stays:
                began.setdefault(self._stays[heard.line], heard.since)
        order = list(began)
        for later in order[order.index(who) + 1 :] if who in began else []:
            behind = now - began[later] - self.late.within(began[later], now)  # what we took our time to hear
            if behind > IN_FLIGHT:
                self.doubles[who, later] = f"{who} is heard {behind:.2f} s after {later} began"

    def _present(self, but: int | None = None, since: float = 0.0) -> Heard | None:
        now = time.monotonic()
        for heard in reversed(self.heard):
            is_another = but is None or self._who(heard.voice, heard.line) != but
            if now - heard.until < PRESENT_FOR and heard.since > since and is_another:
                return heard
        return None

    def silence(self, since: float, until: float | None = None) -> float:
        """The longest time without any bot's voice, in seconds, but for those in which nobody could run."""
        until = until or time.monotonic()
        spans = sorted((heard.since, heard.until) for heard in self.heard)
        longest, reached = 0.0, since
        for start, end in [*spans, (until, until)]:
            if end < since or start > until:
                continue
            gap = start - reached - self.late.within(reached, start) if start > reached else 0.0
            longest, reached = max(longest, gap), max(reached, end)
        return longest

    # What it is told

    def _take_message(self, line: Hashable, message: dict[str, Any]) -> str | None:
        """What a bot's side has sent by one line; says of the session's own messages which it is."""
        kind, data = message.get("type"), message.get("data")
        if not isinstance(data, dict):
            return None
        if kind == "server-message" and data.get("type") == "greenroom":
            self.told.append((time.monotonic(), str(data.get("event"))))
            return str(data.get("event"))
        if kind == "server-message" and "witness" in data:
            self._pids[line], self._stays[line] = int(data["witness"]), str(data["stay"])
        elif kind == "bot-llm-text":
            self._take_answer(str(data.get("text", "")))
        return None

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
        self._check_double(answer.stay, time.monotonic())

    async def _look(self) -> None:
        while True:
            try:
                session = await asyncio.to_thread(self.lab.session, self.session_id)
            except (Problem, OSError, ValueError):
                session = {}
            self.room = session.get("room_url", self.room)
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
