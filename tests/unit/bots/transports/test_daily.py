"""A bot in a Daily room: pipecat's own transport, over stand-ins of daily-python and of Daily's API."""

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from pipecat.frames.frames import EndFrame, OutputAudioRawFrame, UserAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import create_transport
from pipecat.workers.runner import WorkerRunner

from greenroom.app.errors.bots import OfferRefused
from greenroom.app.providers import daily_rest
from greenroom.app.providers.daily import Daily
from greenroom.app.rooms.cleaning import CleanupMessage
from greenroom.app.rooms.failures import FailureKind
from greenroom.app.rooms.moves import CallOffMove, MoveFailure, Target
from greenroom.app.rooms.providers import About, Source, Track
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Appearance
from greenroom.app.rooms.sessions import Pause, Reason, State
from greenroom.app.settings import Settings
from greenroom.bots import personalities, speech
from greenroom.bots.assistant import bot as assistant
from greenroom.bots.assistant import ears
from greenroom.bots.camera.avatar import Avatar
from greenroom.bots.stay import bot_run, moving
from greenroom.bots.stay.bot_run import BotRun
from greenroom.bots.stay.ending import Ending
from greenroom.bots.stay.stay import Stay
from greenroom.bots.transports import daily as daily_transport
from greenroom.bots.transports.daily import DailyStage
from tests.fakes import daily_python, daily_server
from tests.fakes.launches import RememberedLaunches
from tests.fakes.stage import FakeStage
from tests.fakes.stays import FakePipeline, parts_of_a_stay
from tests.rigs.makers import STAGE
from tests.unit.bots.stay.test_moving import Willing

pytestmark = pytest.mark.anyio
STANDUP = Room("daily", "standup", "https://acme.daily.co")
SOON = 10  # seconds


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(daily_rest, "FIRST_PAUSE", timedelta(milliseconds=10))
    monkeypatch.setattr(daily_rest, "CALL_WITHIN", timedelta(milliseconds=500))
    monkeypatch.setattr(daily_rest, "PATIENCE", timedelta(milliseconds=700))
    monkeypatch.setattr(daily_transport, "TRY_AGAIN_AFTER", timedelta(milliseconds=20))


@pytest.fixture
def server():
    with daily_server.running() as running:
        yield running


@pytest.fixture
def meetings(server):
    with daily_python.meetings(server) as there:
        yield there


@pytest.fixture
def daily(server):
    provider = Daily("acme.daily.co", server.api_key, server.url)
    yield provider
    provider.close()


async def eventually(condition):
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110  what is waited for happens in other threads
            await asyncio.sleep(0.01)


class Ear(FrameProcessor):
    """Remembers what comes in from the room."""

    def __init__(self):
        super().__init__()
        self.heard = []

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            self.heard.append(frame)
        await self.push_frame(frame, direction)

    def who(self):
        return {frame.user_id for frame in self.heard if isinstance(frame, UserAudioRawFrame)}


class Bot:
    """A bot in a room, and what its session was told."""

    def __init__(self, daily, *, waits=False, room=STANDUP):
        self.news = []
        self.reasons = []  # for which it was put out
        self.ear = Ear()
        self.is_on_stage = False
        self.told = {}
        self.room = DailyStage(
            room,
            daily,
            name="Host",
            listener=self,
            waits=waits,
        )

    async def arrived(self, who, appearance):
        self.news.append(f"{who} came")
        self.told[who] = appearance

    async def departed(self, who):
        self.news.append(f"{who} left")

    def put_out(self, why):
        self.reasons.append(why)

    def app_sent(self, person, message, answer):
        if isinstance(message, CleanupMessage):
            answer(message.answer({"by": person}))
        else:
            answer(message.refusal(f"{message.name} of {person}"))

    async def _started(self, *_):
        self.is_on_stage = True

    async def perform(self):
        """As a bot of pipecat's does."""
        arguments = self.room.runner_arguments("a-session", {"a": 1})
        transport = await create_transport(arguments, assistant.transports(with_camera=False))
        self.worker = PipelineWorker(
            Pipeline([transport.input(), self.ear, Avatar(), transport.output()]), idle_timeout_secs=None
        )
        self.room.built(self.worker)
        self.worker.add_event_handler("on_pipeline_started", self._started)
        runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
        await runner.add_workers(self.worker)
        await runner.run()


@asynccontextmanager
async def performing(bot):
    task = asyncio.create_task(bot.perform())
    try:
        yield bot
    finally:
        bot.room.enter()
        if hasattr(bot, "worker"):
            await bot.worker.cancel(reason="the test is over")
        await asyncio.wait({task}, timeout=SOON)
        await bot.room.disconnect()


@asynccontextmanager
async def on_stage(daily):
    async with performing(Bot(daily)) as bot:
        await eventually(lambda: bot.is_on_stage)
        yield bot


async def test_a_bot_makes_its_room_and_joins_as_its_bot(daily, meetings, server):
    async with on_stage(daily) as bot:
        (client,) = meetings.those_in("standup")
        ((url, token),) = client.joins
        claims = server.claims(token)

        assert url == "https://acme.daily.co/standup"
        assert (claims["user_id"], claims["room_name"]) == ("bot:standup", "standup")
        assert client.user_name == "Host"
        assert [each.identity for each in daily.presence(STANDUP)] == ["bot:standup"]
        assert server.rooms["standup"]["privacy"] == "private"
        assert bot.room.people == frozenset()
    assert list(daily.presence(STANDUP)) == []
    assert client.is_released


async def test_the_token_is_not_handed_around(daily):
    arguments = Bot(daily).room.runner_arguments("a-session", {})

    assert arguments.token is None
    assert (arguments.session_id, arguments.room_url) == ("a-session", "https://acme.daily.co/standup")


async def test_a_bot_whose_turn_has_not_come_waits_at_the_door(daily, meetings):
    async with performing(Bot(daily, waits=True)) as bot:
        await asyncio.wait_for(bot.room.ready_to_enter(), SOON)
        async with on_stage(daily):  # in whose time the waiting bot would have come in too
            pass
        async with on_stage(daily) as older:
            assert [len(each.joins) for each in meetings.clients] == [0, 1, 1]
            assert not older.reasons
            assert not bot.is_on_stage

            bot.room.enter()

            await eventually(lambda: bot.is_on_stage)
            await eventually(lambda: older.reasons)


async def test_a_bot_that_is_not_needed_after_all_leaves_from_the_door(daily, meetings, server):
    bot = Bot(daily, waits=True)
    task = asyncio.create_task(bot.perform())
    await asyncio.wait_for(bot.room.ready_to_enter(), SOON)

    await bot.room.disconnect()
    await bot.worker.cancel(reason="not needed")
    await asyncio.wait({task}, timeout=SOON)

    assert server.asked == []
    assert not bot.reasons


async def test_the_newcomer_puts_the_older_bot_out_before_it_joins(daily, meetings, server):
    async with on_stage(daily) as older:
        server.rooms["standup"]["config"]["enforce_unique_user_ids"] = False  # a room that does not see to it
        async with on_stage(daily) as newer:
            await eventually(lambda: older.reasons)

            (why,) = older.reasons
            assert why.kind is Reason.EJECTED
            assert len(meetings.those_in("standup")) == 1
            assert not newer.reasons
            ejected = [path for _, path, _ in server.asked if path.endswith("/eject")]
            assert len(ejected) == 2


async def test_where_the_api_is_away_the_room_itself_puts_the_older_bot_out(daily, meetings, server):
    async with on_stage(daily) as older:
        server.fail("GET /rooms", 500, times=1000)
        server.fail("POST /rooms", 500, times=1000)
        async with on_stage(daily):
            await eventually(lambda: older.reasons)

            assert len(server.people["standup"]) == 1


async def test_who_comes_and_goes_is_told_once_a_person(daily, meetings):
    async with on_stage(daily) as bot:
        ann = meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)
        bob = meetings.arrive("standup", daily.admit(STANDUP, "b" * 60).room_token)
        await eventually(lambda: len(bot.news) == 2)
        assert bot.room.people == {"ann", "b" * 60}

        meetings.leave("standup", ann)
        await eventually(lambda: len(bot.news) == 3)
        meetings.leave("standup", bob)
        await eventually(lambda: len(bot.news) == 4)

        assert bot.news == ["ann came", "b" * 60 + " came", "ann left", "b" * 60 + " left"]
        assert bot.room.people == frozenset()


async def test_who_was_there_before_the_bot_is_known(daily, meetings):
    daily.prepare(STANDUP)
    meetings.arrive("standup", daily.admit(STANDUP, "ann", About("Ann")).room_token)

    async with on_stage(daily) as bot:
        await eventually(lambda: bot.news)

        assert bot.news == ["ann came"]
        assert bot.told == {"ann": Appearance("Ann")}


async def test_a_bot_sees_what_each_person_sends_and_what_is_muted(daily, meetings):
    async with on_stage(daily) as bot:
        ann = meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)
        meetings.arrive("standup", daily.admit(STANDUP, "bob").room_token)
        await eventually(lambda: len(bot.news) == 2)
        off, on = {"state": "off", "offReasons": ["user"]}, {"state": "playable"}
        meetings.media[ann] = {"microphone": off, "camera": on, "screenVideo": off}

        seen = {each.identity: each for each in bot.room.look()}

        assert seen["ann"].tracks == (Track(Source.MICROPHONE, muted=True), Track(Source.CAMERA))
        assert seen["bob"].tracks == ()
        assert timedelta(0) <= seen["ann"].here_for < timedelta(seconds=30)
        meetings.leave("standup", ann)
        await eventually(lambda: len(bot.news) == 3)
        assert [each.identity for each in bot.room.look()] == ["bob"]


async def test_bots_of_others_are_not_people(daily, meetings, server):
    async with on_stage(daily) as bot:
        server.rooms["standup"]["privacy"] = "public"
        meetings.arrive("standup", user_name="Fred's Notetaker")
        meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)
        await eventually(lambda: bot.news)

        assert (bot.news, bot.room.people) == (["ann came"], {"ann"})


class Sound:
    """What daily-python calls AudioData."""

    audio_frames, sample_rate, num_channels = b"\0\0" * 160, 16_000, 1


async def test_who_speaks_is_known_by_who_they_are(daily, meetings):
    async with on_stage(daily) as bot:
        sid = meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)
        (client,) = meetings.those_in("standup")
        await eventually(lambda: sid in client.heard)

        meetings.thread.submit(client.heard[sid], sid, Sound(), "microphone")

        await eventually(lambda: bot.ear.who() == {"ann"})


def line(words, kind="send-text"):
    return {"label": "rtvi-ai", "type": kind, "id": "1", "data": {"content": words}}


def written(bot):
    return [
        (frame.participant_id, frame.message) for frame in bot.ear.heard if hasattr(frame, "participant_id")
    ]


async def test_what_people_write_is_taken_in_until_the_bot_listens_no_more(daily, meetings):
    async with on_stage(daily) as bot:
        ann = meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)
        meetings.write("standup", ann, line("hello"))
        await eventually(lambda: written(bot))

        bot.room.listen(to_people=False)
        meetings.write("standup", ann, line("unheard"))
        meetings.arrive("standup", daily.admit(STANDUP, "bob").room_token)
        await eventually(lambda: "bob came" in bot.news)
        bot.room.listen(to_people=True)
        meetings.write("standup", ann, line("again"))
        await eventually(lambda: len(written(bot)) == 2)

        assert written(bot) == [("ann", line("hello")), ("ann", line("again"))]


async def test_what_would_be_taken_for_another_person_s_is_refused_to_its_sender(daily, meetings, server):
    async with on_stage(daily) as bot:
        (client,) = meetings.those_in("standup")
        ann = meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)
        await eventually(lambda: bot.news)
        for message in (line("a file", "send-file"), line("no kind of RTVI's", "tell"), {"text": "no RTVI"}):
            meetings.write("standup", ann, message)
        meetings.write("standup", "nobody-known", line("whose?"))
        meetings.write("standup", ann, line("mine"))
        await eventually(lambda: written(bot))

        assert written(bot) == [("ann", line("mine"))]
        refused = [(to, said["type"]) for to, said in client.sent_to if said["type"] == "error-response"]
        assert refused == [(ann, "error-response")] * 2


async def test_a_wish_to_clean_up_is_answered_to_its_sender_and_not_read_by_the_bot(daily, meetings):
    async with on_stage(daily) as bot:
        (client,) = meetings.those_in("standup")
        ann = meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)
        await eventually(lambda: bot.news)
        meetings.write("standup", ann, {"type": "room_cleanup", "timestamp": "1"})
        meetings.write("standup", ann, line("hello"))
        await eventually(lambda: written(bot) and client.sent_to)

        assert written(bot) == [("ann", line("hello"))]
        done = {"type": "room_cleaned", "timestamp": "1", "cleaned": {"by": "ann"}}
        assert (ann, done) in client.sent_to


async def test_what_an_app_says_to_its_session_is_answered_to_its_sender_and_not_read_by_the_bot(
    daily, meetings
):
    async with on_stage(daily) as bot:
        (client,) = meetings.those_in("standup")
        ann = meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)
        await eventually(lambda: bot.news)
        meetings.write("standup", ann, {"type": "user-message", "content": "Hello.", "timestamp": 7})
        meetings.write("standup", ann, line("hello"))
        await eventually(lambda: written(bot) and client.sent_to)

        assert written(bot) == [("ann", line("hello"))]
        answer = {"type": "user-message_refused", "timestamp": "7", "error": "user-message of ann"}
        assert (ann, answer) in client.sent_to
        note = {"t": "room_close", "d": {"what": "note"}}
        meetings.write(
            "standup", ann, {"label": "rtvi-ai", "type": "client-message", "id": "1", "data": note}
        )
        meetings.write("standup", ann, line("bye"))
        await eventually(lambda: len(written(bot)) == 2)
        refused = [said["data"]["error"] for _, said in client.sent_to if said["type"] == "error-response"]
        assert refused == ["room_close of ann"]  # and not by the list of what a bot gets


async def test_a_bot_of_others_is_not_read(daily, meetings, server):
    async with on_stage(daily) as bot:
        server.rooms["standup"]["privacy"] = "public"
        ann = meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)
        notetaker = meetings.arrive("standup", user_name="Fred's Notetaker")
        await eventually(lambda: bot.news)
        meetings.write("standup", notetaker, line("from a bot"))
        meetings.write("standup", ann, line("from a person"))
        await eventually(lambda: written(bot))

        assert written(bot) == [("ann", line("from a person"))]


async def test_people_are_told_what_the_session_says(daily, meetings):
    async with on_stage(daily) as bot:
        (client,) = meetings.those_in("standup")

        bot.room.tell("state", state={"active_note": None})
        bot.room.tell("handed_over")
        await eventually(lambda: len([each for each in client.sent if each["type"] == "server-message"]) == 2)

        said = [each for each in client.sent if each["type"] == "server-message"]
        assert said[0] == {
            "label": "rtvi-ai",
            "type": "server-message",
            "data": {"type": "greenroom", "event": "state", "state": {"active_note": None}},
        }


async def test_a_hushed_bot_gives_no_more_sound(daily, meetings):
    async with on_stage(daily) as bot:
        (client,) = meetings.those_in("standup")

        bot.room.silence()
        frame = OutputAudioRawFrame(b"\0\0" * 160, 16_000, 1)

        assert await bot.room._client.write_audio_frame(frame) is True
        assert client.publishing == [{"microphone": {"isPublishing": False}}]


async def test_a_line_that_broke_is_the_bot_s_failure_and_no_reason_for_its_session_to_end(daily, meetings):
    async with on_stage(daily) as bot:
        (client,) = meetings.those_in("standup")

        client.lose("websocket closed")
        await eventually(lambda: bot.reasons)

        assert [why.kind for why in bot.reasons] == [FailureKind.LINE_LOST]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Ejected", Reason.EJECTED),
        ("exp-room", Reason.ROOM_GONE),
        ("no-room", Reason.ROOM_GONE),
        ("", FailureKind.LINE_LOST),
    ],
)
async def test_why_a_call_ended_is_told_where_daily_tells_it(daily, meetings, words, kind):
    async with on_stage(daily) as bot:
        meetings.those_in("standup")[0].lose(words)
        await eventually(lambda: bot.reasons)

        assert bot.reasons[0].kind is kind


async def test_a_bot_that_leaves_was_not_put_out(daily, meetings):
    async with on_stage(daily) as bot:
        pass

    assert not bot.reasons
    assert not bot.news


async def test_a_bot_that_ends_by_itself_was_not_put_out(daily, meetings, server):
    bot = Bot(daily)
    task = asyncio.create_task(bot.perform())
    await eventually(lambda: bot.is_on_stage)

    await bot.worker.queue_frame(EndFrame())
    await asyncio.wait_for(task, SOON)
    await bot.room.disconnect()

    assert not bot.reasons
    assert server.people["standup"] == []


async def test_our_own_bot_greets_whoever_comes_by_voice(daily, meetings):
    bot = Bot(daily)
    personality = personalities.load("host")
    arguments = bot.room.runner_arguments("a-session", {})
    transport = await create_transport(arguments, assistant.transports(with_camera=False))
    parts = speech.build(personality, Settings(speech="demo"))
    begin_context = assistant._contexts(personality, Settings(), parts.llm)
    worker = assistant._worker_for_several(arguments, transport, parts, Avatar(), begin_context)
    bot.room.built(worker)
    worker.add_event_handler("on_pipeline_started", bot._started)
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    task = asyncio.create_task(runner.run())
    await eventually(lambda: bot.is_on_stage)
    assert not meetings.loud

    meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)
    await eventually(lambda: meetings.loud)

    await worker.cancel(reason="the test is over")
    await asyncio.wait({task}, timeout=SOON)
    await bot.room.disconnect()


@pytest.mark.parametrize("name", ["Robin", None])
async def test_a_camera_is_on_from_the_beginning_or_off(daily, meetings, name):
    bot = Bot(daily)
    await bot.room.show(name)

    async with performing(bot):
        await eventually(lambda: bot.is_on_stage)
        (client,) = meetings.those_in("standup")

        assert client.joined_with["inputs"]["camera"]["isEnabled"] is bool(name)
        assert client.joined_with["publishing"]["camera"]["isPublishing"] is bool(name)


async def test_a_camera_is_turned_on_and_off_in_the_call(daily, meetings):
    async with on_stage(daily) as bot:
        (client,) = meetings.those_in("standup")
        assert not meetings.pictures
        await bot.room.show("Robin")
        await eventually(lambda: meetings.pictures)
        await bot.room.show(None)

        assert [each["camera"]["isPublishing"] for each in client.publishing] == [True, False]
        on, off = (each["camera"] for each in client.inputs)
        assert (on["isEnabled"], off["isEnabled"]) == (True, False)
        assert (
            on["settings"]["customTrack"]["id"] == off["settings"]["customTrack"]["id"] != "no-camera-track"
        )


async def test_a_room_that_is_full_is_tried_again(daily, meetings, server):
    daily.prepare(STANDUP)
    server.rooms["standup"]["config"]["max_participants"] = 1
    ann = meetings.arrive("standup", daily.admit(STANDUP, "ann").room_token)

    async with performing(Bot(daily)) as bot:
        await eventually(lambda: meetings.clients and len(meetings.clients[0].joins) > 1)
        meetings.leave("standup", ann)

        await eventually(lambda: meetings.those_in("standup"))
        assert not bot.reasons


async def test_a_bot_that_gets_in_nowhere_says_so(daily, meetings, server, monkeypatch):
    monkeypatch.setattr(daily_transport, "JOINS_WITHIN", timedelta(milliseconds=100))
    server.fail("GET /", 500, times=10_000)  # not even its token can be signed

    async with performing(Bot(daily)) as bot:
        await eventually(lambda: bot.reasons)

        assert bot.reasons[0].kind is FailureKind.NOT_LET_IN
        assert not meetings.those_in("standup")


async def test_a_bot_that_is_cancelled_while_it_joins_is_not_left_behind(daily, meetings, server):
    bot = Bot(daily)
    task = asyncio.create_task(bot.perform())
    meetings.holds_completions = True
    await eventually(lambda: meetings.those_in("standup"))

    await bot.worker.cancel(reason="the session is over")
    await asyncio.wait({task}, timeout=SOON)
    await bot.room.disconnect()

    assert server.people["standup"] == []
    assert not bot.reasons


async def test_offers_are_for_local_rooms(daily):
    with pytest.raises(OfferRefused, match="Daily"):
        await Bot(daily).room.take("ann", {})
    with pytest.raises(OfferRefused, match="Daily"):
        await Bot(daily).room.add_candidates("pc", [])


@pytest.mark.heavy
def test_daily_python_is_started_after_the_fork_and_works_there():
    """The real one: importing it starts no thread; a child may then do all of it."""
    program = """
import os
threads = lambda: len(os.listdir("/proc/self/task"))
import daily
assert threads() == 1
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        daily.Daily.init()
        client = daily.CallClient()
        client.release()
        os._exit(0 if threads() > 1 else 1)
    assert os.waitpid(pid, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env={"PATH": os.environ["PATH"]})


async def test_it_is_started_once_a_process_when_the_first_bot_comes(daily, meetings):
    assert meetings.inits == 0
    for _ in range(2):
        async with on_stage(daily):
            pass

    assert meetings.inits == 1


# Moves, from a room of this installation and back


class Commuter:
    """A bot of pipecat's aggregators: pipecat's own transport in Daily, and none in a local room that has no stage."""

    def __init__(self):
        self.runs = []

    async def __call__(self, arguments):
        is_in_daily = not isinstance(arguments, dict)
        body = arguments.body if is_in_daily else arguments
        context = LLMContext(list(body["conversation"]))
        pair = LLMContextAggregatorPair(context, user_params=ears.user_params())
        if not is_in_daily:
            pipeline = FakePipeline(*pair)
            pipeline.body, pipeline.context = body, context
            self.runs.append(pipeline)
            await BotRun.of_this_context().built(pipeline)
            await pipeline.happens("on_pipeline_started")
            await pipeline.over.wait()
            return
        transport = await create_transport(arguments, assistant.transports(with_camera=False))
        worker = PipelineWorker(
            Pipeline([transport.input(), *pair, transport.output()]), idle_timeout_secs=None
        )
        worker.context, worker.body = context, body
        self.runs.append(worker)
        await BotRun.of_this_context().built(worker)  # as our hook in pipecat has it
        runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
        await runner.add_workers(worker)
        await runner.run()


@asynccontextmanager
async def commuting(daily, monkeypatch, ledger):
    """A session in a local room whose bot can go to the Daily room; yields its parts, its bot and its local stages."""
    bot, locals_ = Commuter(), []

    def stage_of(session, _settings, *, listener, waits, apart):
        if session.room == STANDUP:
            return DailyStage(STANDUP, daily, name="Host", listener=listener, waits=waits, apart=apart)
        locals_.append(FakeStage(("ann",)))
        return locals_[-1]

    monkeypatch.setattr(bot_run, "load_bot", lambda _target: bot)
    monkeypatch.setattr(moving, "FAREWELL_WITHIN", timedelta(0))  # these bots have no voice
    parts = parts_of_a_stay(ledger=ledger, stage_of=stage_of, launches=RememberedLaunches(), user_id="ann")
    stay = Stay(parts)
    task = asyncio.create_task(stay.run())
    await eventually(lambda: parts.journal.state is State.LIVE)
    try:
        yield parts, bot, locals_
    finally:
        stay.end(Ending(Reason.SHUTDOWN, politely=False))
        await asyncio.wait({task}, timeout=3 * SOON)


async def goes(parts, room, epoch):
    assert parts.moves.begin(Target(room, epoch, "a-token"))
    await parts.moves.over()
    await parts.moves.left()
    assert parts.journal.session.room == room


async def test_a_bot_goes_from_a_local_room_to_daily_and_back_with_what_was_said(
    daily, meetings, monkeypatch
):
    seen = {}

    async def commits():
        if not seen:
            (client,) = meetings.those_in("standup")
            seen["before"] = list(client.sent)

    ledger = Willing(there=STANDUP, commits=commits)
    async with commuting(daily, monkeypatch, ledger) as (parts, bot, locals_):
        daily.prepare(STANDUP)
        meetings.arrive("standup", daily.admit(STANDUP, "ben").room_token)
        parts.rooms.now.hearing.message_added({"role": "user", "content": "my dog is called Rex"})
        parts.rooms.now.hearing.message_added({"role": "assistant", "content": "What a name."})
        await goes(parts, STANDUP, 9)

        assert seen == {"before": []}, "it was there in silence until the session was"
        assert locals_[0].told == ["transition"] and locals_[0].done[-1] == "disconnected"
        said = [message["content"] for message in bot.runs[1].context.messages]
        assert said == ["my dog is called Rex", "What a name."]
        arrivals = [step.person for step in ledger.told if getattr(step, "event", None) == "person_arrived"]
        assert len(arrivals) == 1, "who was there before is told of once"

        ledger.there, ledger.epoch = STAGE, 11
        parts.rooms.now.hearing.message_added({"role": "user", "content": "so I said"})
        parts.rooms.now.hearing.message_added({"role": "assistant", "content": "You did."})
        await goes(parts, STAGE, 11)

        await eventually(lambda: not meetings.those_in("standup"))
        assert [who.is_bot for who in daily.presence(STANDUP)] == [False]
        assert [message["content"] for message in bot.runs[2].context.messages][-2:] == [
            "so I said",
            "You did.",
        ]
        assert not parts.end.has_begun


async def test_a_daily_room_that_does_not_let_the_bot_in_leaves_it_where_it_is(
    daily, meetings, server, monkeypatch
):
    monkeypatch.setattr(moving, "ENTERS_WITHIN", timedelta(seconds=0.5))
    ledger = Willing(there=STANDUP)
    async with commuting(daily, monkeypatch, ledger) as (parts, _bot, locals_):
        server.fail("GET /", 500, times=10_000)  # not even the bot's token can be signed
        assert parts.moves.begin(Target(STANDUP, 9, "a-token"))
        await parts.moves.over()

        assert parts.journal.session.room == STAGE and parts.journal.state is State.LIVE
        (called_off,) = [step for step in ledger.told if isinstance(step, CallOffMove)]
        assert called_off.why is MoveFailure.UNREACHABLE
        assert locals_[0].told == [] and locals_[0].done == []


async def test_a_paused_bot_goes_to_daily_paused_and_is_heard_there_once_it_is_resumed(
    daily, meetings, monkeypatch
):
    ledger = Willing(there=STANDUP)
    async with commuting(daily, monkeypatch, ledger) as (parts, _bot, _locals):
        await parts.listener.heed_pause(Pause())
        await goes(parts, STANDUP, 9)

        (client,) = meetings.those_in("standup")
        assert parts.journal.state is State.PAUSED
        assert client.publishing[-1] == {"microphone": {"isPublishing": False}}
        await parts.listener.heed_pause(None)
        assert client.publishing[-1] == {"microphone": {"isPublishing": True}}
        assert parts.journal.state is State.LIVE
