"""A small world around a real Redis, and what must be true in it after everything that happens there.

Callers, bots, their parents and workers, reapers: each does what its own code does, on the real scripts.  Bots
are made of the parts in `bots/stay`, without a sound.  What goes wrong is done to them from outside: time passes,
Redis is away or loses everything, processes freeze and die, replies get lost, launches come twice.
"""

import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select

import greenroom.bots.run
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import turns as kept_turns
from greenroom.app.errors.bots import BotSilent
from greenroom.app.errors.families import GreenroomError
from greenroom.app.errors.sessions import IllegalTransition, NoSuchSession, NotMovable, SessionEnded
from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.providers.local import Local
from greenroom.app.rooms.archive import Batch, Refusal
from greenroom.app.rooms.brief import new_conversation
from greenroom.app.rooms.conversations import BeginConversation, ReadTurns, Record, Turn
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.handovers import HandOver, HandoverTurn, Ready, Yield
from greenroom.app.rooms.inbox import AwaitAnswer, Message, Receive, Send
from greenroom.app.rooms.joined import Joined
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leases import (
    BEAT_EVERY,
    DOUBT_LASTS,
    STALE_AFTER,
    Beaten,
    Claim,
    Claimed,
    Found,
    Release,
    Supersede,
    Withdraw,
    WriteConfig,
)
from greenroom.app.rooms.leaving import Leaving
from greenroom.app.rooms.ledger import Step, granted
from greenroom.app.rooms.line import LeaveLine, Push
from greenroom.app.rooms.line_upkeep import Positions
from greenroom.app.rooms.moves import MOVES_WITHIN
from greenroom.app.rooms.parking import park
from greenroom.app.rooms.procedures import follow
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.rates import Once
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.reviving import CRASHES_AT_MOST
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.sessions import (
    CRASHES_COUNT_FOR,
    ON_STAGE,
    ReadSession,
    Reason,
    Session,
    State,
    Succeed,
    Transition,
)
from greenroom.app.rooms.sweeping import sweep
from greenroom.app.rooms.workers import AskHost, Host, Report, RequestedState
from greenroom.app.settings import Settings
from greenroom.app.storage import keys
from greenroom.app.storage.commands import ms
from greenroom.app.storage.ledger import RedisLedger
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay.adopted import AdoptedSession
from greenroom.bots.stay.closing import Closing
from greenroom.bots.stay.controls import Controls
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.heartbeat import Heartbeat
from greenroom.bots.stay.in_room import InRoom, Rooms
from greenroom.bots.stay.inbox import Inbox
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.mute import Mute
from greenroom.bots.stay.requests import BotOfStay, handle
from greenroom.bots.stay.silence import Silence
from greenroom.bots.turns import Turns
from tests.fakes.stage import FakeStage
from tests.rigs.glass import Glass, Sight
from tests.rigs.makers import DIED, a_brief, an_order
from tests.rigs.redis_world import flush as empty

BEAT = ms(BEAT_EVERY)
A_LONG_WHILE = timedelta(minutes=5)  # a flush on a busy machine
LATE_BEAT = ms(BEAT_EVERY * 1.2)
KNOWN_DEAD = ms(STALE_AFTER + DOUBT_LASTS)
QUEUE = "launches"
TRANSITIONS = "transitions"
ROOMS = tuple(Room.parse(f"local:{name}") for name in ("stage", "cellar", "attic", "garden"))
USERS = ("ada", "bob")
HOSTS = ("bots@here", "bots@there")
SETTINGS = cast(Settings, SimpleNamespace(redis_url="", backend_url="", livekit_url=""))


class Died(Exception):
    """A process, between two steps."""


class Archive(SqlArchive):
    """SQL, which can be away, or see its user's process die before or behind a commit."""

    befalls = ""

    def keep_turns(self, batches: Sequence[Batch]) -> list[Refusal]:
        if self.befalls == "is away":
            raise DatabaseAway(because="OperationalError")
        if self.befalls == "dies before":
            raise Died
        refusals = super().keep_turns(batches)
        if self.befalls == "dies after":
            raise Died
        return refusals


class Queue:
    """Launches lie in a Redis list as Celery's do, in messages of our own."""

    def launch(self, session: Session, token: str, *, in_front: bool = False) -> Push:
        return Push(QUEUE, json.dumps([session.id, token, in_front]), session.id, in_front)

    def transition(self, session: Session, epoch: int, *, again: bool = False) -> Once:
        """Nobody takes these: each move that begins is called off, by the reaper or who ends the session."""
        return Once(f"move:{session.id}:{epoch}:{again}", MOVES_WITHIN)


class Wire:
    """The way to Redis, which can lose a reply, or its user's process."""

    def __init__(self, ledger: RedisLedger, wait_for_answer: Callable[[], None]) -> None:
        self._ledger = ledger
        self._wait_for_answer = wait_for_answer
        self.dies_after: int | None = None  # steps
        self.asks_twice = False  # its first reply got lost

    def run(self, step: Step[Any]) -> Any:
        return granted(self.run_all([step])[0])

    def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        steps = [self._patient(step) for step in steps]
        if self.dies_after is not None:
            if self.dies_after < len(steps):
                self._ask(steps[: self.dies_after])
                raise Died
            self.dies_after -= len(steps)
        if self.asks_twice:
            self._ask(steps)
        if any(isinstance(step, AwaitAnswer) for step in steps):
            self._wait_for_answer()
            steps = [
                replace(step, wait=timedelta(0)) if isinstance(step, AwaitAnswer) else step for step in steps
            ]
        return self._ledger.run_all(steps)

    def _ask(self, steps: Sequence[Step[Any]]) -> None:
        try:
            self._ledger.run_all(steps)
        except GreenroomError:
            pass  # nobody hears it

    def _patient(self, step: Step[Any]) -> Step[Any]:
        """Who asks a bot has no patience here, since the world's time is not the test's: its message has some."""
        if isinstance(step, Send) and not step.good_for:
            return replace(step, good_for=timedelta(seconds=12))
        return step


class Awaitable:
    """The same for bots."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def run(self, step: Step[Any]) -> Any:
        return self._wire.run(step)

    async def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        return self._wire.run_all(steps)


def drive(doing: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that never has to wait."""
    try:
        doing.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits for something that never happens here")


async def _say_nothing(*_frames: Any) -> None:
    pass


class Writer(Awaitable):
    """A bot's way to Redis, which sees that a turn is written if, and only if, no bot of a later epoch is there."""

    def __init__(self, world: "World") -> None:
        super().__init__(world.wire)
        self._world = world

    async def run(self, step: Step[Any]) -> Any:
        if not isinstance(step, Record):
            return await super().run(step)
        is_old = self._world.is_of_later_epoch(step.session_id, step.epoch)
        written = await super().run(step)
        self._world.must(bool(written) is not is_old, f"a turn of epoch {step.epoch} was written: {written}")
        if written:
            self._world.written[step.conversation_id].add(step.turn.content)
            self._world.accepted(step)
        return written


class Bot:
    """A bot's stay in parts, from its adoption: what it believes, what it does, and what the world knows of it."""

    def __init__(self, world: "World", adopted: AdoptedSession, token: str) -> None:
        self.world = world
        self.token = token
        self.owner, self.host = adopted.owner, adopted.host
        self.ledger: Any = self.way_to_redis()
        self.end = End()
        self.make_parts(adopted)
        self.heartbeat = self.heartbeat_over(self.ledger, begin=self.begin)
        self.closing = Closing(
            owner=self.owner,
            journal=self.journal,
            inbox=self.inbox,
            rooms=self.rooms,
        )

        self.alive = True
        self.frozen = False
        self.waits = adopted.is_next  # for its turn
        self.steady = self.believes  # nobody has a reason to think that it is dead
        self.word_ms = world.now_ms  # of Redis, that the room is its own
        self.was_on_stage = self.believes
        self.due_ms = world.now_ms + BEAT
        self.gone_ms = 0  # when it died
        self.unlisted = False  # Redis has lost everything since its word
        self.told = False  # its parent has said so
        self.orphan = False  # there is no parent that could
        self.successor: str | None = None  # the claim that it has named

    def way_to_redis(self) -> Any:
        return Writer(self.world)

    def make_parts(self, adopted: AdoptedSession) -> None:
        ledger = self.ledger
        session = replace(adopted.session, state=State.PENDING) if adopted.is_next else adopted.session
        over = Ending(Reason.SUPERSEDED, politely=False)
        self.journal = Journal(
            ledger,
            session,
            host=self.host,
            has_room=not adopted.is_next,
            on_over=lambda: self.end.begin(over),
        )
        self.turns = Turns(ledger, session, adopted.conversation)
        self.open_things = RoomState(
            ledger, session.room, epoch=session.epoch, owner=self.owner, tell=lambda _: None
        )
        stage = FakeStage()
        silence = Silence(lambda: [stage], begin=self.drive)
        mute = Mute(lambda: [stage])
        self.controls = Controls(session, SETTINGS, stage=stage, silence=silence, mute=mute, say=_say_nothing)
        none = cast(Any, None)  # what no message here leads to
        room = InRoom(stage, none, self.turns.hearing, none, none, none, self.controls)
        self.rooms = Rooms(room)
        self.asked = BotOfStay(
            session.id,
            self.rooms,
            listener=none,
            moves=none,
            switching=none,
            terms=none,
            silence=silence,
            mute=mute,
            end=self.end,
            app=none,
        )
        self.inbox = Inbox(ledger, self.journal, do=self._do)

    def drive(self, doing: Coroutine[Any, Any, Any]) -> Any:
        """Do something to its end, and return what comes of it."""
        return drive(doing)

    def begin(self, doing: Coroutine[Any, Any, Any]) -> object:
        """Do something beside what calls this."""
        return self.drive(doing)

    def heartbeat_over(
        self, pulse: Any, *, begin: Callable[[Coroutine[Any, Any, None]], object]
    ) -> Heartbeat:
        return Heartbeat(
            pulse,
            self.journal,
            self.inbox,
            owner=self.owner,
            turns=self.turns,
            open_things=self.open_things,
            end=self.end,
            silence=lambda: None,
            begin=begin,
            may_have_moved=self.may_have_moved,
        )

    def may_have_moved(self) -> bool:
        return False

    @property
    def session(self) -> Session:
        return self.journal.session

    @property
    def room(self) -> Room:
        return self.session.room

    @property
    def epoch(self) -> int:
        return self.session.epoch

    @property
    def awake(self) -> bool:
        return self.alive and not self.frozen

    @property
    def believes(self) -> bool:
        """That the room is its own."""
        return self.journal.has_room

    @believes.setter
    def believes(self, has_room: bool) -> None:
        self.journal.has_room = has_room

    @property
    def on_stage(self) -> bool:
        return self.awake and self.believes

    def go_live(self) -> None:
        if self.journal.state is State.PENDING:
            left = LeaveLine(self.session.id)
            self.drive(self.journal.enter(State.JOINING, host=self.host, afterwards=[left]))
        if self.journal.state is State.JOINING:
            self.drive(self.journal.enter(State.LIVE))

    def change(self, state: State) -> None:
        self.drive(self.journal.enter(state))

    def beat(self) -> Beaten:
        if self.world.wire.asks_twice:  # the reply to its beat before got lost
            self.journal.doubt()
        may_be_lost = self.journal.may_be_lost
        beaten = cast(Beaten, self.drive(self.heartbeat.beat()))
        self.due_ms = self.world.now_ms + BEAT
        if beaten is Beaten.SUPERSEDED:
            self.world.must(not self.steady, f"{self.owner} beats, and was superseded")
            self.stop()
            return beaten
        if beaten is Beaten.REGISTERED:
            self.world.registered(self)
        if beaten is Beaten.REGISTERED or may_be_lost:
            self.write()
            self.world.promised[self.session.id] = None
        self.world.heard_yes(self)
        return beaten

    def say(self, speaker: str) -> None:
        self.turns.message_added({"role": speaker, "content": f"sentence {next(self.world.numbers)}"})
        self.write()

    def write(self) -> None:
        """All that is unwritten, as it is written beside a call."""
        self.drive(self.turns.write_all())

    def obey(self) -> None:
        step = Receive(self.session.id, self.inbox.last_read, timedelta(0))
        self.inbox.take_in(self.world.ledger.run(step))
        self.obey_what_was_read()

    def obey_what_was_read(self) -> None:
        while not self.inbox.is_empty:
            self.drive(self.inbox.obey_next())
        if self.end.ending:
            self.finish(self.end.ending)

    async def _do(self, message: Message) -> Any:
        self.world.obeyed(self, message)
        return await handle(self.asked, message) if message.kind == "leave" else {}

    def finish(self, ending: Ending) -> None:
        """As a stay leaves and finishes."""
        self.stop()
        self.drive(self.journal.enter(State.LEAVING, reason=ending.reason))
        self.drive(self.closing.write_end(ending))

    def stop(self) -> None:
        self.alive = self.believes = self.steady = self.waits = False
        self.told = True  # it left by itself: there is no death to tell of
        self.gone_ms = self.world.now_ms

    def name_heir(self) -> None:
        self.successor = secrets.token_hex(8)
        epoch = self.world.wire.run(HandOver(self.room, self.owner, self.epoch, self.successor))
        self.world.must(
            (epoch is not None) is self.world.has_room(self), f"{self.owner} named a successor: {epoch}"
        )
        if epoch is not None:
            self.world.wire.run(self.world.queue.launch(self.session, self.successor, in_front=True))

    def give_way(self) -> None:
        """Yield, if somebody is ready."""
        before = self.world.look().lease(self.room)
        may = self.world.has_room(self) and before.get("next", {}).get("ready", False)
        yielded = self.world.wire.run(Yield(self.room, self.owner, self.epoch, self.journal.state))
        self.world.must((yielded is not None) is may, f"{self.owner} yielded: {yielded}")
        if yielded is not None:
            self.world.must(str(yielded) == before["next"]["epoch"], "it yielded to another")
            self.stop()
            self.world.wire.run(Succeed(self.session.id, yielded, "handed_over"))

    def park(self) -> None:
        self.steady = False
        self.world.parks += 1
        try:
            parked = follow(self.world.wire, park(self.session, owner=self.owner, launches=self.world.queue))
        except NoSuchSession:  # Redis has lost it, and it was not written again yet
            parked = True
        if not parked:
            self.steady = self.world.has_room(self)
            self.world.must(not self.steady or self.world.wire.asks_twice, f"{self.owner} could not park")
        self.stop()

    def see_whether_turn_has_come(self) -> None:
        """As `TakeOver` does, prepared."""
        turn = self.world.wire.run(Ready(self.room, self.token, self.owner))
        if turn is HandoverTurn.WAIT:
            return
        self.waits = False
        if turn is HandoverTurn.LAPSED:
            self.stop()
            return
        self.world.heard_yes(self)
        self.believes = self.steady = self.was_on_stage = True
        succession = self.world.wire.run(Succeed(self.session.id, self.epoch, "handed_over", host=self.host))
        if succession.session.epoch != self.epoch:
            self.world.wire.run(Release(self.room, self.epoch, self.owner))
            self.stop()
            return
        self.journal.take_over(succession.session)
        conversation_id = self.session.conversation_id
        self.turns.catch_up(self.world.wire.run(ReadTurns(conversation_id)), conversation_id)
        self.world.wire.run(LeaveLine(self.session.id))


class World:
    """Everybody together."""

    def __init__(self, server: Any, ledger: RedisLedger, database: Database) -> None:
        self.server, self.ledger = server, ledger
        self.archive, self._database = Archive(database), database
        empty(server)
        self.wire = Wire(self.ledger, self._somebody_answers)
        self.queue = Queue()
        self.reaper = Reaper(self.wire, self.queue)
        self.positions = Positions(self.wire)
        self._glass = Glass(self.server)
        self.sight = Sight()
        self.now_ms = 0
        self.look()

        self.bots: list[Bot] = []  # those that live, and those that are dead and nobody has said so
        self.gone: list[Bot] = []
        self.free = dict.fromkeys(HOSTS, 2)
        self.wishes = dict.fromkeys(HOSTS, RequestedState.WORK)
        self.delivered: list[str] = []
        self.adopted: dict[str, str] = {}  # owner by claim
        self.promised: dict[str, None] = {}  # session ids, in order
        self.numbers = iter(range(1, 1_000_000))
        self.written: defaultdict[str, set[str]] = defaultdict(set)  # by conversation
        self.to_keep: defaultdict[str, set[str]] = defaultdict(set)  # what SQL owes, by conversation
        # The latest epoch in which a session's bot wrote anything, by session and conversation
        self.said_by: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.sent: dict[int, tuple[str, int, int]] = {}  # session, epoch, good until
        self.applied: list[int] = []
        self.epochs: defaultdict[Room, dict[str, int]] = defaultdict(dict)  # by claim
        self.crashes: defaultdict[str, list[int]] = defaultdict(list)
        self.adoptions: defaultdict[str, int] = defaultdict(int)
        self.flushed_ms = -LATE_BEAT
        self.outage_ms = 0
        self.has_flushed = False  # since the last check
        self.is_broken = False  # something was not right
        self.wrong: list[str] = []  # what was not
        self.deaths = self.parks = 0  # of processes between two steps
        self.read: Session | None = None  # by somebody who has not acted on it yet
        self.swept_ms = self.now_ms

    # What must be true

    def must(self, is_so: bool, otherwise: str) -> None:
        """Remembered as well as raised: a bot catches whatever goes wrong while it obeys."""
        if not is_so:
            self.wrong.append(otherwise)
        assert is_so, otherwise

    def look(self, *, after_ms: int = 0) -> Sight:
        sight = self._glass.look(after_ms=after_ms)
        self.now_ms = sight.now_ms
        return sight

    def check(self) -> None:
        """Everything that must be true at any time."""
        assert not self.wrong, self.wrong[0]
        before, self.sight = self.sight, self.look()
        lost_all, self.has_flushed = self.has_flushed, False
        self.must(
            set(self.sight.endless) <= keys.KEPT | {QUEUE, TRANSITIONS}, f"for ever: {self.sight.endless}"
        )
        for room in ROOMS:
            self._check_room(room)
        for bot in self.bots:
            self._check_bot(bot)
        for session_id in self.promised:
            self._check_session(session_id, {} if lost_all else before.session(session_id))

    def _check_room(self, room: Room) -> None:
        lease, keepalive = self.sight.lease(room), self.sight.keepalive(room)
        known = self.epochs[room]
        for card in (lease, lease.get("next", {})):
            if token := card.get("token"):
                is_new = token not in known and int(card["epoch"]) > max(known.values(), default=0)
                self.must(is_new or known.get(token) == int(card["epoch"]), f"{card} after {known}")
                known[token] = int(card["epoch"])
            elif card:  # registered again
                self.must(int(card["epoch"]) in known.values(), f"{card} was never given")
        if not lease:
            self.must(not keepalive, "a keepalive of nobody")
            return
        if lease["status"] == "pending":
            self.must(not keepalive, "a claim has the keepalive of the bot before it")
            self.must("owner" not in lease and "next" not in lease, "a claim that has an owner")
            return
        self.must(
            lease["owner"] == self.adopted.get(lease.get("token"), lease["owner"]), "another adopted it"
        )
        self.must(keepalive.get("epoch") == lease["epoch"], f"{keepalive} is not of {lease}")
        self.must(keepalive["session_id"] == lease["session_id"], "a keepalive of another session")
        self.must(
            ("next" in lease) is (lease["status"] == "handing_over"), "a successor, but nobody who hands over"
        )
        is_dead = any(bot.owner == lease["owner"] for bot in self.gone)
        self.must(not is_dead or self.deaths > 0, "the room is one's who is known to be dead")

    def _check_bot(self, bot: Bot) -> None:
        if bot.steady:
            lease = self.sight.lease(bot.room)
            mine = lease.get("owner") == bot.owner and lease.get("epoch") == str(bot.epoch)
            lost = bot.unlisted and int(lease.get("epoch", 0)) < bot.epoch
            self.must(mine or lost, f"{bot.owner} beats, and the room is {lease}'s")

    def _check_session(self, session_id: str, before: dict[str, str]) -> None:
        record = self.sight.session(session_id)
        if not record:
            return
        if before:
            self.must(int(record["epoch"]) >= int(before["epoch"]), "a session's epoch went back")
            self.must(before["state"] != State.ENDED or record["state"] == State.ENDED, "it had ended")
        self.must(record["state"] != State.ENDED or "reason" in record, "it ended without a reason")
        if before and record["epoch"] != before["epoch"] and "crashes" in record:
            self._count_crashes(session_id, before, record)
        turns = [turn["content"] for turn in self.sight.turns(session_id)]
        self.must(len(turns) == len(set(turns)), f"twice: {turns}")
        written = self.written[record["conversation_id"]]
        self.must(written <= set(turns), f"of {written} only {turns}")
        self.must(turns == sorted(turns, key=_number), f"not in order: {turns}")

    def _count_crashes(self, session_id: str, before: dict[str, str], record: dict[str, str]) -> None:
        events = self.ledger.run(ReadEvents(session_id))
        crashes = self.crashes[session_id]
        if not any(event.event == "lost" and event.epoch == int(record["epoch"]) for event in events):
            return
        crashes.append(self.now_ms)
        counted = [at for at in crashes if self.now_ms - at < ms(CRASHES_COUNT_FOR) - 1000]
        written = [at for at in record["crashes"].split(",") if at]
        self.must(len(written) == len(counted), f"{len(counted)} crashes, and written is {written}")
        self.must(len(crashes) <= self.adoptions[session_id], "more crashes than bots")
        if len(counted) < CRASHES_AT_MOST:
            self.must(record.get("reason") != Reason.CRASHED_TOO_OFTEN, "given up too soon")
        elif not self.deaths:
            self.must(record.get("reason") == Reason.CRASHED_TOO_OFTEN, "it crashes for ever")

    def has_room(self, bot: Bot) -> bool:
        lease = self.look().lease(bot.room)
        return lease.get("owner") == bot.owner and lease.get("epoch") == str(bot.epoch)

    def is_of_later_epoch(self, session_id: str, epoch: int) -> bool:
        return int(self.look().session(session_id).get("epoch", 0)) > epoch

    def registered(self, bot: Bot) -> None:
        self.must(bot.unlisted, f"{bot.owner} registered again, and nothing was lost")

    def heard_yes(self, bot: Bot) -> None:
        """It is on stage now: nobody else in its room may have heard the same within a beat."""
        now_ms, before_ms = self.now_ms, self.now_ms - BEAT
        for other in self.bots:
            if other is bot or other.room != bot.room or not (other.alive and other.believes):
                continue
            just_now = other.word_ms > max(before_ms, self.flushed_ms + LATE_BEAT)
            self.must(not just_now, f"{other.owner} and {bot.owner} are on stage in {bot.room}")
        bot.word_ms, bot.unlisted = now_ms, False
        bot.steady = not any(
            other.alive and other.believes and other.room == bot.room and other.epoch > bot.epoch
            for other in self.bots
        )

    def obeyed(self, bot: Bot, message: Message) -> None:
        self.must(message.epoch == bot.epoch, f"{bot.owner} obeys what was for {message.epoch}")
        if message.kind == "leave":
            return
        number = int(message.body["number"])
        session_id, _, until_ms = self.sent[number]
        mine = [each for each in self.applied if self.sent[each][0] == session_id]
        self.must(number > max(mine, default=0), f"{number} is applied twice, or late")
        self.must(self.now_ms <= until_ms, f"{number} had expired")
        self.applied.append(number)

    # What happens

    @contextmanager
    def happening(self, *, dies_after: int | None = None, asks_twice: bool = False) -> Iterator[None]:
        """Something happens, and then all must be right."""
        self.wire.dies_after, self.wire.asks_twice = dies_after, asks_twice
        try:
            yield
        except Died:
            self.deaths += 1
        except BaseException:
            self.is_broken = True
            raise
        finally:
            self.wire.dies_after, self.wire.asks_twice = None, False
        self._bury()
        try:
            self.check()
        except BaseException:
            self.is_broken = True
            raise

    @contextmanager
    def calm(self) -> Iterator[None]:
        """What others do meanwhile does not fail."""
        before = self.wire.dies_after, self.wire.asks_twice
        self.wire.dies_after, self.wire.asks_twice = None, False
        try:
            yield
        finally:
            self.wire.dies_after, self.wire.asks_twice = before

    def _bury(self) -> None:
        for bot in [bot for bot in self.bots if not bot.alive and bot.told]:
            self.bots.remove(bot)
            self.gone.append(bot)

    def _nobody_dawdles(self) -> None:
        """A bot does what it has read before anything takes long."""
        with self.calm():
            for bot in list(self.bots):
                if bot.on_stage:
                    bot.obey_what_was_read()

    def pass_time(self, by: timedelta) -> None:
        """An ordinary time: who lives, beats."""
        self._nobody_dawdles()
        self.look(after_ms=ms(by))
        with self.calm():
            for bot in list(self.bots):
                if bot.on_stage and bot.due_ms <= self.now_ms:
                    bot.beat()

    def sleep(self, seconds: float) -> None:
        self.pass_time(timedelta(seconds=seconds))

    def be_away(self, by: timedelta) -> None:
        """Nobody can reach Redis, and its time goes on."""
        self._nobody_dawdles()
        self.look(after_ms=ms(by))
        for bot in self.bots:
            bot.due_ms = self.now_ms + BEAT

    def lose_everything(self) -> None:
        self._nobody_dawdles()
        self.server.flushall()
        self.look()
        self.flushed_ms = self.now_ms
        self.has_flushed = True
        for bot in [*self.bots, *self.gone]:
            bot.unlisted = True
        self.written.clear()
        kept = self._kept()  # what only waited is lost with Redis, unless its bot lives to write it again
        for conversation_id, owed in self.to_keep.items():
            owed.intersection_update(kept[conversation_id])
        self.crashes.clear()
        self.sent = {number: (session, epoch, 0) for number, (session, epoch, _) in self.sent.items()}
        self.promised.clear()  # but for those whose bots live to write them again
        self.wishes = dict.fromkeys(HOSTS, RequestedState.WORK)

    def join(self, room: Room, user: str) -> Joined | None:
        order = an_order(room, user_id=user, conversation_id=new_conversation())  # nobody names one
        try:
            joined = Joining(self.wire, self.queue, sleep=self.sleep).join(order)
        except NotMovable:  # their bot is on its way to a third room
            return None
        sight = self.look()
        if sight.session(joined.session_id):  # else whoever claimed it died before
            self.promised[joined.session_id] = None
        lease = sight.lease(room)
        for bot in [*self.bots, *self.gone]:
            if lease and lease["status"] != "pending" and bot.owner == lease["owner"]:
                is_heard = self.now_ms - bot.word_ms <= ms(STALE_AFTER) + 500
                self.must(is_heard, f"a caller was sent to {bot.owner}, who is dead")
        return joined

    def ask_once(self, room: Room, user: str) -> None:
        """A caller who goes away when they are told to wait."""
        lease = self.look().lease(room)
        if not lease or lease["status"] == "pending":
            return
        claim = Claim(room, secrets.token_hex(8), secrets.token_hex(8), a_brief(user_id=user))
        if isinstance(self.wire.run(claim), Claimed):
            self.deaths += 1

    def leave(self, room: Room) -> None:
        try:
            Leaving(self.wire, Providers.of([Local()])).leave_room(room)
        except (BotSilent, SessionEnded):
            pass

    def _somebody_answers(self) -> None:
        with self.calm():
            for bot in list(self.bots):
                if bot.on_stage:
                    bot.obey()
            self.pass_time(BEAT_EVERY)

    def make_bot(self, adopted: AdoptedSession, token: str) -> Bot:
        return Bot(self, adopted, token)

    def deliver(self, host: str, message: str | None = None) -> Bot | None:
        """A worker takes a launch: the next, or one that was delivered before."""
        if message is None:
            message = self.server.rpop(QUEUE)
            if message is None:
                return None
            others = [json.loads(other) for other in self.server.lrange(QUEUE, 0, -1)]
            self.must(json.loads(message)[2] or not any(front for *_, front in others), "not first in line")
            self.delivered.append(message)
        session_id, token, _ = json.loads(message)
        job_id = secrets.token_hex(4)
        before = self.look()
        record = before.session(session_id)
        lease = before.lease(Room.parse(record["room"])) if record else {}
        successor = lease.get("next", {})
        is_claim = lease.get("token") == token and lease.get("status") == "pending"
        may = is_claim or (successor.get("token") == token and "owner" not in successor)
        adopted = died = None
        try:
            adopted = greenroom.bots.run.adopt(session_id, token, host=host, job_id=job_id, settings=SETTINGS)
        except Died:
            died = Died()
            adopted = self._what_was_adopted(session_id, host, job_id)
        if adopted is not None:
            self.must(may, f"{token} was adopted from {lease}")
            self.must(token not in self.adopted, f"{token} was adopted twice")
            is_over = record["state"] in (State.LEAVING, State.ENDED)
            self.must(
                bool(died) or not is_over, f"{token} was adopted for a session that is {record['state']}"
            )
            self.adopted[token] = adopted.owner
            self.adoptions[session_id] += 1
            bot = self.make_bot(adopted, token)
            if died:
                bot.alive = bot.believes = bot.steady = bot.waits = False
            elif bot.believes:
                self.heard_yes(bot)
            self.bots.append(bot)
            self.report(host)
        elif may and not died:
            self.must(record["state"] == State.ENDED, f"{token} was not adopted from {lease}")
        if died:
            raise died
        return bot if adopted else None

    def _what_was_adopted(self, session_id: str, host: str, job_id: str) -> AdoptedSession | None:
        """By a process that died before it knew."""
        sight = self.look()
        record = sight.session(session_id)
        lease = sight.lease(Room.parse(record["room"])) if record else {}
        for card in (lease, lease.get("next", {})):
            if card.get("job_id") == job_id:
                session = replace(self.ledger.run(ReadSession(session_id)), epoch=int(card["epoch"]))
                is_next = card is not lease
                return AdoptedSession(session, card["owner"], host, card["token"], job_id, is_next)
        return None

    def die(self, bot: Bot, *, orphan: bool = False) -> None:
        bot.orphan = orphan
        bot.alive = bot.believes = bot.steady = bot.waits = False
        bot.gone_ms = self.now_ms

    def tell(self, bot: Bot) -> None:
        """Its parent says that it is dead."""
        had_room, known = self.has_room(bot), bool(self.look().session(bot.session.id))
        lost = self.reaper.lost(bot.session.id, owner=bot.owner, failure=DIED)
        if not self.wire.asks_twice:
            self.must(lost is (had_room and known), f"the death of {bot.owner} was evidence: {lost}")
        bot.told = known

    def freeze(self, bot: Bot) -> None:
        self._nobody_dawdles()
        if bot.alive:
            bot.frozen, bot.steady = True, False

    def wake(self, bot: Bot) -> None:
        bot.frozen, bot.due_ms = False, self.now_ms

    @contextmanager
    def fenced(self, bot: Bot) -> Iterator[None]:
        """What a bot does whose session has a later epoch changes nothing of it, nor of its room."""
        before = self.look()
        record = before.session(bot.session.id)
        is_old = int(record.get("epoch", 0)) > bot.epoch
        lease = before.lease(bot.room)
        is_mine = lease.get("owner") == bot.owner and lease.get("epoch") == str(bot.epoch)
        live = bot.session.id in before.members(keys.SESSIONS_LIVE)
        turns = before.turns(bot.session.id)
        yield
        after = self.look()
        if is_old:
            self.must(after.session(bot.session.id) == record, f"{bot.owner} changed {record}")
            self.must(after.turns(bot.session.id) == turns, f"{bot.owner} wrote turns")
            still = bot.session.id in after.members(keys.SESSIONS_LIVE)
            self.must(
                still or not live or record["state"] == State.ENDED, f"{bot.owner} took it off the list"
            )
        if lease and not is_mine and int(lease["epoch"]) >= bot.epoch:
            self.must(after.lease(bot.room) == lease, f"{bot.owner} changed {lease}")
            self.must(
                after.keepalive(bot.room) == before.keepalive(bot.room), f"{bot.owner} beats for another"
            )

    def impersonate(self, bot: Bot, owner: str, epoch: int) -> None:
        """Whoever is not both owner and of its epoch changes nothing."""
        with self.fenced_all():
            lease = replace(bot.heartbeat.next_beat(), owner=owner, epoch=epoch)
            self.must(self.wire.run(lease)[0] is Beaten.SUPERSEDED, "a stranger beats")
            self.must(not self.wire.run(Release(bot.room, epoch, owner)), "a stranger released")
            self.must(self.wire.run(Yield(bot.room, owner, epoch, State.LIVE)) is None, "a stranger yields")
            self.must(self.wire.run(HandOver(bot.room, owner, epoch, "a-token")) is None, "a stranger moves")
            self.must(not self.wire.run(Withdraw(bot.room, bot.epoch)), "a bot's room was withdrawn")
            finding, _ = self.wire.run(Supersede(bot.room, "a-token", owner=owner, epoch=epoch))
            self.must(finding is Found.OTHER, "a stranger's room was superseded")
            if "next" in self.look().lease(bot.room):
                turn = self.wire.run(Ready(bot.room, bot.successor or "", owner))
                self.must(turn is HandoverTurn.LAPSED, "a stranger is ready")

    def write_late(self, bot: Bot) -> None:
        """What is of an earlier epoch than a session's changes nothing of it."""
        session_id, epoch = bot.session.id, bot.epoch - 1
        before = self.look()
        if not before.session(session_id) or int(before.session(session_id)["epoch"]) <= epoch:
            return
        said_in = before.session(session_id)["conversation_id"]
        with pytest.raises(IllegalTransition):
            self.wire.run(Transition(session_id, State.ENDED, epoch, reason=Reason.ERROR))
        self.must(
            not self.wire.run(Record(session_id, said_in, epoch, Turn("late", "user", "late 0"))),
            "a late turn",
        )
        self.wire.run(BeginConversation(session_id, epoch, "late", "main/late"))
        self.wire.run(Succeed(session_id, epoch, "lost", State.PENDING, is_crash=True))
        if before.lease(bot.room):
            self.must(not self.wire.run(WriteConfig(bot.room, epoch, {"voice": "deep"})), "a late change")
        after = self.look()
        self.must(after.session(session_id) == before.session(session_id), "a late write changed a session")
        self.must(after.turns(session_id) == before.turns(session_id), "a late write changed what was said")

    @contextmanager
    def fenced_all(self) -> Iterator[None]:
        before = self.look()
        yield
        after = self.look()
        for room in ROOMS:
            self.must(
                after.lease(room) == before.lease(room), f"{before.lease(room)} became {after.lease(room)}"
            )
            self.must(after.keepalive(room) == before.keepalive(room), "a keepalive changed")

    def read_for_later(self, session_id: str) -> None:
        """Somebody reads a session, and is slow to act on it."""
        record = self.look().session(session_id)
        if record:
            self.read = self.ledger.run(ReadSession(session_id))

    def act_on_what_was_read(self) -> None:
        """Where somebody else was quicker nothing is overwritten, and they learn what there is."""
        read, self.read = self.read, None
        before = self.look().session(read.id) if read else {}
        if not read or not before or (before["state"], int(before["epoch"])) == (read.state, read.epoch):
            return
        change = Transition(read.id, State.LOST, read.epoch, read.state)
        if before["state"] == State.LOST and int(before["epoch"]) == read.epoch:
            self.wire.run(change)
        else:
            with pytest.raises(IllegalTransition) as refused:
                self.wire.run(change)
            self.must(refused.value.facts["state"] == before["state"], f"{before} is said to be another")
        self.must(self.look().session(read.id) == before, f"{before} was overwritten")

    def command(self, session_id: str, *, older: bool = False) -> None:
        record = self.look().session(session_id)
        if not record:
            return
        number, epoch = next(self.numbers), int(record["epoch"]) - older
        good_for = timedelta(seconds=10)
        self.sent[number] = session_id, epoch, self.now_ms + ms(good_for) + 1000
        self.wire.run(Send(session_id, "do", {"number": number}, epoch, good_for))

    def report(self, host: str) -> None:
        held = {bot.session.id: bot.owner for bot in self.bots if bot.host == host and bot.alive}
        slots = self.free[host] + len(held)
        wish = self.wire.run(Report(Host(host, "bots", slots, len(held), "1"), held))
        self.must(wish is self.wishes[host], f"{wish} is wanted of {host} instead of {self.wishes[host]}")

    def ask(self, host: str, wish: RequestedState) -> None:
        self.wire.run(AskHost(host, wish))
        self.wishes[host] = wish

    def boot(self, host: str) -> None:
        """A worker died with all its bots, and is started again."""
        known = self.reaper.held_by(host)
        for bot in self.bots:
            if bot.host == host and bot.alive:
                self.die(bot, orphan=True)
        self.wishes[host] = RequestedState.WORK
        self.ledger.run(Report(Host(host, "bots", self.free[host], 0, "2"), None))
        held = self.reaper.held_by(host)
        self.must(held == known, "what a worker held was forgotten at its first report")
        for _ in range(10):
            held = self.reaper.inherit(host, held)
            if not held:
                break
            self.sleep(1)
        for bot in self.bots:
            if not bot.alive and known.get(bot.session.id) == bot.owner:
                bot.told = bool(self.look().session(bot.session.id))

    def reap(self) -> None:
        self.reaper.reap()
        self.positions.tell()
        if self.now_ms - self.swept_ms > 60_000:
            self.swept_ms = self.now_ms
            sweep(self.wire)

    # Where it is kept for good

    def accepted(self, step: Record) -> None:
        """A turn is in Redis.  One of an earlier bot, after Redis lost that there was a later one, SQL refuses."""
        conversation_id = step.conversation_id
        if step.epoch >= self.said_by[step.session_id, conversation_id]:
            self.said_by[step.session_id, conversation_id] = step.epoch
            self.to_keep[conversation_id].add(step.turn.content)

    def flush(self, *, befalls: str = "", dies_after: int | None = None) -> None:
        """A process of control stores what waits, and may not live to the end of it."""
        self.archive.befalls, self.wire.dies_after = befalls, dies_after
        try:
            Flusher(self.wire, self.archive).flush(A_LONG_WHILE)
        except Died:
            return
        finally:
            self.archive.befalls, self.wire.dies_after = "", None
        if befalls != "is away":
            self.must(not self.server.exists(keys.OUTBOXES), "a flush has left turns")
            self._check_kept()

    def _check_kept(self) -> None:
        for conversation_id, kept in self._kept().items():
            owed = self.to_keep[conversation_id]
            self.must(len(kept) == len(set(kept)), f"stored twice: {kept}")
            self.must(owed <= set(kept), f"of {owed} only {kept} is stored")
            self.must(kept == sorted(kept, key=_number), f"not stored in order: {kept}")

    def _kept(self) -> dict[str, list[str]]:
        """What SQL has of each conversation, by sequence."""
        kept: dict[str, list[str]] = {conversation_id: [] for conversation_id in self.to_keep}
        those = (
            select(kept_turns.c.conversation_id, kept_turns.c.content)
            .where(kept_turns.c.conversation_id.in_(kept))
            .order_by(kept_turns.c.sequence, kept_turns.c.id)
        )
        with self._database.reading() as connection:
            for conversation_id, content in connection.execute(those):
                kept[conversation_id].append(content)
        return kept

    # How it ends

    def settle(self, workers: str) -> None:
        """Nothing more goes wrong: everybody who was promised a bot has one soon, or knows why not."""
        for host in HOSTS:
            self.free[host] = 0 if workers == "are full" else 4
        patient = self.deaths or self.parks
        late = {session_id for session_id in self.promised if not self._is_claimed_well(session_id)}
        began_ms = self.now_ms
        for leap in range(40):
            with self.happening():
                for host in HOSTS:
                    self.report(host)
                if workers != "start bots":
                    self.server.delete(QUEUE)
                while workers == "start bots" and self.server.llen(QUEUE):
                    self.deliver(HOSTS[0])
                for bot in list(self.bots):
                    self._play(bot)
                self.reap()
            waiting = [session_id for session_id in self.promised if not self._is_settled(session_id)]
            if not waiting and not any(bot.waits and bot.awake for bot in self.bots):
                break
            late_ms = self.now_ms - began_ms
            bound_ms = 780_000 if patient else 170_000 if late.intersection(waiting) else 90_000
            self.must(late_ms < bound_ms, f"{waiting} wait for {late_ms} ms")
            with self.happening():
                self.pass_time(timedelta(seconds=5 if leap < 20 else 35))
        else:
            self.must(False, f"{waiting} wait for ever")
        self.flush()
        for bot in self.bots:
            is_known = self.has_room(bot) and self.look().session(bot.session.id)
            self.must(
                bool(is_known) or not (bot.on_stage and bot.steady), f"{bot.owner} is on stage for nobody"
            )

    def _is_claimed_well(self, session_id: str) -> bool:
        """Its claim did not lapse, or nearly, while nobody reaped: else only the sweep will find its session."""
        sight = self.look()
        record = sight.session(session_id)
        lease = sight.lease(Room.parse(record["room"])) if record else {}
        if lease.get("session_id") != session_id:
            return False
        return lease["status"] != "pending" or sight.redis_ms - lease["since"] < 10_000

    def _play(self, bot: Bot) -> None:
        """What a bot does anyway."""
        if bot.awake and bot.waits:
            bot.see_whether_turn_has_come()
        if not bot.alive and not bot.told and not bot.orphan:
            self.tell(bot)
        if bot.on_stage:
            bot.beat()
        if bot.on_stage:
            bot.go_live()
            bot.obey()
        if bot.on_stage and bot.successor and "next" in self.look().lease(bot.room):
            bot.give_way()

    def _is_settled(self, session_id: str) -> bool:
        sight = self.look()
        record = sight.session(session_id)
        self.must(bool(record), f"{session_id} was promised, and is unknown")
        if record["state"] == State.ENDED:
            return True
        self.must(session_id in sight.members(keys.SESSIONS_LIVE), f"{session_id} is not on the list")
        if record["state"] not in ON_STAGE:
            return False
        lease = sight.lease(Room.parse(record["room"]))
        is_on = [bot for bot in self.bots if bot.on_stage and bot.steady and bot.owner == lease.get("owner")]
        if not is_on or lease["session_id"] != session_id:
            return False
        self.must(lease["epoch"] == record["epoch"], f"{record} is not at its bot's epoch, {lease['epoch']}")
        self.must(
            record["room"] in sight.members(keys.ROOMS_KEEPALIVE), f"nobody looks after {record['room']}"
        )
        return True


def _number(sentence: str) -> int:
    return int(sentence.rsplit(" ", 1)[1])
