"""A stay from its beginning to its end, with a bot of the test's, and how it leaves its room."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from pipecat.frames.frames import OutputTransportMessageUrgentFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from greenroom.app.rooms.conversations import Record, ToolCall, ToolStatus, Turn
from greenroom.app.rooms.failures import BotCrashed, BotFailure, EndUnwritten, FailureKind
from greenroom.app.rooms.leases import STALE_AFTER
from greenroom.app.rooms.resuming import NO_RESULT, NOTHING_OPEN, UNANSWERED, UNFINISHED
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Reason, State, Transition
from greenroom.app.rooms.told import Hear
from greenroom.bots.stay import bot_run, heartbeat, stay, watchdog
from greenroom.bots.stay.ending import REPLACED, End, Ending
from greenroom.bots.stay.helpers import Helpers
from greenroom.bots.stay.stay import Stay
from tests.fakes.async_ledgers import Away, Told
from tests.fakes.stays import FakePipeline, FakeTimer, parts_of_a_stay, with_pipeline

pytestmark = pytest.mark.anyio


@pytest.fixture
def timer():
    return FakeTimer()


@pytest.fixture
def perform(monkeypatch):
    """Runs a stay whose bot is this function, of the stay."""

    async def performed(bot, **facts):
        parts = parts_of_a_stay(**facts)
        current = Stay(parts)
        monkeypatch.setattr(bot_run, "load_bot", lambda _target: lambda body: bot(current, body))
        async with asyncio.timeout(30):
            return parts, await current.run()

    return performed


async def starts(current):
    """A bot's pipeline is built, and runs."""
    pipeline = FakePipeline()
    await bot_run.BotRun.of_this_context().built(pipeline)
    await pipeline.happens("on_pipeline_started")
    return pipeline


def states(ledger):
    return [step.to for step in ledger.told if isinstance(step, Transition)]


async def test_a_bot_that_ends_the_call_itself_says_so(perform):
    async def bot(current, body):
        assert body["room_url"] == "local:stage"
        await starts(current)

    ledger = Told()
    parts, reason = await perform(bot, ledger=ledger)

    assert reason is Reason.LEFT
    assert states(ledger) == [State.JOINING, State.LIVE, State.ENDED]
    ended = [step for step in ledger.told if isinstance(step, Transition)][-1]
    assert ended.detail == "the bot ended the call itself"
    assert parts.stage.done == ["disconnected"]


async def test_a_bot_that_returns_before_its_pipeline_has_started_has_not_been_launched(perform):
    async def bot(_current, _body):
        pass

    _, reason = await perform(bot)

    assert reason is Reason.LAUNCH_FAILED


async def test_a_bot_that_raises_is_followed_by_another(perform):
    async def bot(current, _body):
        await starts(current)
        raise ValueError("not today")

    with pytest.raises(BotCrashed) as crashed:
        await perform(bot)

    assert crashed.value.failure.kind is FailureKind.RAISED


async def test_a_stay_is_ended_from_outside_and_its_bot_leaves(perform):
    async def bot(current, _body):
        pipeline = await starts(current)
        current.end(Ending(Reason.SHUTDOWN))
        await pipeline.over.wait()

    ledger = Told()
    _, reason = await perform(bot, ledger=ledger)

    assert reason is Reason.SHUTDOWN
    assert states(ledger)[-2:] == [State.LEAVING, State.ENDED]


async def test_the_end_of_a_session_that_nobody_could_be_told_is_told_to_the_worker_s_parent(
    perform, monkeypatch
):
    monkeypatch.setattr(stay, "WRITTEN_WITHIN", timedelta(0))

    async def bot(current, _body):
        await starts(current)

    with pytest.raises(EndUnwritten):
        await perform(bot, ledger=Away())


async def test_sys_exit_of_a_bot_that_has_started_is_a_goodbye():
    parts = parts_of_a_stay()
    assert parts.bot_run.exited(SystemExit()).goes_on

    parts.bot_run.started.set()
    assert parts.bot_run.exited(SystemExit()).reason is Reason.LEFT
    assert parts.bot_run.exited(SystemExit(3)).goes_on


async def test_a_session_whose_bot_cannot_be_imported_ends_with_what_was_raised():
    """Three more launches would raise the same."""
    ledger = Told()
    parts = parts_of_a_stay(ledger=ledger, target="no_such_module:bot")

    assert await Stay(parts).run() is Reason.LAUNCH_FAILED
    ended = [step for step in ledger.told if isinstance(step, Transition)][-1]
    assert ended.detail == (
        "the bot cannot be imported: it raised ModuleNotFoundError: No module named 'no_such_module'"
    )


async def test_the_watchdog_watches_from_before_a_bots_first_step_and_gives_the_end_all_its_time(
    timer, monkeypatch
):
    """A bot that blocked at once kept its slot for hours; and a beat at the end left it ten seconds of twenty."""
    at_first, at_last = [], timedelta(seconds=77)
    monkeypatch.setattr(watchdog, "ENDS_WITHIN", at_last)
    monkeypatch.setattr(stay, "WRITTEN_WITHIN", timedelta(seconds=1))
    monkeypatch.setattr(watchdog, "WATCHED_EVERY", timedelta(seconds=0.05))
    for often in ("BEAT_EVERY", "BEAT_AGAIN_AFTER"):
        monkeypatch.setattr(heartbeat, often, timedelta(seconds=0.05))

    async def speaks_and_goes(_current, _body):
        at_first.extend(timer.patience)
        parts.turns.message_added({"role": "user", "content": "hello"})
        await asyncio.sleep(0.3)

    parts = parts_of_a_stay(ledger=Away(), timer=timer)
    monkeypatch.setattr(bot_run, "load_bot", lambda _target: lambda body: speaks_and_goes(None, body))
    with pytest.raises(EndUnwritten):
        await Stay(parts).run()

    assert at_first == [STALE_AFTER]  # its room is another bot's by then
    assert timer.patience[-1] == at_last


# What runs beside it


async def returns():
    pass


async def fails():
    raise ValueError("not today")


@pytest.mark.parametrize(
    ("work", "is_cancelled", "how"),
    [
        (returns, False, ", which was stopped"),
        (returns, True, ", which was stopped"),
        (fails, False, ": it raised ValueError: not today"),
    ],
)
async def test_a_helper_that_is_done_is_a_failure_with_its_name_however_it_came_to_it(
    work, is_cancelled, how
):
    """A call died of "Result is not set": a helper had returned, or was cancelled, and nobody called it the end."""
    helpers = Helpers()
    helpers.begin({"heartbeat": work(), "inbox": asyncio.sleep(60)})
    if is_cancelled:
        helpers.tasks[0].cancel()
    await asyncio.wait({helpers.tasks[0]})

    failure = helpers.failure("a.bot:bot")
    await helpers.cancel()

    assert failure.kind is FailureKind.HELPER_ENDED
    assert failure.detail == f"lost its heartbeat{how}"


async def test_helpers_that_run_are_no_failure():
    helpers = Helpers()
    helpers.begin({"inbox": asyncio.sleep(60)})

    assert helpers.failure("a.bot:bot") is None
    await helpers.cancel()


async def test_a_stay_that_loses_a_helper_ends_with_a_failure_of_that_name(perform):
    async def bot(current, _body):
        pipeline = await starts(current)
        await pipeline.over.wait()

    class Broken(Told):
        async def run(self, step):
            raise ValueError("a defect")

    with pytest.raises(BotCrashed) as crashed:
        await perform(bot, ledger=Broken())
    assert crashed.value.failure.kind is FailureKind.HELPER_ENDED


# How it leaves its room


async def nothing_to_tell():
    return {}


async def leaving(monkeypatch, ending, *, by_itself):
    """What is done in the room and to the pipeline of a bot that ends so, in order."""
    parts = parts_of_a_stay(people={"ann"})
    pipeline = await with_pipeline(parts)

    async def cancelled(reason):
        parts.stage.done.append("pipeline cancelled")

    pipeline.cancel = cancelled
    monkeypatch.setattr(bot_run, "CLOSES_WITHIN", timedelta(0))
    monkeypatch.setattr(
        bot_run, "load_bot", lambda _target: lambda _body: asyncio.sleep(0 if by_itself else 60)
    )
    parts.bot_run.begin(nothing_to_tell)
    await asyncio.sleep(0.01)
    if not by_itself:
        await parts.closing.end_bot_run(ending)
    await parts.closing.leave_room(ending)
    return parts.stage.done


async def test_a_bot_that_another_follows_is_known_to_be_followed_before_its_line_is_closed(monkeypatch):
    """Its pipeline closes the line, and what a client is told then decides whether it comes back."""
    assert (await leaving(monkeypatch, REPLACED, by_itself=False))[:2] == ["hushed", "pipeline cancelled"]


async def test_a_bot_that_crashed_is_known_to_be_followed_before_its_line_is_closed(monkeypatch):
    crashed = Ending.by(BotFailure(FailureKind.RAISED, "raised ValueError"))

    assert await leaving(monkeypatch, crashed, by_itself=True) == ["hushed", "disconnected"]


async def test_a_bot_that_nobody_follows_leaves_as_such(monkeypatch):
    over = Ending(Reason.IDLE, politely=False)

    assert await leaving(monkeypatch, over, by_itself=False) == ["pipeline cancelled", "disconnected"]


async def test_the_first_reason_for_an_end_counts():
    end = End()
    end.begin(Ending(Reason.IDLE))
    end.begin(Ending(Reason.SHUTDOWN))

    await end.wait()
    assert end.ending.reason is Reason.IDLE


async def test_a_typed_line_is_acknowledged_once_it_is_written():
    """Acknowledged before, and not said again by the page, it was lost with the bot's process."""

    class Gate(Told):
        def __init__(self):
            super().__init__()
            self.opened = asyncio.Event()

        async def run(self, _step):
            await self.opened.wait()

    class Mouth(BaseOutputTransport):
        def __init__(self):
            super().__init__(TransportParams())
            self.sent = []

        async def send_message(self, frame):
            self.sent.append(frame.message)

    def message(kind, **data):
        told = {"label": "rtvi-ai", "type": kind, "data": data}
        return OutputTransportMessageUrgentFrame(message=told)

    gate, mouth, context = Gate(), Mouth(), LLMContext()
    parts = parts_of_a_stay(ledger=gate)
    await with_pipeline(parts, LLMUserAggregator(context), mouth)
    writing = asyncio.create_task(parts.turns.write())

    def kinds():
        return [said["type"] for said in mouth.sent]

    await mouth.send_message(message("user-input", text="hello", msg_id="1"))
    await mouth.send_message(message("user-input", text="spoken"))
    assert kinds() == ["user-input"]
    context.add_message({"role": "user", "content": "hello"})
    await asyncio.sleep(0.1)
    assert kinds() == ["user-input"]
    gate.opened.set()
    await parts.chores.done()
    writing.cancel()

    assert [said["data"].get("msg_id") for said in mouth.sent] == [None, "1"]


# What a bot is told of what was said before it


def said(number, role, content, **facts):
    return Turn(f"6-{number}", role, content, epoch=6, started_ms=1100, ended_ms=1200, **facts)


async def told_of(perform, *conversation, ledger=None, version=2):
    """What a bot is told that finds this conversation."""
    told = []

    async def bot(current, body):
        told.append(body)
        await starts(current)
        await asyncio.sleep(0.1)

    await perform(
        bot, ledger=ledger, adopted={"conversation": conversation}, version=version, created_ms=1000
    )
    return told[0]


async def test_a_replacement_is_told_once_that_and_where_the_conversation_was_cut_off(perform):
    asked, answered = said(1, "user", "how are you?"), said(2, "assistant", "Well.", interrupted=True)

    body = await told_of(perform, asked, answered)

    *before, about_it = body["conversation"]
    assert before == [asked.as_message(), answered.as_message()]
    assert about_it["role"] == "developer" and UNFINISHED in about_it["content"]
    assert body["owes_an_answer"]


async def test_in_a_room_of_several_each_of_them_is_gone_on_with(perform):
    of_ann = said(1, "user", "how are you?", person="ann")
    of_ben = said(2, "assistant", "Hello, Ben.", person="ben")

    by_person = (await told_of(perform, of_ann, of_ben))["participant_contexts"]

    assert UNANSWERED in by_person["ann"][-1]["content"] and len(by_person["ann"]) == 2
    assert NOTHING_OPEN in by_person["ben"][-1]["content"] and len(by_person["ben"]) == 2


async def test_a_tool_that_was_cut_off_has_a_result_for_the_model_and_for_who_reads_it_later(perform):
    ledger = Told()
    called = said(2, "assistant", "", tool_calls=(ToolCall("call-1", "look", "{}"),), person="ann")

    body = await told_of(perform, said(1, "user", "look", person="ann"), called, ledger=ledger)

    assert body["conversation"][-2] == {"role": "tool", "content": NO_RESULT, "tool_call_id": "call-1"}
    assert body["owes_an_answer"]
    (turn,) = [step.turn for step in ledger.told if isinstance(step, Record)]
    assert (turn.tool_call_id, turn.tool_status, turn.person) == ("call-1", ToolStatus.CUT_OFF, "ann")


async def test_a_bot_that_takes_up_an_earlier_conversation_was_not_cut_off(perform):
    body = await told_of(perform, replace(said(1, "user", "of yesterday"), started_ms=1, ended_ms=2))

    assert body["conversation"] == [{"role": "user", "content": "of yesterday"}]
    assert not body["owes_an_answer"]


async def test_the_first_bot_of_a_session_was_not_cut_off_whatever_its_user_says_elsewhere(perform):
    body = await told_of(perform, said(1, "user", "in another room"), version=1)

    assert body["conversation"] == [{"role": "user", "content": "in another room"}]


async def test_the_people_s_clients_are_told_of_the_session_and_servers_of_what_is_heard(perform):
    async def bot(current, _body):
        pipeline = await starts(current)
        current._parts.telling.tell("voice.speech.start", person="ada")
        current._parts.telling.tell("voice.speech.end", person="ada")
        await asyncio.sleep(0.3)
        current.end(Ending(Reason.SHUTDOWN))
        await pipeline.over.wait()

    ledger = Told()
    parts, _ = await perform(bot, ledger=ledger)

    assert parts.stage.events == [
        "session.live",
        "voice.session.start",
        "session.leaving",
        "voice.session.end",
    ]
    (heard,) = [step for step in ledger.told if isinstance(step, Hear)]
    assert [(sound.type, sound.sequence) for sound in heard.sounds] == [
        ("voice.speech.start", 1),
        ("voice.speech.end", 2),
    ]


async def test_the_people_s_clients_are_told_who_comes_what_is_opened_and_which_turns_are_kept(perform):
    """As servers are, in the same words."""

    async def bot(current, _body):
        pipeline = await starts(current)
        parts = current._parts
        await parts.journal.note(Happened.PERSON_ARRIVED, person="ada")
        parts.open_things.open("desktop_mode", "full", owner="ada")
        parts.open_things.close("desktop_mode")
        parts.turns._writer._on_reply(recorded("c", Turn("7-1", "user", "hello", person="ada")), 4)
        await parts.journal.note(Happened.PERSON_LEFT, person="ada")
        current.end(Ending(Reason.SHUTDOWN))
        await pipeline.over.wait()

    parts, _ = await perform(bot)

    told = [(event, facts) for event, facts in parts.stage.sent if event.startswith(("part", "room", "conv"))]
    assert told == [
        ("participant.joined", {"person": "ada"}),
        ("room.state", {"opened": ["desktop_mode"], "closed": []}),
        ("room.state", {"opened": [], "closed": ["desktop_mode"]}),
        (
            "conversation.turn",
            {"conversation": "c", "turn": 4, "role": "user", "person": "ada", "interrupted": False},
        ),
        ("participant.left", {"person": "ada"}),
    ]


def recorded(conversation, turn):
    return Record("s", conversation, 1, turn, 0, "ada")
