"""The world with moves, pauses and returns in it, which bots make as they do: with all parts of a stay.

The stage, and the run of a bot's own code, are the world's.  A move stops before each step of its way through Redis
until the world lets it go on, so that anything may happen there.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from greenroom.app.errors.families import GreenroomError
from greenroom.app.errors.storage import RedisAway
from greenroom.app.providers.local import Local
from greenroom.app.rooms.failures import FailureKind
from greenroom.app.rooms.inbox import Message
from greenroom.app.rooms.leases import Adopt, ReadRoom
from greenroom.app.rooms.leaving import Leaving
from greenroom.app.rooms.ledger import Step, granted
from greenroom.app.rooms.line import LeaveLine
from greenroom.app.rooms.messages import sending
from greenroom.app.rooms.moves import MOVE, MOVES_WITHIN, CallOffMove, CommitMove, Target
from greenroom.app.rooms.pausing import PauseUpkeep, SetPause
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.rates import Once
from greenroom.app.rooms.requests.changing import HeedRecord, MoveTo
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened, ReadEvents
from greenroom.app.rooms.sessions import Advance, Pause, ReadSession, Session, State
from greenroom.app.rooms.transitions import Carrier
from greenroom.app.settings import Settings
from greenroom.app.storage import keys
from greenroom.app.storage.ledger import RedisLedger
from greenroom.bots.stay.adopted import AdoptedSession
from greenroom.bots.stay.ending import Ending
from greenroom.bots.stay.in_room import InRoom
from greenroom.bots.stay.inbox import Inbox
from greenroom.bots.stay.requests import handle
from greenroom.bots.transports.stage import PutOut
from tests.fakes.stage import FakeStage
from tests.fakes.stays import parts_of
from tests.model.world import (
    HOSTS,
    ROOMS,
    TRANSITIONS,
    Bot,
    Database,
    Queue,
    World,
    Writer,
)

SPEECH = Settings(speech="demo")
SAGA = (Advance, Adopt, CommitMove, CallOffMove)


class Transitions(Queue):
    """The tasks that have bots asked to move lie in a list too."""

    def transition(self, session: Session, epoch: int, *, again: bool = False) -> Once:
        what = f"move:{session.id}:{epoch}:{again}"
        return Once(what, MOVES_WITHIN, TRANSITIONS, json.dumps([session.id, epoch]))


class Stage(FakeStage):
    """A place in a room that a bot comes into at once, unless its server does not let it in."""

    def __init__(self, world: "MovingWorld", *, apart: bool) -> None:
        super().__init__()
        self._world = world
        self.is_apart = apart
        self.is_silent = False
        self.has_entered = asyncio.Event()

    async def ready_to_enter(self) -> None:
        pass

    def enter(self) -> None:
        self.has_entered.set()

    def take_part(self) -> None:
        self.is_apart = False

    def silence(self) -> None:
        self.is_silent = True

    async def disconnect(self) -> None:
        self.is_silent = True

    @property
    def is_heard(self) -> bool:
        return not self.is_apart and not self.is_silent


class Run:
    """The run of a bot that does nothing but be there."""

    def __init__(self, session: Session, *, stage: Stage, **_: Any) -> None:
        self._stage = stage
        self._over = asyncio.Event()
        self.started, self.fell_silent = asyncio.Event(), asyncio.Event()
        self.has_failed, self.failure = False, None
        if not stage.is_apart:
            self.started.set()

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def begin(self, prepare: Any) -> None:
        self._task = asyncio.ensure_future(self._begin(prepare))

    async def _begin(self, prepare: Any) -> None:
        try:
            await prepare()
        except Exception as error:
            self._stage._world.wrong.append(repr(error))
        if self._stage._world.befalls == "cannot run twice":
            self._over.set()
        await self._stage.has_entered.wait()
        if self._stage._world.befalls == "is not let in":
            put_out = PutOut(FailureKind.NOT_LET_IN, "was not let in")
            self._stage.listener.put_out(put_out)
        else:
            self.started.set()

    async def over(self) -> None:
        await self._over.wait()

    async def say(self, *_frames: Any) -> None:
        self.fell_silent.set()

    async def interrupt(self, within: timedelta) -> bool:
        return True

    async def stop(self, reason: Any) -> None:
        self._over.set()

    async def cancel(self) -> None:
        self._over.set()
        self._task.cancel()


class StayWriter(Writer):
    """A stay's way to Redis: it is not served any more once its process is dead, nor while that is frozen."""

    def __init__(self, bot: "MovingBot") -> None:
        super().__init__(bot.world)
        self._bot = bot

    async def run(self, step: Step[Any]) -> Any:
        return granted((await self.run_all([step]))[0])

    async def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        bot = self._bot
        if bot.is_moving_now and all(isinstance(step, (*SAGA, ReadRoom)) for step in steps):
            await bot.stop_before(steps)
        if bot.world.is_over:
            raise RedisAway
        while bot.killed or bot.frozen:
            await asyncio.Future()  # a process that is not there; one that wakes has the step done anew
        results = []
        for step in steps:
            try:
                results.append(await super().run(step))
            except GreenroomError as error:
                results.append(error)
            bot.has_done(step, results[-1])
        if bot.loses_reply:
            bot.loses_reply = False
            raise RedisAway
        return results


class MovingBot(Bot):
    """A bot with all parts of its stay."""

    world: "MovingWorld"

    def way_to_redis(self) -> Any:
        self.killed = self.frozen = self.loses_reply = False
        self.stands_before: tuple[Sequence[Step[Any]], asyncio.Future[None]] | None = None
        return StayWriter(self)

    def make_parts(self, adopted: AdoptedSession) -> None:
        self.stages: list[Stage] = []
        self.drive(self._make(adopted))

    async def _make(self, adopted: AdoptedSession) -> None:
        self.parts = parts = parts_of(
            adopted,
            "",
            ledger=self.ledger,
            settings=SPEECH,
            launches=self.world.queue,
            stage_of=self._stage_of,
        )
        self.end, self.journal, self.turns = parts.end, parts.journal, parts.turns
        self.open_things, self.rooms, self.asked = parts.open_things, parts.rooms, parts.asked
        self.inbox = Inbox(self.ledger, self.journal, do=self._do, moved=parts.moves.over)
        parts.hand_over = cast(Any, HandsOver(self))
        if adopted.session.pause is not None:
            parts.silence.begin(adopted.session.pause)
        for work in (self.turns.write(), self.open_things.write()):
            self.begin(work)

    def _stage_of(
        self, _session: Session, _settings: Any, *, listener: Any, waits: bool, apart: bool
    ) -> Stage:
        stage = Stage(self.world, apart=apart)
        stage.listener = listener
        self.stages.append(stage)
        return stage

    # Its event loop, which is the world's

    def drive(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.world.drive(doing)

    def begin(self, doing: Coroutine[Any, Any, Any]) -> object:
        return self.world.begin(doing)

    # Its move

    @property
    def moves(self) -> Any:
        return self.parts.moves

    def may_have_moved(self) -> bool:
        return bool(self.moves.are_in_doubt)

    @property
    def is_moving_now(self) -> bool:
        """Whether it is its move that asks Redis, and not another task."""
        return self.moves._task is not None and asyncio.current_task() is self.moves._task

    async def stop_before(self, steps: Sequence[Step[Any]]) -> None:
        if self.world.is_stopping_moves:
            self.stands_before = steps, asyncio.get_running_loop().create_future()
            is_held = self.journal.in_order.locked()  # what happens before the commit is written before it
            if is_held:
                self.journal.in_order.release()
            try:
                await self.stands_before[1]
            finally:
                self.stands_before = None
                if is_held:
                    await self.journal.in_order.acquire()

    def has_done(self, step: Step[Any], result: Any) -> None:
        if isinstance(step, Adopt) and not isinstance(result, GreenroomError):
            self.word_ms = self.world.now_ms
            self.world.adopted.setdefault(step.token, self.owner)
        if isinstance(step, CommitMove) and not isinstance(result, GreenroomError):
            self.due_ms = min(self.due_ms, self.world.now_ms + 3000)

    @property
    def stands(self) -> bool:
        """Whether it moves, and waits for the world to let it go on."""
        return self.awake and self.stands_before is not None

    def go_on(self, *, loses_reply: bool = False) -> None:
        """Do the next step of its move, and what follows until the one after it."""
        assert self.stands_before is not None
        room, is_steady = self.room, self.steady
        self.loses_reply = loses_reply
        self.stands_before[1].set_result(None)
        self.world.settle_tasks()
        self.loses_reply = False
        if self.room != room and is_steady:
            self.world.heard_yes(self)
        if self.end.ending:
            self.finish(self.end.ending)

    def go_on_to_the_end(self) -> None:
        while self.stands:
            self.go_on()

    def die_behind_step(self) -> None:
        """Its process dies when Redis has done the step, and before it knows."""
        assert self.stands_before is not None
        steps, _ = self.stands_before
        for step in steps:
            try:
                self.has_done(step, self.world.ledger.run(step))
            except GreenroomError:
                pass

    # What it does otherwise

    def go_live(self) -> None:
        if self.journal.state is State.PENDING:
            left = LeaveLine(self.session.id)
            self.drive(self.journal.enter(State.JOINING, host=self.host, afterwards=[left]))
        if self.journal.state is State.JOINING:
            self.drive(self.parts.listener.started())

    def obey_what_was_read(self) -> None:
        """What is for the epoch that it gets by its move is obeyed behind that, and so is another move."""
        unread = cast(Any, self.inbox)._unread._queue
        while self.stands and any(map(self._is_behind_its_move, unread)):
            self.go_on()
        if self.alive:
            super().obey_what_was_read()

    def _is_behind_its_move(self, message: Message) -> bool:
        if message.kind == MoveTo.name and self.moves.is_on_its_way_to_another(
            int(str(message.body["epoch"]))
        ):
            return True
        return message.epoch > self.epoch

    async def _do(self, message: Message) -> Any:
        if message.kind == "do":
            self.world.obeyed(self, message)
            return {}
        return await handle(self.asked, message)

    def finish(self, ending: Ending) -> None:
        with self.world.moves_go_on():
            self.drive(self.moves.cancel())
        super().finish(ending)
        for stage in self.stages:
            stage.silence()

    def stop(self) -> None:
        super().stop()
        for stage in self.stages:
            stage.silence()

    def see_whether_turn_has_come(self) -> None:
        super().see_whether_turn_has_come()
        if self.on_stage:
            self.drive(self.parts.listener.took_over(self.session, frozenset()))
            self.drive(self.parts.listener.started())


class HandsOver:
    """Whether a bot's session is about to go to another worker's bot."""

    def __init__(self, bot: MovingBot) -> None:
        self._bot = bot

    @property
    def has_begun(self) -> bool:
        return "next" in self._bot.world.look().lease(self._bot.room)


class MovingWorld(World):
    """Everybody together, and where people are."""

    bots: list[MovingBot]  # type: ignore[assignment]

    def __init__(self, server: Any, ledger: RedisLedger, database: Database) -> None:
        super().__init__(server, ledger, database)
        self.loop = asyncio.new_event_loop()
        self.queue = Transitions()
        self.reaper = type(self.reaper)(self.wire, self.queue)
        self.carrier = Carrier(self.wire, self.queue, Leaving(self.wire, Providers.of([Local()])))
        self.befalls = ""  # a bot that moves
        self.is_stopping_moves, self.is_over = True, False
        self.transitions: list[str] = []  # tasks that were done
        self.begun: defaultdict[str, set[int]] = defaultdict(
            set
        )  # moves by session, by the epochs of their claims
        self.is_in: dict[str, tuple[MovingBot, InRoom]] = {}  # people
        self.asked_for_pause: dict[str, bool] = {}  # by session

    def close(self) -> None:
        self.is_over = True
        while tasks := asyncio.all_tasks(self.loop):
            for task in tasks:
                task.cancel()
            self.settle_tasks()
        self.loop.close()

    def make_bot(self, adopted: AdoptedSession, token: str) -> Bot:
        return MovingBot(self, adopted, token)

    # The event loop of all bots

    def drive(self, doing: Coroutine[Any, Any, Any]) -> Any:
        result = self.loop.run_until_complete(asyncio.wait_for(doing, 30))
        self.settle_tasks()
        return result

    def begin(self, doing: Coroutine[Any, Any, Any]) -> object:
        return self.loop.create_task(doing)

    def settle_tasks(self) -> None:
        """Let all tasks go on until each of them waits for the world."""
        self.loop.run_until_complete(self._settle_tasks())

    async def _settle_tasks(self) -> None:
        ready = cast(Any, self.loop)._ready
        await asyncio.sleep(0)
        while ready:  # noqa: ASYNC110  it is others that are waited for
            await asyncio.sleep(0)

    def moves_go_on(self) -> Any:
        world = self

        class GoOn:
            def __enter__(self) -> None:
                world.is_stopping_moves = False

            def __exit__(self, *_: object) -> None:
                world.is_stopping_moves = True

        return GoOn()

    # What must be true

    def check(self) -> None:
        super().check()
        for session_id in self.promised:
            record = self.sight.session(session_id)
            if (procedure := json.loads(record.get("procedure", "null"))) and procedure["kind"] == MOVE:
                self.begun[session_id].add(int(procedure["facts"]["epoch"]))
            if record and record["state"] != State.ENDED:
                self._check_user_bot(session_id, record)
        for bot in self.bots:
            if bot.awake and bot.believes:
                self._check_stages(bot)

    def _check_user_bot(self, session_id: str, record: Mapping[str, str]) -> None:
        user = json.loads(record["brief"])["user_id"]
        theirs = self.sight._json(keys.user_bot(user))
        if theirs.get("session_id") == session_id:
            self.must(theirs["room_url"] == record["room"], f"{user}'s bot is in {record}, not {theirs}")

    def _check_stages(self, bot: MovingBot) -> None:
        """A bot is heard in the room where its session is, and in no other."""
        for stage in bot.stages:
            is_now = stage is bot.rooms.now.stage
            self.must(is_now or not stage.is_heard, f"{bot.owner} is heard in a room that it has left")

    def _check_bot(self, bot: Bot) -> None:
        step = next(iter(cast(MovingBot, bot).stands_before or ((),)), ())
        if any(isinstance(each, CommitMove) for each in step):
            return  # whether it has moved it is told with the answer
        super()._check_bot(bot)

    def has_room(self, bot: Bot) -> bool:
        """One that has died knew less of where it was than its session's record."""
        record = self.look().session(bot.session.id)
        if bot.alive or not record:
            return super().has_room(bot)
        lease = self.sight_of(Room.parse(record["room"]))
        return lease.get("owner") == bot.owner and lease.get("epoch") == record["epoch"]

    def sight_of(self, room: Room) -> dict[str, Any]:
        return self.look().lease(room)

    # What happens

    def die(self, bot: Bot, *, orphan: bool = False) -> None:
        cast(MovingBot, bot).killed = True
        for person, (its, _) in list(self.is_in.items()):
            if its is bot:
                del self.is_in[person]
        super().die(bot, orphan=orphan)

    def lose_everything(self) -> None:
        super().lose_everything()
        self.begun.clear()
        self.asked_for_pause.clear()

    def carry(self, again: int | None = None) -> None:
        """A control worker takes a task: the next, or one that was done before."""
        if again is None:
            message = self.server.rpop(TRANSITIONS) or self.server.lpop(TRANSITIONS)
            if message is None:
                return
            self.transitions.append(message)
        else:
            message = self.transitions[-1 - again % len(self.transitions)]
        session_id, epoch = json.loads(message)
        self.carrier.carry(session_id, epoch)

    def go_well(self) -> None:
        """A worker takes the next launch, and bots that have begun are soon on stage."""
        self.report(HOSTS[0])
        self.deliver(HOSTS[0])
        for bot in list(self.bots):
            for _ in (State.JOINING, State.LIVE):
                if bot.on_stage:
                    bot.go_live()

    def reap(self) -> None:
        super().reap()
        PauseUpkeep(self.wire).look()

    def come(self, person: str, bot: MovingBot) -> None:
        self.go(person)
        room = bot.rooms.now
        room.stage.people |= {person}
        self.is_in[person] = bot, room
        self.drive(room.doorway.arrived(person))

    def go(self, person: str) -> None:
        if person in self.is_in:
            bot, room = self.is_in.pop(person)
            room.stage.people -= {person}
            if bot.awake:
                self.drive(room.doorway.departed(person))

    def pause(self, session_id: str, *, is_paused: bool) -> None:
        """Somebody asks for it, and does not wait for the bot."""
        try:
            session = self.wire.run(SetPause(session_id, is_paused=is_paused, by="somebody"))
        except GreenroomError:
            return
        self.asked_for_pause[session_id] = is_paused
        try:
            self.wire.run(sending(session, HeedRecord()))
        except GreenroomError:
            pass

    # How it ends

    def settle(self, workers: str) -> None:
        self.befalls = ""
        super().settle(workers)
        for _ in range(30):
            wrong = self._what_is_not_settled()
            if not wrong:
                return
            with self.happening():
                for bot in list(self.bots):
                    self._play(bot)
                self.carry()
                self.reap()
                self.pass_time(timedelta(seconds=5))
        self.must(False, wrong)

    def _play(self, bot: Bot) -> None:
        moving = cast(MovingBot, bot)
        self.carry()
        moving.go_on_to_the_end()
        super()._play(bot)

    def _what_is_not_settled(self) -> str:
        for room in ROOMS:
            lease = self.look().lease(room)
            record = self.look().session(lease["session_id"]) if lease else {}
            if record and record["room"] != str(room):
                return f"{room} is held for a session that is in {record['room']}"
        for session_id in self.promised:
            if wrong := self._what_is_wrong_with(session_id):
                return wrong
        return ""

    def _what_is_wrong_with(self, session_id: str) -> str:
        session = self.ledger.run(ReadSession(session_id))
        if session.state is State.ENDED:
            return ""
        told = [event.event for event in self.ledger.run(ReadEvents(session_id))]
        outcomes = told.count(Happened.MOVED) + told.count(Happened.MOVE_FAILED)
        if Target.of(session) is not None or outcomes < len(self.begun[session_id]):
            return f"of the moves {self.begun[session_id]} came {told}, and {session.procedure}"
        if self.asked_for_pause.get(session_id) and session.pause != Pause():
            return f"a pause that was asked for is {session.pause}"
        call = session.pause and session.pause.call
        if call and not self._is_in_call(session.brief.user_id, call.session_id):
            return f"{session_id} is paused for a call that is over"
        for bot in self.bots:
            if bot.session.id == session_id and bot.on_stage and bot.steady:
                return self._how_it_is_not_as_recorded(bot, session)
        return ""

    def _is_in_call(self, person: str, session_id: str) -> bool:
        if person not in self.is_in:
            return False
        bot, room = self.is_in[person]
        return bot.session.id == session_id and bot.on_stage and bot.rooms.now is room

    def _how_it_is_not_as_recorded(self, bot: MovingBot, session: Session) -> str:
        others = bot.rooms.now.stage.people - {session.brief.user_id}
        pause = session.pause
        is_silent = pause is not None and (pause.call is None or not others)
        if bot.parts.silence.is_on is not is_silent:
            return f"{bot.owner} is silent: {bot.parts.silence.is_on}, with {others} and {pause}"
        if not bot.rooms.now.stage.is_heard:
            return f"{bot.owner} is on stage, and not heard"
        return ""
