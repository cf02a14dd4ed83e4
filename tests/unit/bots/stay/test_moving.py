"""A bot goes to another room beside the one that it is in, and takes along all that it has."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from pipecat.frames.frames import InterruptionFrame, TTSSpeakFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair

from greenroom.app.errors.sessions import NotMovable
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.conversations import Record, ToolStatus
from greenroom.app.rooms.failures import FailureKind
from greenroom.app.rooms.leases import Adopt, Adoption, Beat, Beaten, Lease, LeaseStatus, ReadRoom, RoomView
from greenroom.app.rooms.moves import CallOffMove, CommitMove, Target
from greenroom.app.rooms.room_states import WriteState
from greenroom.app.rooms.sessions import Advance, ReadSession, Reason, State, Transition
from greenroom.bots import room_state
from greenroom.bots.assistant import ears
from greenroom.bots.stay import bot_run, moves, moving
from greenroom.bots.stay.bot_run import BotRun
from greenroom.bots.stay.ending import REPLACED, Ending
from greenroom.bots.stay.stay import Stay
from greenroom.bots.transports.stage import PutOut
from tests.fakes.async_ledgers import Told
from tests.fakes.launches import RememberedLaunches
from tests.fakes.stage import FakeStage
from tests.fakes.stays import FakePipeline, parts_of_a_stay
from tests.rigs.eventually import eventually_in_loop
from tests.rigs.makers import CELLAR, STAGE, a_session

pytestmark = pytest.mark.anyio

THERE = Target(CELLAR, 9, "token-there")


class Willing(Told):
    """A ledger that does what a move asks of it, and remembers it."""

    def __init__(self, *, config=None, is_lapsed=False, commits=None, there=CELLAR, **brief):
        super().__init__()
        self.there, self.epoch = there, 9  # the claim
        self.config = config or {}
        self.is_lapsed = is_lapsed
        self.commits = commits  # awaited when the commit is asked for; may raise
        self.brief = brief
        self.record = a_session()

    async def run(self, step):
        answer = await super().run(step)
        match step:
            case Advance():
                return True
            case Adopt():
                return (Adoption.LAPSED, 0) if self.is_lapsed else (Adoption.ADOPTED, self.epoch)
            case CommitMove():
                if self.commits is not None:
                    await self.commits()
                brief = replace(step.session.brief, **self.brief)
                return replace(step.session, room=step.target.room, epoch=step.target.epoch, brief=brief)
            case CallOffMove():
                return True
            case ReadSession():
                return self.record
            case Record():
                return step.after + 1
            case WriteState():
                return True
            case Beat():
                return Beaten.KEPT, []
        return answer

    async def run_all(self, steps):
        self.told += [step for step in steps if not isinstance(step, ReadRoom)]
        brief = replace(a_session().brief, **self.brief)
        claimed = RoomView(Lease(LeaseStatus.PENDING, "a-session", self.epoch, 0, brief=brief))
        here = RoomView(None, config=self.config)
        views = [claimed if getattr(step, "room", None) == self.there else here for step in steps]
        return [view if isinstance(step, ReadRoom) else None for step, view in zip(steps, views, strict=True)]


class Bot:
    """A bot of pipecat's aggregators, which runs until it is told otherwise; each run of it is remembered."""

    def __init__(self):
        self.runs = []
        self.second = None  # what its second run does instead of starting

    async def __call__(self, body):
        context = LLMContext(list(body["conversation"]))
        pipeline = FakePipeline(*LLMContextAggregatorPair(context, user_params=ears.user_params()))
        pipeline.body, pipeline.context, pipeline.state = body, context, room_state.current()
        self.runs.append(pipeline)
        if len(self.runs) > 1 and self.second is not None:
            await self.second(pipeline)
        await BotRun.of_this_context().built(pipeline)
        await pipeline.happens("on_pipeline_started")
        await pipeline.over.wait()


class Installation:
    """A stay on its stage, and what a test does with it."""

    def __init__(self, parts, bot, stages, ledger):
        self.parts, self.bot, self.stages, self.ledger = parts, bot, stages, ledger

    @property
    def rooms(self):
        return self.parts.rooms

    def states(self):
        return [step.to for step in self.ledger.told if isinstance(step, Transition)]

    def steps(self, kind):
        return [step for step in self.ledger.told if isinstance(step, kind)]

    def says(self, role, content):
        self.rooms.now.hearing.message_added({"role": role, "content": content})

    async def moves(self, target=THERE):
        assert self.parts.moves.begin(target)
        await self.parts.moves.over()
        await self.parts.moves.left()


@pytest.fixture
def installed(monkeypatch):
    """A stay that runs, with two stages: who is on the first, and on the second, is the test's."""

    monkeypatch.setattr(moving, "TOLD_WITHIN", timedelta(0))
    monkeypatch.setattr(moving, "QUIET_WITHIN", timedelta(seconds=0.1))  # no model answers here

    @asynccontextmanager
    async def running(*, people=("ann",), there=(), ledger=None, **facts):
        ledger, bot = ledger or Willing(), Bot()
        stages = []

        def stage_of(_session, _settings, *, listener, waits, apart):
            stage = FakeStage(people if not stages else there)
            stage.listener, stage.waits, stage.apart = listener, waits, apart
            stages.append(stage)
            return stage

        monkeypatch.setattr(bot_run, "load_bot", lambda _target: bot)
        parts = parts_of_a_stay(
            ledger=ledger, stage_of=stage_of, launches=RememberedLaunches(), user_id="ann", **facts
        )
        it = Installation(parts, bot, stages, ledger)
        stay = Stay(parts)
        it.task = asyncio.create_task(stay.run())
        it.stay = stay
        await eventually_in_loop(lambda: State.LIVE in it.states())
        try:
            yield it
        finally:
            stay.end(Ending(Reason.SHUTDOWN, politely=False))
            await asyncio.wait({it.task})

    return running


async def test_a_bot_is_in_the_other_room_before_it_leaves_the_one_it_was_in(installed):
    async with installed() as it:
        await it.moves()

        first, second = it.stages
        assert it.rooms.now.stage is second
        assert second.done == ["entered", "takes part"]
        assert first.done[-1] == "disconnected"
        assert it.bot.runs[0].cancelled is Reason.MOVED_OUT
        assert it.states()[-2:] == [State.TRANSITIONING, State.LIVE]
        assert it.parts.journal.session.room == CELLAR
        assert it.parts.heartbeat.next_beat().epoch == 9
        assert not it.task.done()


async def test_before_the_session_has_moved_the_second_run_is_apart_and_the_first_goes_on(installed):
    seen = {}

    async def commits():
        first, second = it.stages
        seen.update(first=list(first.done), second=list(second.done), told=list(first.told))

    ledger = Willing(commits=commits)
    async with installed(ledger=ledger) as it:
        await it.moves()

        assert it.stages[1].waits and it.stages[1].apart
        assert seen == {"first": [], "second": ["entered"], "told": []}


async def test_what_was_said_is_in_the_second_run_s_context(installed):
    async with installed() as it:
        it.says("user", "my dog is called Rex")
        it.says("assistant", "What a name.")
        await it.moves()

        second = it.bot.runs[1]
        said = [message["content"] for message in second.context.messages]
        assert said == ["my dog is called Rex", "What a name."]
        assert second.body["room_url"] == str(CELLAR)
        assert not second.body["owes_an_answer"]


async def test_what_is_said_while_the_bot_prepares_comes_into_the_second_run_s_context_too(installed):
    async with installed() as it:
        it.says("user", "one")

        async def one_more(_pipeline):
            it.says("assistant", "two")

        it.bot.second = one_more
        await it.moves()

        said = [message["content"] for message in it.bot.runs[1].context.messages]
        assert said == ["one", "two"]


async def test_turns_go_on_under_the_epoch_of_the_other_room_in_one_order(installed):
    async with installed() as it:
        it.says("user", "here")
        await it.moves()
        it.says("user", "there")
        assert await it.parts.turns.written(timedelta(seconds=5))

        written = [(step.epoch, step.turn.id, step.turn.content) for step in it.steps(Record)]
        assert written == [(7, "7-1", "here"), (9, "9-2", "there")]


async def test_a_state_that_changes_while_the_move_is_written_down_is_written_for_the_other_room(installed):
    async def is_alone_meanwhile():
        changing.append(asyncio.create_task(it.parts.journal.enter(State.WAITING)))
        await asyncio.sleep(0)

    changing = []
    async with installed(ledger=Willing(commits=is_alone_meanwhile)) as it:
        await it.moves()
        await changing[0]

        written = [step for step in it.ledger.told if isinstance(step, CommitMove | Transition)]
        (alone,) = [step for step in written if getattr(step, "to", None) is State.WAITING]
        assert isinstance(written[written.index(alone) - 1], CommitMove)
        assert alone.epoch == 9


async def test_an_answer_that_is_under_way_is_cut_off_once_the_session_has_moved_and_owed_there(installed):
    async with installed() as it:
        first = it.bot.runs[0]
        it.says("user", "tell me a long story")
        it.parts.turns.floor.begins("assistant")

        async def interrupted(frames):
            if any(isinstance(frame, InterruptionFrame) for frame in frames):
                assert it.parts.journal.session.room == CELLAR  # not before
                it.bot.runs[0].context.add_message({"role": "assistant", "content": "Once upon"})
                it.stages[0].hearing.floor.stops("assistant")

        it.stages[0].hearing = it.rooms.now.hearing
        first.queue_frames = interrupted
        await it.moves()

        second = it.bot.runs[1]
        assert [message["content"] for message in second.context.messages][-1] == "Once upon"
        assert second.body["owes_an_answer"] is False  # that was not said to be cut short: it is whole


async def test_a_move_that_is_asked_for_while_another_is_being_finished_is_made_after_it(installed):
    """Whoever sent the bot on at once was told that it could not move."""
    back, asked = Target(STAGE, 11, "token-back"), []
    async with installed() as it:
        it.parts.turns.floor.begins("assistant")
        floor = it.parts.turns.floor

        async def interrupted(_frames):
            it.ledger.record = replace(a_session(), procedure=back.at("claimed"))
            asked.append(asyncio.create_task(it.parts.asked.move(back.epoch)))
            await asyncio.sleep(0.01)
            assert not asked[0].done()
            floor.stops("assistant")

        it.bot.runs[0].queue_frames = interrupted
        await it.moves()
        await asked[0]
        await it.parts.moves.over()

        assert it.steps(CallOffMove)[-1].epoch == back.epoch  # this ledger has no claim there


async def test_a_question_that_was_not_answered_is_owed_in_the_other_room(installed):
    async with installed() as it:
        it.says("user", "and what is the capital of France?")
        await it.moves()

        assert it.bot.runs[1].body["owes_an_answer"]
        assert it.bot.runs[1].body["conversation"] == it.bot.runs[1].context.messages


ASKS = {"id": "call-1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}


def a_call(hearing):
    """The bot's model asks for a tool, as pipecat puts it into the context."""
    hearing.message_added({"role": "assistant", "tool_calls": [ASKS]})
    hearing.message_added({"role": "tool", "tool_call_id": "call-1", "content": "IN_PROGRESS"})


def tools_in(context):
    """The calls of tools and their results, in a context that a model takes: one result right behind each call."""
    messages = context.messages
    for at, message in enumerate(messages):
        if message.get("role") == "tool":
            assert messages[at - 1].get("tool_calls") or messages[at - 1]["role"] == "tool"
    return [message["content"] for message in messages if message.get("role") == "tool"]


@pytest.mark.parametrize("begins", ["before it prepares", "while it prepares"])
@pytest.mark.parametrize(("returns", "known"), [(True, "42"), (False, "CANCELLED")])
async def test_a_tool_that_runs_while_the_bot_moves_has_a_result_in_the_other_room(
    installed, monkeypatch, begins, returns, known
):
    """It returned into the old room's context after the other one had been told that it was cut off."""
    monkeypatch.setattr(moving, "TOOLS_RETURN_WITHIN", timedelta(seconds=0.3))
    async with installed() as it:
        old = it.rooms.now.hearing
        running = {"call-1"}
        monkeypatch.setattr(type(old._follower), "use_tools", property(lambda _: bool(running)))

        async def cancel(_within):
            old._follower._settle("call-1", "CANCELLED", ToolStatus.CANCELLED)
            running.clear()

        monkeypatch.setattr(old, "cancel_tools", cancel)
        it.says("user", "what is six times seven?")
        if begins == "before it prepares":
            a_call(old)

        async def second(_pipeline):
            if begins == "while it prepares":
                a_call(old)

        async def commits():
            if returns:
                asyncio.get_running_loop().call_later(0.1, come)

        def come():
            old.message_added({"role": "tool", "tool_call_id": "call-1", "content": "42"})
            running.clear()

        it.bot.second, it.ledger.commits = second, commits
        await it.moves()

        assert tools_in(it.bot.runs[1].context) == [known]
        assert it.bot.runs[1].body["owes_an_answer"], "nobody was told what came of it"
        told = [step.turn for step in it.steps(Record) if step.turn.role == "tool"]
        assert [turn.content for turn in told] == [known]


async def test_each_of_several_people_whose_answer_was_cut_off_is_owed_the_rest_in_the_other_room(
    installed, monkeypatch
):
    monkeypatch.setattr(moving, "FAREWELL_WITHIN", timedelta(0))  # to Bob; nobody speaks here
    async with installed(people=("ann", "bob")) as it:
        for person, is_cut_off in (("ann", True), ("bob", False)):
            it.parts.turns._add("user", "tell me a story", person=person)
            it.parts.turns._add("assistant", "Once upon", person=person, interrupted=is_cut_off)
        it.parts.turns.floor.has_answered()
        await it.moves()

        assert it.bot.runs[1].body["owed_to"] == ["ann"]


async def test_what_is_open_goes_along_and_both_runs_know_it(installed):
    async with installed() as it:
        it.bot.runs[0].state.open("active_note", {"id": "n-7"}, owner="ann")
        await it.moves()
        it.bot.runs[1].state.open("desktop_mode", {"on": True}, owner="ann")
        assert await it.parts.open_things.written(timedelta(seconds=5))

        assert it.bot.runs[1].state.get("active_note").value == {"id": "n-7"}
        assert it.bot.runs[0].state is it.bot.runs[1].state
        assert [(step.room, step.epoch) for step in it.steps(WriteState)] == [(STAGE, 7), (CELLAR, 9)]


async def test_a_bot_is_there_as_it_was_changed_here_and_as_the_move_names_it(installed):
    async with installed(ledger=Willing(config={"personality": "critic"}, mode="forum")) as it:
        await it.moves()

        assert it.stages[1].shown[-1] == "Beatrice"
        assert it.bot.runs[1].body["mode"] == "forum"


async def test_a_change_that_comes_during_a_move_is_made_in_both_rooms(installed):
    async def commits():
        await it.parts.asked.configure({"personality": "critic", "mode": "forum"})

    ledger = Willing(commits=commits)
    async with installed(ledger=ledger) as it:
        await it.moves()

        assert it.stages[0].shown[-1] == it.stages[1].shown[-1] == "Beatrice"


# Who is there


async def test_the_user_is_told_the_way_and_nobody_hears_a_farewell_where_nobody_is_left_behind(installed):
    async with installed() as it:
        await it.moves()

        assert it.stages[0].told == ["transition"]
        assert it.stages[0].told_only == ["ann"]
        assert it.stages[0].done[0] == "hushed"
        assert not any(isinstance(frame, TTSSpeakFrame) for frame in it.bot.runs[0].frames)


async def test_those_who_are_left_behind_hear_where_the_bot_goes_and_then_it_leaves(installed):
    async with installed(people=("ann", "bob")) as it:
        assert it.parts.moves.begin(THERE)
        first = it.bot.runs[0]
        await eventually_in_loop(lambda: any(isinstance(frame, TTSSpeakFrame) for frame in first.frames))
        assert "disconnected" not in it.stages[0].done
        assert "hushed" not in it.stages[0].done
        assert it.rooms.now.stage is it.stages[1]  # it is there already
        await first.happens("on_frame_reached_downstream")
        await it.parts.moves.left()

        assert it.stages[0].done == ["hushed", "disconnected"]


async def test_a_stay_that_ends_while_it_says_farewell_leaves_the_old_room_all_the_same(
    installed, monkeypatch
):
    monkeypatch.setattr(moves, "LEFT_WITHIN", timedelta(seconds=0.1))
    async with installed(people=("ann", "bob")) as it:
        assert it.parts.moves.begin(THERE)
        first = it.bot.runs[0]
        await eventually_in_loop(lambda: any(isinstance(frame, TTSSpeakFrame) for frame in first.frames))
        it.stay.end(Ending(Reason.LEFT, politely=False))
        await asyncio.wait({it.task})

        await eventually_in_loop(lambda: it.stages[0].done == ["hushed", "disconnected"])


async def test_whoever_is_there_already_arrives_when_the_session_does(installed):
    async def commits():
        await it.stages[1].listener.arrived("bob")
        assert "person_arrived" not in events()

    def events():
        return [getattr(step, "event", None) for step in ledger.told]

    ledger = Willing(commits=commits)
    async with installed(ledger=ledger, there=("bob",)) as it:
        await it.moves()

        assert [event for event in events() if event][-1] == "person_arrived"


async def test_one_who_is_there_before_the_user_does_not_get_their_conversation_taken(installed):
    async with installed(there=("bob",)) as it:
        await it.stages[0].listener.arrived("ann")
        conversation = it.parts.turns.conversation_id
        await it.moves()
        await it.stages[1].listener.arrived("bob")

        assert it.parts.turns.conversation_id == conversation


async def test_what_happens_in_the_old_room_is_no_end_of_the_session(installed):
    async with installed() as it:
        await it.moves()
        await it.stages[0].listener.departed("ann")
        it.stages[0].listener.put_out(PutOut(Reason.EJECTED, "it was removed"))
        it.stages[0].listener.put_out(PutOut(FailureKind.LINE_LOST, "lost"))

        assert not it.parts.end.has_begun
        assert it.states()[-1] is State.LIVE


# Failures


@pytest.mark.parametrize("goes_wrong", ["raises", "returns", "put out"])
async def test_a_move_that_fails_leaves_the_bot_as_it_was(installed, goes_wrong, monkeypatch):
    monkeypatch.setattr(moving, "ENTERS_WITHIN", timedelta(seconds=0.2))
    async with installed(ledger=(ledger := Willing(is_lapsed=goes_wrong == "raises"))) as it:
        it.says("user", "before")

        async def second(pipeline):
            if goes_wrong == "put out":
                it.stages[1].listener.put_out(PutOut(FailureKind.NOT_LET_IN, "could not get into the room"))
                it.stages[1].ready = True
                await asyncio.Future()
            if goes_wrong == "returns":
                it.rooms.next.doorway.put_out(PutOut(FailureKind.NOT_LET_IN, "is not wanted"))

        it.bot.second = second
        if goes_wrong == "put out":
            stage_ready(it)
        await it.moves()

        assert it.rooms.next is None
        assert it.stages[0].done == []
        assert it.stages[0].listens
        assert it.stages[0].told == []
        begun, failed, goes_on = [sent for sent in it.stages[0].sent if sent[0].startswith("session.")][-3:]
        assert (begun[0], goes_on[0]) == ("session.transitioning", "session.live")
        assert failed == ("session.move_failed", {"reason": it.steps(CallOffMove)[0].why})
        assert not any(isinstance(frame, InterruptionFrame) for frame in it.bot.runs[0].frames)
        assert it.bot.runs[0].cancelled is None
        assert it.states()[-2:] == [State.TRANSITIONING, State.LIVE]
        assert [step.why for step in it.steps(CallOffMove)] != []
        assert not it.task.done()
        it.says("assistant", "after")
        assert await it.parts.turns.written(timedelta(seconds=5))
        assert [step.epoch for step in ledger.told if isinstance(step, Record)] == [7, 7]


def stage_ready(it):
    """The other room is one that a bot can prepare for before it enters it."""

    async def ready():
        pass

    original = it.parts._stage_of

    def stage_of(*given, **named):
        stage = original(*given, **named)
        stage.ready_to_enter = ready
        return stage

    it.parts._stage_of = stage_of


async def test_a_bot_that_cannot_run_twice_is_started_anew_in_the_other_room(installed):
    async with installed() as it:

        async def second(_pipeline):
            raise OSError("the port is taken")

        it.bot.second = second
        await it.moves()

        assert it.parts.end.ending is REPLACED
        assert [step.starts_anew for step in it.steps(CommitMove)] == [True]
        assert [token for _, token in it.parts.moves._launches.asked] == ["token-there"]


async def test_a_bot_goes_on_in_the_old_room_until_redis_says_whether_the_session_has_moved(
    installed, monkeypatch
):
    monkeypatch.setattr("greenroom.app.rooms.moving.ASK_AGAIN_AFTER", timedelta(0))
    listens = []

    async def commits():
        listens.append(it.stages[0].listens)
        if len(listens) < 3:
            it.parts.chores.begin(note())
            raise RedisAway

    async def note():
        heard.append(it.stages[0].listens)

    heard = []
    async with installed(ledger=Willing(commits=commits)) as it:
        await it.moves()

        assert len(it.steps(CommitMove)) == 3
        assert heard[:1] == [True]
        assert it.rooms.now.stage is it.stages[1]


# What else may happen meanwhile


async def test_asked_twice_it_moves_once_and_into_one_room_at_a_time(installed):
    waits = asyncio.Event()
    async with installed(ledger=Willing(commits=waits.wait)) as it:
        assert it.parts.moves.begin(THERE)
        assert it.parts.moves.begin(THERE)
        await eventually_in_loop(lambda: it.steps(CommitMove))
        assert not it.parts.moves.begin(replace(THERE, epoch=10))
        waits.set()
        await it.parts.moves.over()
        assert it.parts.moves.begin(THERE)
        await it.parts.moves.over()

        assert len(it.bot.runs) == 2


async def test_a_session_that_is_being_handed_over_does_not_move(installed):
    async with installed() as it:
        it.parts.journal.has_room = False

        assert not it.parts.moves.begin(THERE)
        it.parts.journal.has_room = True


async def test_a_bot_that_is_asked_to_leave_in_the_middle_of_a_move_leaves_both_rooms(installed):
    async with installed(ledger=Willing(commits=asyncio.Event().wait)) as it:
        assert it.parts.moves.begin(THERE)
        await eventually_in_loop(lambda: it.steps(CommitMove))
        it.ledger.commits = None
        it.stay.end(Ending(Reason.LEFT, politely=False))
        await asyncio.wait({it.task})

        assert it.stages[0].done[-1] == it.stages[1].done[-1] == "disconnected"
        assert it.states()[-1] is State.ENDED


async def test_a_beat_of_the_old_room_that_comes_late_ends_nothing(installed):
    async with installed() as it:
        heartbeat = it.parts.heartbeat

        class Late:
            async def run(self, step):
                await it.moves()
                return Beaten.SUPERSEDED, []

        heartbeat._pulse = Late()
        assert await heartbeat.beat() is Beaten.KEPT
        assert not it.parts.end.has_begun


async def test_a_bot_moves_there_and_back(installed):
    async with installed() as it:
        await it.moves()
        again = Target(STAGE, 11, "token-back")

        class Back(Willing):
            async def run(self, step):
                if isinstance(step, CommitMove):
                    return replace(step.session, room=STAGE, epoch=11)
                return await super().run(step)

            async def run_all(self, steps):
                lease = Lease(LeaseStatus.PENDING, "a-session", 11, 0, brief=a_session().brief)
                return [RoomView(lease) if isinstance(step, ReadRoom) else None for step in steps]

        it.parts.moves._ledger = Back()
        await it.moves(again)

        assert it.parts.journal.session.room == STAGE
        assert len(it.bot.runs) == 3
        assert it.stages[1].done[-1] == "disconnected"
        assert it.rooms.now.stage is it.stages[2]


async def test_a_bot_that_is_asked_to_move_reads_in_the_record_where_to(installed):
    async with installed() as it:
        it.ledger.record = replace(a_session(), procedure=THERE.at("claimed"))
        with pytest.raises(NotMovable):
            await it.parts.asked.move(8)
        await it.parts.asked.move(9)
        await it.parts.moves.over()

        assert it.parts.journal.session.room == CELLAR
