"""`greenroom doctor`: looks at an installation for 3 s at most, and reports what it found."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any, Generic, TypeVar

from greenroom.app.errors.families import GreenroomError
from greenroom.app.errors.storage import RedisAway
from greenroom.app.operate import facts, trial
from greenroom.app.operate.checkup import check, trials
from greenroom.app.operate.findings import Finding, Verdict, worst
from greenroom.app.operate.story import Story, story_of
from greenroom.app.operate.wording import count
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.letters import ReadWaitingLetters
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.room import Room

LOOKS_WITHIN = timedelta(seconds=1.8)  # with the process's own start it is 3 s at most
LOOKS_AGAIN_AFTER = timedelta(seconds=1.2)  # by then every worker has reported again
PROVIDERS_ANSWER_WITHIN = timedelta(seconds=1)
WEB_ANSWERS_WITHIN = timedelta(seconds=1)
DATABASE_ANSWERS_WITHIN = timedelta(seconds=3)  # for the lock alone a second is waited
WIDTH = 110
INDENT = " " * 25

WELL, ILL, BLIND = 0, 1, 3  # exit codes: no problem, problems, could not look

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """The addresses and keys of the installation that is looked at."""

    redis: str  # as it may be shown
    redis_is_embedded: bool
    web: str
    var_dir: Path = Path("var")
    key: str = field(default="", repr=False)  # to the API, if this user may read it
    events: str = ""  # where the events process is
    receivers: tuple[
        tuple[str, str], ...
    ] = ()  # of webhooks: the URL as it may be shown, and the name of it in the ledger
    database: str = ""  # as it may be shown
    try_database: Callable[[], None] | None = (
        None  # raises the GreenroomError that says why it cannot be used
    )
    wrong_with_personalities: tuple[str, ...] = ()  # and with the demo's script, by file and line


@dataclass(frozen=True)
class Report:
    """What was found, or why nothing could be looked at."""

    findings: list[Finding]
    looked: bool = True
    story: Story | None = None

    @property
    def verdict(self) -> Verdict:
        return worst([finding.verdict for finding in self.findings])

    @property
    def exit_code(self) -> int:
        if not self.looked:
            return BLIND
        return ILL if self.verdict is Verdict.PROBLEM else WELL

    def as_json(self) -> str:
        if self.story:
            return json.dumps({"looked": True, **self.story.as_json()})
        found = [finding.as_json() for finding in self.findings]
        return json.dumps({"looked": self.looked, "verdict": self.verdict, "findings": found})

    def as_text(self) -> str:
        if self.story:
            return "\n".join(
                fill(line, WIDTH, subsequent_indent="    ") if line else "" for line in self.story.lines()
            )
        lines = [line for finding in self.findings for line in _lines(finding)]
        return "\n".join([*lines, "", self._in_short()])

    def _in_short(self) -> str:
        if not self.looked:
            return "Nothing more can be told without Redis."
        verdicts = [finding.verdict for finding in self.findings]
        problems, warnings = verdicts.count(Verdict.PROBLEM), verdicts.count(Verdict.WARNING)
        if problems or warnings:
            return f"{count(problems, 'problem')}, {count(warnings, 'warning')}."
        return "All is well."


def examine(ledger: Ledger, place: Place, providers: Providers | None = None) -> Report:
    """Check the whole installation."""
    asked = [
        (provider.server, _Asked(partial(trial.enter, provider)))
        for provider in (providers.by_name.values() if providers else ())
        if provider.server
    ]
    database = _Asked(place.try_database, DATABASE_ANSWERS_WITHIN) if place.try_database else None

    def look() -> Report:
        web = _Asked(partial(trial.ask_web, place.web, place.key), WEB_ANSWERS_WITHIN)
        events = _Asked(partial(trial.ask_events, place.events)) if place.events else None
        seen = facts.read(ledger)
        tried = trials.join(trial.claim(ledger))
        servers = {server: question.answer()[1] for server, question in asked}
        tables = facts.Database(place.database, database.answer()[1]) if database else None
        found = check(replace(seen, servers=servers, database=tables))
        told = _told(ledger, place, events.answer() if events else None)
        return Report([*found, tried, *trials.web(place.web, _of_web(web)), *told, *_personalities(place)])

    try:
        return _look(look)
    except RedisAway as error:
        web = _Asked(partial(trial.ask_web, place.web, ""), WEB_ANSWERS_WITHIN)
        found = [_no_redis(place, error), *trials.web(place.web, _of_web(web)), *_personalities(place)]
        return Report(found, looked=False)


def examine_room(ledger: Ledger, place: Place, room: Room, providers: Providers | None = None) -> Report:
    """Tell the story of one room."""
    asked = _Asked(lambda: providers.of_room(room).presence(room)) if providers else None

    def look() -> Report:
        seen = facts.read_room(ledger, room)
        there, why = asked.answer() if asked else (None, None)
        story = story_of(replace(seen, there=there, unasked=why))
        return Report([story.finding], story=story)

    try:
        return _look(look)
    except RedisAway as error:
        return Report([_no_redis(place, error)], looked=False)


def _told(ledger: Ledger, place: Place, asked: tuple[str | None, str | None] | None) -> list[Finding]:
    """Whether what happens is streamed, and taken by the receivers of webhooks."""
    found = [] if asked is None else [trials.events(place.events, asked[0] or asked[1])]
    if place.receivers:
        waiting = ledger.run_all([ReadWaitingLetters(receiver) for _, receiver in place.receivers])
        shown = [url for url, _ in place.receivers]
        found.append(trials.webhooks(dict(zip(shown, waiting, strict=True))))
    return found


def _personalities(place: Place) -> Iterator[Finding]:
    if problems := place.wrong_with_personalities:
        yield Finding(
            "personalities",
            Verdict.PROBLEM,
            " ".join(problems),
            "Correct the file: docs/personalities.md says what may stand in it. What runs goes on with what it has "
            "read; started again, it would not come up.",
            {"problems": list(problems)},
        )


def _of_web(asked: "_Asked[trial.Web]") -> trial.Web:
    found, why_not = asked.answer()
    return found or trial.Web(livez=None, why_not=str(why_not).rstrip("."))


def _look(look: Callable[[], Report]) -> Report:
    """Check twice, and keep the problems that are there both times: sessions change while they are read.

    Raises RedisAway.
    """
    report = _within(LOOKS_WITHIN, look)
    if report.verdict is Verdict.PROBLEM:
        time.sleep(LOOKS_AGAIN_AFTER.total_seconds())
        report = _within(LOOKS_WITHIN, look)
    return report


def _lines(finding: Finding) -> list[str]:
    mark = "PROBLEM" if finding.verdict is Verdict.PROBLEM else finding.verdict
    says = fill(f"{mark:<9} {finding.check:<14} {finding.says}", WIDTH, subsequent_indent=INDENT)
    if not finding.do:
        return [says]
    return [says, fill(finding.do, WIDTH, initial_indent=f"{INDENT[:-3]}-> ", subsequent_indent=INDENT)]


def _no_redis(place: Place, error: RedisAway) -> Finding:
    why = str(error.__cause__ or "no answer").strip().rstrip(".")
    says = f"Redis does not answer: {why}. No bot can join or be replaced now; calls that are on go on."
    if "timeout" in why.lower() or "timed out" in why.lower():
        do = (
            f"Whatever listens at {place.redis} is hung, or packets to it are lost: look at that process and the way "
            "there, and start it again if it does not come back. Bots register again by themselves."
        )
    elif place.redis_is_embedded:
        do = (
            "It is the one that `greenroom up` starts in this folder: does that run? Its log: "
            f"{place.var_dir / 'log' / 'redis.log'}. If `up` was given another VAR_DIR, give the doctor the same."
        )
    else:
        do = f"Start it, or correct REDIS_URL (now {place.redis}). Bots that live register again by themselves."
    return Finding("redis", Verdict.PROBLEM, says, do)


class _Looker(threading.Thread, Generic[T]):
    """A daemon thread for one call: the caller waits for a while only, and the process ends without the thread."""

    def __init__(self, look: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self._look = look
        self.seen: list[T] = []
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.seen.append(self._look())
        except Exception as error:
            self.error = error


def _within(limit: timedelta, look: Callable[[], T]) -> T:
    """What `look` returns.  Raises RedisAway if that takes longer than the limit."""
    looker: _Looker[Any] = _Looker(look)
    looker.start()
    looker.join(limit.total_seconds())
    if looker.error:
        raise looker.error
    if not looker.seen:
        raise RedisAway from TimeoutError(f"timeout, after {limit.total_seconds()} s")
    return looker.seen[0]  # type: ignore[no-any-return]


class _Asked(Generic[T]):
    """A call to a provider or a web process that runs while the ledger is read."""

    def __init__(self, ask: Callable[[], T], within: timedelta | None = None) -> None:
        self._within = (within or PROVIDERS_ANSWER_WITHIN).total_seconds()
        self._until = time.monotonic() + self._within
        self._looker = _Looker(ask)
        self._looker.start()

    def answer(self) -> tuple[T | None, str | None]:
        """What the provider answers, or why it does not."""
        self._looker.join(max(0.0, self._until - time.monotonic()))
        if isinstance(self._looker.error, GreenroomError):
            return None, str(self._looker.error)
        if self._looker.error:
            return None, f"it could not be asked ({type(self._looker.error).__name__})."
        if not self._looker.seen:
            return None, f"no answer within {self._within:g} s."
        return self._looker.seen[0], None
