"""A session's life in a worker: join, live, wait, leave or move on, and why it ended."""

import asyncio
import faulthandler
import random
from collections.abc import Coroutine, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMMessagesUpdateFrame,
    LLMUpdateSettingsFrame,
    STTUpdateSettingsFrame,
    TTSSpeakFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings

from greenroom.app.errors import GreenroomError, IllegalTransition, NoSuchSession, OthersThere, RedisAway
from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.conversations import ReadTurns, Turn
from greenroom.app.rooms.failures import BotCrashed, BotFailure, EndUnwritten, FailureKind
from greenroom.app.rooms.inbox import Answer, Message, Receive
from greenroom.app.rooms.leases import BEAT_EVERY, STALE_AFTER, Beat, Beaten, ReadRoom, Release
from greenroom.app.rooms.leaving import ended_by
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.outgoing import LaunchQueue
from greenroom.app.rooms.requests import (
    EXPIRED,
    FAILED,
    BadRequest,
    BotAnswer,
    Candidates,
    Configure,
    Done,
    GivesWay,
    GiveWay,
    Leave,
    Offer,
    OfferAnswer,
    Request,
    read,
    to_body,
)
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room_states import Open, Opened, ReadState
from greenroom.app.rooms.sessions import (
    Create,
    Forget,
    Happened,
    Note,
    Reason,
    Session,
    State,
    Succeed,
    Transition,
)
from greenroom.app.settings import Settings
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots import speech
from greenroom.bots import transports as stages
from greenroom.bots.blame import failure_of
from greenroom.bots.body import body_of
from greenroom.bots.loading import BotUnfit, load_bot
from greenroom.bots.outbox import Outbox
from greenroom.bots.personalities import Personality
from greenroom.bots.personalities import load as load_personality
from greenroom.bots.room_state import RoomState
from greenroom.bots.succession import hand_over, turn_comes
from greenroom.bots.transports.stage import PutOut
from greenroom.bots.turns import Turns, as_messages

STARTS_WITHIN = timedelta(seconds=30)  # a bot's own set-up, until its pipeline runs
NO_SHOW_AFTER = timedelta(minutes=2)  # nobody ever came
COMES_BACK_WITHIN = timedelta(seconds=30)  # a person whose bot was replaced, however short their persistence
QUIET_WITHIN = timedelta(seconds=6)  # a moment in which nobody speaks; then the session moves on all the same
INTERRUPTED_WITHIN = timedelta(seconds=1)  # an answer that nobody shall hear
WRITTEN_WITHIN = timedelta(seconds=2)  # the last turns
WATCHED_EVERY = timedelta(seconds=3)  # an event loop says that it runs
# An event loop, or a frozen process: a bot that woke later would cut off the one that has its room by then
BLOCKED_AT_MOST = STALE_AFTER
BLOCKED_AT_END = timedelta(seconds=10)  # the same, of a bot that is about to end
ENDS_WITHIN = timedelta(seconds=20)  # all that a bot does once nobody hears it; then its process is ended
GOODBYE_WITHIN = timedelta(seconds=8)
AWAY_WITHIN = timedelta(seconds=5)  # a word before it is gone for a moment
TOLD_WITHIN = timedelta(milliseconds=100)  # a message on its way to the page, before the line is closed
CLOSES_WITHIN = timedelta(seconds=3)
CRASHED_CLOSES_WITHIN = timedelta(seconds=0.5)  # a room whose bot has failed: the next one cannot wait
CANCELLED_WITHIN = timedelta(seconds=1)  # a task; one that swallows it is left to `leftovers`
WARNING_BEFORE_END = timedelta(seconds=30)
HELPERS = (
    "heartbeat",
    "inbox",
    "answering",
    "writing of turns",
    "writing of what is open",
)  # by name, in a reason
ALONE_AT_MOST = timedelta(minutes=10)  # without Redis
RECEIVE_WAIT = timedelta(seconds=1)  # a wait in Redis; shorter than the socket's timeout
INSISTS = 5  # times
BEAT_WITHIN = timedelta(seconds=2)  # connecting included
# After a beat that got no answer: several fall into a doubt, also where one of them waits, or comes late
BEAT_AGAIN_AFTER = timedelta(seconds=1)
AT_LEAST_BETWEEN_BEATS = 0.2  # seconds
STDERR = 2  # the descriptor: what Python calls so may be something else by then
REMEMBERED = 1000  # messages that were read; the inbox holds no more

T = TypeVar("T")

log = structlog.get_logger(__name__)
_current: ContextVar["Stay"] = ContextVar("stay")


@dataclass(frozen=True)
class Ending:
    """Why a session ends, and whether there is time to say goodbye."""

    reason: Reason
    politely: bool = True
    detail: str | None = None
    goes_on: bool = False  # it is this stay that ends; the session has another bot, or will have
    failure: BotFailure | None = None  # the bot's, where that is why; then its session needs another bot

    @classmethod
    def by(cls, failure: BotFailure) -> "Ending":
        """The bot failed, and nobody can be told goodbye."""
        return cls(Reason.ERROR, politely=False, detail=str(failure), goes_on=True, failure=failure)

    @classmethod
    def by_our_fault(cls, detail: str) -> "Ending":
        """Greenroom failed, not the bot; the detail's words follow "its bot"."""
        return cls.by(BotFailure(FailureKind.OURS, detail))


MOVED_ON = Ending(Reason.SUPERSEDED, politely=False, goes_on=True)


@dataclass(frozen=True)
class Errand:
    """A session that this process has adopted, and what it needs to know of it."""

    session: Session
    owner: str
    host: str
    claim: str
    is_next: bool  # its turn comes when the bot that has the room now yields
    age: timedelta
    conversation: tuple[Turn, ...]
    config: Mapping[str, Any]  # as the session's bot before this one was changed
    opened: Mapping[Open, Opened] = field(default_factory=dict)  # in the room, by that bot


class Stay:
    """One bot's stay in one room, from the adoption of its claim until it gives its room up, or on."""

    def __init__(
        self,
        errand: Errand,
        *,
        ledger: AsyncRedisLedger,
        pulse: AsyncRedisLedger,
        settings: Settings,
        launches: LaunchQueue,
        reviving: Reviving,
    ) -> None:
        self.session = session = errand.session
        self._errand = errand
        self._owner = errand.owner
        self._host = errand.host
        self._ledger = ledger
        self._pulse = pulse  # a connection of its own, so that a beat never queues behind anything
        self._settings = settings
        self._launches = launches
        self._reviving = reviving
        self._turns = Turns(ledger, session, errand.conversation)
        self._state = State.PENDING if errand.is_next else session.state
        self._config: Mapping[str, Any] = {}  # what was changed since the session began
        self._personality: Personality | None = None
        # In this room since it was last somebody else's: what is kept of the conversation is theirs
        self._met = {session.person, *(said.person for said in errand.conversation)} - {None}
        if errand.conversation and session.person is None:  # it was taken up, and is its user's alone
            self._met.add(session.brief.user_id)
        self._room = stages.of(
            session,
            settings,
            on_arrival=self._arrived,
            on_departure=self._departed,
            on_put_out=self._put_out,
            waits=errand.is_next,
        )
        self._state_of_room = RoomState(
            ledger,
            session.room,
            epoch=session.epoch,
            owner=errand.owner,
            tell=lambda state: self._room.tell("state", state=state),
            before=errand.opened,
        )
        self._pipeline: PipelineWorker | None = None
        self._outbox = Outbox(self._turns.has_line, self._chore)
        self._last_person = session.person
        self._has_room = not errand.is_next
        self._is_at_door = False  # of its room, which bounds what comes then
        self._clock: asyncio.TimerHandle | None = None  # no show, or an empty room
        self._watch: asyncio.TimerHandle | None = None  # the next sign of life to the watchdog
        self._adopted_at = asyncio.get_running_loop().time()
        self._is_started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._in_order = asyncio.Lock()  # transitions are written in the order in which they happen
        self._owed: list[Step[Any]] = []  # of them, those that Redis has not been told
        self._refused: Step[Any] | None = None  # the last that was
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._to_answer: list[str] = []  # messages that asked for the end
        self._unread: asyncio.Queue[Message] = asyncio.Queue()
        self._read: dict[str, None] = {}  # ids of messages, the oldest first
        self._last_read = "0"  # what was sent while the bot was starting is read as well
        self._may_be_lost = False  # the session, with all that Redis knew
        self._moving_out: asyncio.Task[None] | None = None
        self._target = ""  # the bot, as `BOTS` has it
        self._is_silent = asyncio.Event()  # the bot has said what it had to say
        self._unsaid: list[Frame] = []  # for a pipeline that is not there yet
        self._chores: set[asyncio.Task[None]] = set()  # short work that a timer began

    @classmethod
    def of_this_context(cls) -> "Stay":
        return _current.get()

    async def run(self, target: str) -> Reason:
        """Live until something ends the session here.

        Whatever happens, the room is free afterwards, or has another bot.  Raises BotCrashed if it needs one, and
        EndUnwritten if nobody could be told that it needs none.
        """
        _current.set(self)
        self._target = target
        self._state_of_room.enter()
        self._watch_loop()  # before the bot: what it does first may block already
        ending = Ending.by_our_fault("broke on our side; the worker's log says how")
        performance = self._performance = asyncio.create_task(self._perform(target))
        helpers: list[asyncio.Task[None]] = []
        clocks = self._wind_clocks()
        try:
            if self._errand.is_next and not await self._take_over(performance):
                ending = MOVED_ON
                return ending.reason
            writing = (self._turns.write(), self._state_of_room.write())
            work = (self._beat(), self._read_inbox(), self._obey_in_order(), *writing)
            helpers += [
                asyncio.create_task(each, name=name) for each, name in zip(work, HELPERS, strict=True)
            ]
            if not self._errand.is_next:
                await self._enter(State.JOINING, host=self._host)
            first: set[asyncio.Future[Any]] = {performance, self._ending, *helpers}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if self._moving_out is not None:  # where a bot that said its last words is done
                either: set[asyncio.Future[Any]] = {self._ending, self._moving_out}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            self._end_if_broken(helpers)
            ending = await self._leave(performance)
        finally:
            for clock in clocks:
                clock.cancel()
            self._stop_clock()
            if self._watch is not None:
                self._watch.cancel()
            # Nothing puts this off; `leftovers` ends it, when nothing of the bot is left
            faulthandler.dump_traceback_later(ENDS_WITHIN.total_seconds(), exit=True, file=STDERR)
            await self._turns.written(WRITTEN_WITHIN)
            await _cancel([performance, *helpers, *self._chores])
            is_written = await self._finish(ending)
        if ending.failure is not None:
            raise BotCrashed.of(ending.failure)
        if not is_written:
            raise EndUnwritten.of(ending.reason)
        return ending.reason

    def end(self, ending: Ending) -> None:
        """Begin the end.  The first reason counts."""
        if not self._ending.done():
            self._ending.set_result(ending)

    def exit(self, error: BaseException) -> None:
        """The bot has called sys.exit in one of its tasks, or was interrupted."""
        if isinstance(error, SystemExit) and not error.code and self._is_started.done():
            self.end(Ending(Reason.LEFT, politely=False, detail=f"the bot {self._failure_of(error)}"))
        else:
            self.end(self._crash(error))

    def _crash(self, error: BaseException) -> Ending:
        log.error("bot_failed", session_id=self.session.id, bot=self.session.brief.bot, exc_info=error)
        return Ending.by(self._failure_of(error))

    def _failure_of(self, error: BaseException) -> BotFailure:
        return failure_of(error, self._target)

    async def pipeline_built(self, pipeline: PipelineWorker) -> None:
        """Called with the bot's pipeline before it starts."""
        if self._pipeline is not None:  # a bot with helpers: the first pipeline is the one in the room
            return
        self._pipeline = pipeline
        self._room.built(pipeline)
        self._outbox.follow(pipeline)
        self._turns.follow(pipeline)
        pipeline.add_reached_downstream_filter((BotStoppedSpeakingFrame,))
        pipeline.add_event_handler("on_frame_reached_downstream", self._fell_silent)
        pipeline.add_event_handler("on_pipeline_started", self._started)
        unsaid, self._unsaid = self._unsaid, []
        await self._say(*unsaid)

    # What the bot does

    async def _perform(self, target: str) -> None:
        session = self.session
        self._personality = load_personality(session.brief.personality)
        bot = load_bot(target)
        await self._reconfigure(self._errand.config)
        await self._show()
        body = body_of(
            session,
            mode=self._mode,
            conversation=as_messages(self._errand.conversation),
            by_person=self._turns.by_person(),
        )
        await bot(self._room.runner_arguments(session.id, body))

    async def _fell_silent(self, _pipeline: PipelineWorker, _frame: Frame) -> None:
        self._is_silent.set()

    async def _started(self, _pipeline: PipelineWorker, _frame: Frame) -> None:
        if self._ending.done():
            return
        self._is_started.set_result(None)
        if not self._errand.is_next:
            self._expect_person()
            await self._enter(State.LIVE)

    def _check_started(self) -> None:
        if not self._is_started.done() and not self._is_at_door:
            detail = f"its pipeline had not started after {STARTS_WITHIN.seconds} seconds"
            self.end(Ending(Reason.LAUNCH_FAILED, politely=False, detail=detail))

    async def _say(self, *frames: Frame) -> None:
        """Put frames into the bot's pipeline; one that has not started takes them when it does."""
        if self._pipeline is None:
            self._unsaid.extend(frames)
        elif frames:
            await self._pipeline.queue_frames(list(frames))

    def _warn_of_end(self) -> None:
        if self._room.people and self._personality is not None:
            self._chore(self._say(TTSSpeakFrame(self._personality.ending_soon)))

    def _chore(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        chore = asyncio.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)
        return chore

    def _wind_clocks(self) -> list[asyncio.TimerHandle]:
        """What ends the session whatever happens in it."""
        call_later = asyncio.get_running_loop().call_later
        lasts = max(timedelta(0), self.session.brief.max_duration - self._errand.age)
        clocks = [
            call_later(STARTS_WITHIN.total_seconds(), self._check_started),
            call_later(lasts.total_seconds(), self.end, Ending(Reason.MAX_DURATION)),
        ]
        if lasts > 2 * WARNING_BEFORE_END:
            warn_in = (lasts - WARNING_BEFORE_END).total_seconds()
            clocks.append(call_later(warn_in, self._warn_of_end))
        return clocks

    # Who is there

    async def _arrived(self, user_id: str) -> None:
        self._stop_clock()
        if self._ending.done():
            return
        if self._met and user_id not in self._met and self._room.people <= {user_id}:
            await self._begin_anew(user_id)
            self._met.clear()
        self._met.add(user_id)
        self._last_person = user_id
        self._state_of_room.tell()
        if self._state is State.WAITING:
            await self._enter(State.LIVE)
        session = self.session
        await self._tell([Note(session.id, Happened.PERSON_ARRIVED, session.epoch, person=user_id)])

    async def _begin_anew(self, user_id: str) -> None:
        """Somebody else is here, who must not hear what was said before; nor may it be written as theirs."""
        if not self._turns.is_quiet:  # an answer that was under way would end in the new conversation
            await self._say(InterruptionFrame())
            await self._turns.quiet(INTERRUPTED_WITHIN)
        self._state_of_room.close_all()
        if not self._turns.begin_another(user_id):
            await self._say(LLMMessagesUpdateFrame(messages=[], run_llm=False))
        await self._turns.written(WRITTEN_WITHIN)  # before the record names another person

    async def _departed(self, _user_id: str) -> None:
        if self._ending.done() or not self._has_room or self._room.people:
            return
        # The clock first: whoever comes while we write this down stops it.
        self._start_clock(self.session.brief.persistence, Ending(Reason.IDLE, politely=False))
        await self._enter(State.WAITING)
        await self._note(Happened.PERSON_LEFT)

    def _put_out(self, why: PutOut) -> None:
        """The room decides who may stay."""
        if why.kind is Reason.SUPERSEDED and self._moving_out is not None:
            return  # by the bot it made room for: the move says when it is done, or the next beat does
        if isinstance(why.kind, FailureKind):
            self.end(Ending.by(BotFailure(why.kind, why.detail)))
        else:
            self.end(Ending(why.kind, politely=False, detail=why.detail))

    def _expect_person(self) -> None:
        """Somebody will come, or come back; the clock stops when they do."""
        if self._room.people:
            return
        alone_for = self._alone_for()
        if self._last_person is None:
            self._start_clock(NO_SHOW_AFTER - alone_for, Ending(Reason.NO_SHOW, politely=False))
        elif self._errand.is_next and alone_for:  # a call that was handed over: they had gone before
            self._start_clock(self.session.brief.persistence - alone_for, Ending(Reason.IDLE, politely=False))
        else:
            patience = max(self.session.brief.persistence - alone_for, COMES_BACK_WITHIN)
            self._start_clock(patience, Ending(Reason.IDLE, politely=False))

    def _alone_for(self) -> timedelta:
        """How long nobody has been with the session's bots, this one and those before it."""
        session = self.session
        if not session.alone_ms:
            return timedelta(0)
        here = timedelta(seconds=asyncio.get_running_loop().time() - self._adopted_at)
        before = self._errand.age - timedelta(milliseconds=session.alone_ms - session.created_ms)
        return max(timedelta(0), before + here)

    def _give_way(self) -> bool:
        """Somebody waits for a slot: this one is theirs, if nobody is here."""
        if self._room.people or self._clock is None:
            return False
        reason = Reason.NO_SHOW if self._last_person is None else Reason.IDLE
        self.end(Ending(reason, politely=False, detail="nobody was there, and somebody waited for its slot"))
        return True

    def _start_clock(self, after: timedelta, ending: Ending) -> None:
        self._stop_clock()
        seconds = max(0.0, after.total_seconds())
        self._clock = asyncio.get_running_loop().call_later(seconds, self.end, ending)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    # What it is asked

    async def _read_inbox(self) -> None:
        # The first on stage: a connection costs a millisecond that the person would wait for.
        await asyncio.wait({self._is_started}, timeout=RECEIVE_WAIT.total_seconds())
        while True:
            try:
                messages = await self._ledger.run(Receive(self.session.id, self._last_read, RECEIVE_WAIT))
            except RedisAway:
                await asyncio.sleep(1)
                continue
            self._take_in(messages)

    def _take_in(self, messages: Sequence[Message]) -> None:
        """Each message once, whether the inbox or a beat brought it."""
        for message in messages:
            self._last_read = message.id
            if message.id not in self._read:
                self._read[message.id] = None
                self._unread.put_nowait(message)
        while len(self._read) > REMEMBERED:
            del self._read[next(iter(self._read))]

    async def _obey_in_order(self) -> None:
        while True:
            await self._obey(await self._unread.get())

    async def _obey(self, message: Message) -> None:
        if message.epoch > self.session.epoch or not self._has_room:
            return  # for the bot that comes after this one
        if message.expired or message.epoch != self.session.epoch:
            await self._note(Happened.MESSAGE_EXPIRED, message.kind)
            await self._answer(message.id, {"error": EXPIRED})
            return
        try:
            result = await self._do(message)
        except GreenroomError as error:
            result = {"error": error.kind}
        except Exception:
            log.exception("message_failed", session_id=self.session.id, kind=message.kind)
            result = {"error": FAILED}
        if result is not None:
            await self._answer(message.id, result)

    async def _do(self, message: Message) -> Mapping[str, object] | None:
        """The result of a message, or None if it is answered later."""
        try:
            request = read(message.kind, message.body)
        except BadRequest as bad:
            why = str(bad.__cause__ or bad)
            log.warning("message_rejected", session_id=self.session.id, kind=message.kind, because=why)
            return {"error": str(bad)}
        answer = await self._handle(request, message.id)
        return None if answer is None else to_body(answer)

    async def _handle(self, request: Request[Any], message_id: str) -> BotAnswer | None:
        """The answer to a request, or None if it is given later."""
        match request:
            case Offer(user_id, offer):
                return OfferAnswer(await self._room.take(user_id, offer))
            case Candidates(pc_id, candidates):
                await self._room.add_candidates(pc_id, candidates)
            case Configure(changes):
                await self._reconfigure(changes)
            case GiveWay():
                return GivesWay(self._give_way())
            case Leave(reason, by):
                if by is not None and self._room.people - {by}:
                    raise OthersThere
                self._to_answer.append(message_id)  # answered when the bot has left
                self.end(Ending(reason, detail=ended_by(by)))
                return None
        return Done()

    async def _reconfigure(self, changes: Mapping[str, Any]) -> None:
        """Change how the bot speaks and thinks, in pipecat's own terms, so that any bot can follow.

        What is set to null goes back to what the session was joined with, else to what its personality has.  What was
        set by itself stays when the personality changes: the same as a bot that takes the session over makes of it.
        """
        self._config = {**self._config, **changes}
        brief = self.session.brief
        named = self._config.get("personality") or brief.personality
        self._personality = load_personality(named)
        personality = self._personality.with_changes(persona=brief.persona)
        usual = {
            "voice": brief.voice or speech.voice_for(self._settings, personality),
            "language": personality.language,
            "prompt": personality.prompt,
        }
        affected = usual if "personality" in changes else usual.keys() & changes.keys()
        await self._say(*_settings_frames({name: self._config.get(name) or usual[name] for name in affected}))
        if {"mode", "personality"} & changes.keys():
            await self._show()

    @property
    def _mode(self) -> str:
        return str(self._config.get("mode") or self.session.brief.mode)

    async def _show(self) -> None:
        """Be seen, or not, as the mode has it."""
        personality = self._personality
        await self._room.show(personality.name if personality and self._mode == Mode.FORUM else None)

    async def _answer(self, message_id: str, result: Mapping[str, object]) -> None:
        try:
            await self._insist(Answer(self.session.id, message_id, result))
        except RedisAway:
            log.warning("step_write_failed", session_id=self.session.id, step="Answer")

    # That it lives

    def _watch_loop(self) -> None:
        """End the process if the event loop stands still: its slot would be taken until the session's last minute.

        Without the interpreter's help: a loop is blocked for good where nothing of Python runs any more.
        """
        patience = BLOCKED_AT_END if self._ending.done() else BLOCKED_AT_MOST
        faulthandler.dump_traceback_later(patience.total_seconds(), exit=True, file=STDERR)
        self._watch = asyncio.get_running_loop().call_later(WATCHED_EVERY.total_seconds(), self._watch_loop)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        asked = heard = loop.time()  # the adoption was the first beat
        is_heard = True
        while True:
            # From when the last one was sent: one that got no answer does not make the next one late
            due = asked + _beats_again_after(is_heard)
            await asyncio.sleep(max(AT_LEAST_BETWEEN_BEATS, due - loop.time()))
            asked, is_heard = loop.time(), False
            try:
                async with asyncio.timeout(BEAT_WITHIN.total_seconds()):
                    beaten, messages = await self._pulse.run(self._this_beat())
            except (RedisAway, TimeoutError):
                self._may_be_lost = True  # that it had to register the room again, perhaps, nobody heard
                if loop.time() - heard > ALONE_AT_MOST.total_seconds():
                    self.end(Ending(Reason.ERROR, detail="Redis was away for too long"))
                continue
            heard, is_heard = asked, True
            if beaten is Beaten.SUPERSEDED:
                self._room.hush()
                self.end(MOVED_ON)
                return
            if beaten is Beaten.REGISTERED or self._may_be_lost:
                self._chore(self._write_again())
            self._take_in(messages)

    def _this_beat(self) -> Beat:
        return Beat.of(
            self.session, owner=self._owner, host=self._host, state=self._state, after=self._last_read
        )

    async def _write_again(self) -> None:
        """Redis had lost the room: the record, what was said, and where its inbox stood are lost with it.

        Where they are not, nothing is changed.  Without Redis the next beat does it.
        """
        self._may_be_lost = True
        self._last_read = "0"
        session = replace(
            self.session,
            state=self._state,
            host=self._host,
            person=self._last_person,
            conversation_id=self._turns.conversation_id,
        )
        try:
            _, kept = await self._ledger.run_all([Create(session), ReadTurns(session.conversation_id)])
        except RedisAway:
            log.warning("session_write_failed", session_id=session.id)
            return
        self._turns.restore(kept)
        self._state_of_room.restore()
        self._may_be_lost = False
        await self._tell([])

    # How it moves on

    def move_out(self) -> None:
        """The session goes on with another worker, the call with it."""
        if self._moving_out is None:
            self._moving_out = self._chore(self._move_out())

    async def _move_out(self) -> None:
        while not self._ending.done():
            try:
                is_live = self._is_started.done() and self._has_room
                if is_live and await self._hand_over():
                    self._leave_room_to_others("moved")
                elif is_live and self._last_person is None:  # nobody would miss it, and others wait for slots
                    detail = "nobody had come when its worker stopped"
                    self.end(Ending(Reason.NO_SHOW, politely=False, detail=detail))
                elif await self._park():
                    self._leave_room_to_others("parked")
                await asyncio.sleep(TOLD_WITHIN.total_seconds())
                self.end(MOVED_ON)
            except RedisAway:
                await asyncio.sleep(1)  # the call goes on until somebody can take it
            except Exception:
                log.exception("session_handover_failed", session_id=self.session.id)
                self.end(Ending.by_our_fault("could not be moved to another worker"))

    def _leave_room_to_others(self, event: str) -> None:
        self._has_room = False
        self._room.hush()  # whoever is quick is with the next bot before this one has gone
        self._room.tell(event)
        log.info("room_given_up", because=event, session_id=self.session.id, room=str(self.session.room))

    async def _hand_over(self) -> bool:
        epoch = None
        try:
            epoch = await hand_over(
                self._ledger,
                self._launches,
                self.session,
                owner=self._owner,
                before_yielding=self._fall_silent,
            )
        finally:
            if epoch is None:
                await self._speak_again()
        if epoch is None:
            return False
        self._has_room = False
        # Before the page makes its next offer
        await self._try(Succeed(self.session.id, epoch, Happened.HANDED_OVER))
        return True

    async def _last_moment(self) -> State | None:
        """In a quiet moment, with everything that was said written down; None if the session ends meanwhile."""
        await self._quiet_moment(QUIET_WITHIN)
        await self._see_all_written()
        performance = self._performance
        if performance.done() and (performance.cancelled() or performance.exception() is None):
            self.end(self._ended_by_itself(performance))  # it said goodbye meanwhile
        return None if self._ending.done() else self._state

    async def _fall_silent(self) -> State | None:
        """The last moment, from which on the bot takes nothing in and writes nothing to anybody.

        What it answered then would be refused when it is written down: under the next epoch, or by it.
        """
        deadline = asyncio.get_running_loop().time() + QUIET_WITHIN.total_seconds()
        while True:
            state = await self._last_moment()
            self._room.listen(to_people=False)
            self._outbox.hold()
            await self._see_all_written()  # an answer that has left by now is to a line that is among them
            if state is None or self._turns.is_quiet or asyncio.get_running_loop().time() > deadline:
                return state
            await self._speak_again()  # somebody was quicker: they get their answer first

    async def _speak_again(self) -> None:
        self._room.listen(to_people=True)
        await self._outbox.release()

    async def _quiet_moment(self, within: timedelta) -> None:
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while not self._turns.is_quiet and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  at rest
            await asyncio.sleep(0.05)

    async def _see_all_written(self) -> None:
        """Raises RedisAway: what is not written now would be refused under the next epoch."""
        is_written = await self._state_of_room.written(WRITTEN_WITHIN)
        if not (is_written and await self._turns.written(WRITTEN_WITHIN)):
            raise RedisAway

    async def _park(self) -> bool:
        """No slot is free: tell the person, and let the session wait for one."""
        if await self._last_moment() is None:
            return False
        if self._room.people and self._personality is not None and self._is_started.done():
            words = TTSSpeakFrame(self._personality.away, append_to_context=False)
            self._is_silent.clear()
            await self._say(InterruptionFrame(), words)
            said = asyncio.create_task(self._is_silent.wait())
            await asyncio.wait({said, self._performance}, timeout=AWAY_WITHIN.total_seconds())
            said.cancel()
        is_parked = False
        try:
            if await self._fall_silent() is not None:
                is_parked = await asyncio.to_thread(self._reviving.park, self.session, owner=self._owner)
        finally:
            if not is_parked:
                await self._speak_again()
        return is_parked

    async def _take_over(self, performance: "asyncio.Task[None]") -> bool:
        """Prepare, and wait for the room's bot to yield; False if it does not, or this one cannot start."""
        at_door = asyncio.create_task(self._room.at_door())
        first: set[asyncio.Future[Any]] = {performance, self._is_started, self._ending, at_door}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        session, is_prepared = self.session, self._is_started.done() or at_door.done()
        self._is_at_door = at_door.done()
        at_door.cancel()
        if not is_prepared or self._ending.done():
            failure = performance.exception() if performance.done() and not performance.cancelled() else None
            log.error("successor_failed", session_id=session.id, epoch=session.epoch, exc_info=failure)
            # Its parent lets nobody yield to it
            raise BotCrashed.of(BotFailure(FailureKind.NOT_READY, "could not take the session over"))
        if not await turn_comes(self._ledger, session, token=self._errand.claim, owner=self._owner):
            return False
        self._has_room = True
        self._room.enter()
        succession = await self._insist(
            Succeed(session.id, session.epoch, Happened.HANDED_OVER, host=self._host)
        )
        if succession.session.epoch != session.epoch:  # it has ended
            await self._try(Release(session.room, session.epoch, self._owner))
            return False
        self.session = replace(succession.session, epoch=session.epoch, host=self._host)
        self._state, self._last_person = self.session.state, self.session.person
        conversation = await self._insist(ReadTurns(self.session.conversation_id))
        self._met |= {said.person for said in conversation} - {None}
        if not self._turns.catch_up(
            conversation, self.session.conversation_id
        ):  # another person came meanwhile
            await self._say(LLMMessagesUpdateFrame(messages=as_messages(conversation), run_llm=False))
        self._state_of_room.catch_up(await self._insist(ReadState(session.room)))
        room = await self._insist(ReadRoom(session.room))
        if room.config != self._errand.config:
            await self._reconfigure(room.config)
        on_stage: set[asyncio.Future[Any]] = {performance, self._is_started, self._ending}
        await asyncio.wait(on_stage, return_when=asyncio.FIRST_COMPLETED)
        if (
            self._state is State.WAITING and self._room.people
        ):  # they came while we learned where the session was
            await self._enter(State.LIVE)
        self._expect_person()
        log.info("session_handed_over", session_id=session.id, room=str(session.room), epoch=session.epoch)
        return True

    # How it ends

    async def _leave(self, performance: "asyncio.Task[None]") -> Ending:
        """End the performance, if it has not ended by itself; says why it is over."""
        if performance.done():
            return self._ended_by_itself(performance)
        if not self._ending.done():
            self.end(Ending.by_our_fault("was stopped, and nobody said why"))
        ending = self._ending.result()
        if ending.goes_on:
            self._room.hush()  # before the pipeline closes the line: who is told that it left does not come back
        else:
            await self._enter(State.LEAVING, reason=ending.reason)
        if ending.politely and not ending.goes_on and self._room.people and self._personality is not None:
            # Interrupted first: a goodbye behind a long answer would come too late to be heard.
            await self._say(InterruptionFrame(), TTSSpeakFrame(self._personality.goodbye), EndFrame())
            await asyncio.wait({performance}, timeout=GOODBYE_WITHIN.total_seconds())
        if not performance.done() and self._pipeline is not None:
            await self._pipeline.cancel(reason=ending.reason)
            await asyncio.wait({performance}, timeout=CLOSES_WITHIN.total_seconds())
        await _cancel([performance])
        return ending

    def _end_if_broken(self, helpers: "list[asyncio.Task[None]]") -> None:
        """A bot that does not beat, or does not hear, must not go on as if it did.

        Each of these runs for as long as the session does: that it is done is an end, however it came to it.
        """
        for helper in helpers:
            if not helper.done() or self._ending.done():
                continue
            error = None if helper.cancelled() else helper.exception()
            name = helper.get_name()
            log.error("helper_ended", session_id=self.session.id, helper=name, exc_info=error)
            self.end(Ending.by(self._helper_ended(name, error)))

    def _helper_ended(self, name: str, error: BaseException | None) -> BotFailure:
        if error is None:
            return BotFailure(FailureKind.HELPER_ENDED, f"lost its {name}, which was stopped")
        cause = self._failure_of(error)
        detail = f"lost its {name}: it {cause.detail}"
        return BotFailure(FailureKind.HELPER_ENDED, detail, cause.file, cause.line)

    def _ended_by_itself(self, performance: "asyncio.Task[None]") -> Ending:
        error = None if performance.cancelled() else performance.exception()
        if self._ending.done():
            return self._ending.result()
        if performance.cancelled():
            return Ending(Reason.LEFT, detail="the bot was cancelled")
        has_started = self._state is not State.JOINING
        if error is None and has_started:
            return Ending(Reason.LEFT, detail="the bot ended the call itself")
        if error is None:
            return Ending(Reason.LAUNCH_FAILED, detail="the bot returned before its pipeline had started")
        if isinstance(error, BotUnfit):  # the next bot would be no better
            log.error(
                "bot_rejected", session_id=self.session.id, bot=self.session.brief.bot, because=str(error)
            )
            return Ending(Reason.LAUNCH_FAILED, politely=False, detail=f"the bot {error}")
        return self._crash(error)

    async def _finish(self, ending: Ending) -> bool:
        """Leave the room, then give it up.  Neither may keep the other from happening.

        False if Redis was away: who sees a room without a bot then would send it another.
        """
        within = CLOSES_WITHIN if ending.failure is None else CRASHED_CLOSES_WITHIN
        try:
            async with asyncio.timeout(within.total_seconds()):
                try:
                    if ending.goes_on:
                        self._room.hush()
                finally:
                    await self._room.disconnect()
        except TimeoutError:
            log.warning("room_close_failed", session_id=self.session.id)
        except Exception:
            log.exception("room_close_failed", session_id=self.session.id)
        return ending.goes_on or await self._write_end(ending)

    async def _write_end(self, ending: Ending) -> bool:
        session = self.session
        release = Release(session.room, session.epoch, self._owner)
        if not await self._enter(
            State.ENDED, reason=ending.reason, detail=ending.detail, afterwards=[release]
        ):
            return False
        for message_id in self._to_answer:
            await self._try(Answer(session.id, message_id, {}))
        return True

    async def _enter(self, state: State, *, afterwards: Sequence[Step[Any]] = (), **facts: Any) -> bool:
        """Move to a state, here and in the record.  Without Redis, here alone: the call goes on.

        False if it could not be written.
        """
        self._state = state
        session = self.session
        about = {"session_id": session.id, "room": str(session.room), "epoch": session.epoch, **facts}
        log.info(
            "session_changed", state=state, **{name: fact for name, fact in about.items() if fact is not None}
        )
        transition = Transition(session.id, state, session.epoch, **facts)
        is_told = await self._tell([transition, *afterwards])
        if is_told and state is State.ENDED and transition is not self._refused:
            await self._try(Forget(session.id))  # else it goes on with another bot, which is to be found
        return is_told

    async def _tell(self, news: Sequence[Step[Any]]) -> bool:
        """Write what has happened, after what is still owed of before; what cannot be written is owed.

        Each step is sent once, whether another is refused or not.  False if Redis is away: the first beat that is heard
        again sends what is owed.
        """
        async with self._in_order:
            self._owed += news
            steps = list(self._owed)
            try:
                results = await self._ledger.run_each(steps)
            except RedisAway:
                self._may_be_lost = True
                log.warning("session_write_failed", session_id=self.session.id, state=self._state)
                return False
            del self._owed[: len(steps)]
        for step, result in zip(steps, results, strict=True):
            if isinstance(result, IllegalTransition | NoSuchSession):
                self._note_refusal(step, result)
            elif isinstance(result, GreenroomError):
                raise result
        return True

    def _note_refusal(self, step: Step[Any], error: GreenroomError) -> None:
        self._refused = step
        found, to = error.facts.get("state"), getattr(step, "to", None)
        log.warning("transition_refused", session_id=self.session.id, state=to, found=found)
        over = (State.LEAVING, State.ENDED)
        if found in over and to not in over:  # what it was launched for had ended before
            self.end(Ending(Reason.SUPERSEDED, politely=False, detail="its session was over"))

    async def _note(self, event: Happened, detail: str | None = None) -> None:
        await self._try(Note(self.session.id, event, self.session.epoch, detail))

    async def _insist(self, step: Step[T]) -> T:
        """Do a step that must be done, for as long as somebody may wait for it, or the room is kept without a beat."""
        for _ in range(INSISTS):
            try:
                return await self._ledger.run(step)
            except RedisAway:
                await asyncio.sleep(1)
        return await self._ledger.run(step)

    async def _try(self, step: Step[Any]) -> None:
        try:
            await self._ledger.run(step)
        except RedisAway:
            log.warning("step_write_failed", session_id=self.session.id, step=type(step).__name__)


def _beats_again_after(is_heard: bool) -> float:
    """Seconds from one beat to the next."""
    usual = BEAT_EVERY if is_heard else BEAT_AGAIN_AFTER
    return usual.total_seconds() * random.uniform(0.9, 1.1)


def _settings_frames(changes: Mapping[str, str]) -> list[Frame]:
    frames: list[Frame] = []
    if voice := changes.get("voice"):
        frames.append(TTSUpdateSettingsFrame(delta=TTSSettings(voice=voice)))
    if language := changes.get("language"):
        frames.append(TTSUpdateSettingsFrame(delta=TTSSettings(language=language)))
        frames.append(STTUpdateSettingsFrame(delta=STTSettings(language=language)))
    if prompt := changes.get("prompt"):
        frames.append(LLMUpdateSettingsFrame(delta=LLMSettings(system_instruction=prompt)))
    return frames


async def _cancel(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CANCELLED_WITHIN.total_seconds())
