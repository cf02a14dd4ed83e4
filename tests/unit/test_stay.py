"""What a bot does with what it is asked, without a stage."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from pipecat.frames.frames import (
    LLMUpdateSettingsFrame,
    OutputTransportMessageUrgentFrame,
    TTSSpeakFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from greenroom.app.errors import IllegalTransition, OthersThere, RedisAway
from greenroom.app.rooms.failures import EndUnwritten, FailureKind
from greenroom.app.rooms.handovers import HandOver, Yield
from greenroom.app.rooms.inbox import Answer, Message
from greenroom.app.rooms.leases import DOUBT_LASTS, STALE_AFTER, ReadRoom
from greenroom.app.rooms.line import FindPlace, Place
from greenroom.app.rooms.sessions import Note, Reason, State, Succeed, Transition
from greenroom.app.settings import Settings
from greenroom.bots import personalities, stay
from greenroom.bots.stay import (
    BEAT_WITHIN,
    ENDS_WITHIN,
    HELPERS,
    Errand,
    Stay,
    _beats_again_after,
)
from tests.makers import ME, a_session


def a_stay(ledger=None, **facts):
    """Called in a running loop."""
    errand = Errand(a_session(**facts), ME, "here", "a-token", False, timedelta(0), (), {})
    return Stay(errand, ledger=ledger, pulse=ledger, settings=Settings(), launches=None, reviving=None)


class AwayAtFirst:
    """A ledger that does not answer the first time, and remembers what it was told then."""

    def __init__(self):
        self.told = None

    async def run(self, step):
        if self.told is None:
            self.told = []
            raise RedisAway
        self.told.append(step)


def test_an_answer_is_given_when_redis_is_back():
    """What had been done was never answered, and stayed in the inbox for the next bot to report as expired."""

    async def answered():
        errand = Errand(a_session(), ME, "here", "a-token", False, timedelta(0), (), {})
        ledger = AwayAtFirst()
        bot = Stay(errand, ledger=ledger, pulse=ledger, settings=Settings(), launches=None, reviving=None)
        await bot._obey(Message("1-1", "candidates-of-tomorrow", {}, epoch=7))
        return ledger.told

    assert asyncio.run(answered()) == [Answer("a-session", "1-1", {"error": "unknown"})]


@pytest.mark.parametrize(
    ("name", "body", "refusal"),
    [
        ("whisper", {"text": "psst"}, "unknown"),
        ("offer", {"user_id": 7}, "malformed"),
        ("leave", {"reason": "left", "unless": "others are there"}, "malformed"),
        ("config", {"colour": "green"}, "malformed"),
    ],
)
def test_a_message_that_cannot_be_read_is_answered_with_a_refusal_and_does_nothing(name, body, refusal):
    async def answered():
        ledger = Told()
        bot = a_stay(ledger)
        await bot._obey(Message("1-1", name, body, epoch=7))
        return ledger.told, bot._ending.done()

    assert asyncio.run(answered()) == ([Answer("a-session", "1-1", {"error": refusal})], False)


def test_a_change_leaves_what_was_changed_before():
    """Seen under the name of the personality that it was given, whatever else is changed after that."""

    async def seen():
        errand = Errand(a_session(), ME, "here", "a-token", False, timedelta(0), (), {})
        ledger, names = AwayAtFirst(), []
        bot = Stay(errand, ledger=ledger, pulse=ledger, settings=Settings(), launches=None, reviving=None)

        async def show(name):
            names.append(name)

        bot._room.show = show
        for change in (
            {"mode": "forum"},
            {"personality": "critic"},
            {"mode": "voice"},
            {"voice": "deep"},
            {"mode": "forum"},
            {"personality": None},
            {"mode": None},
        ):
            await bot._reconfigure(change)
        return names

    assert asyncio.run(seen()) == ["Robin", "Beatrice", None, "Beatrice", "Robin", None]


class Refusing:
    """A ledger that remembers each step that it was sent, and refuses a move into one state."""

    def __init__(self, refused):
        self.sent, self._refused = [], refused

    async def run_each(self, steps):
        self.sent += steps
        return [self._result_of(step) for step in steps]

    def _result_of(self, step):
        is_refused = isinstance(step, Transition) and step.to is self._refused
        return IllegalTransition(state=State.JOINING) if is_refused else None


def test_each_owed_step_is_sent_once_although_one_of_them_is_refused():
    """A note that was owed beside a refused move stood four times in the history."""

    async def sent():
        ledger = Refusing(State.WAITING)
        bot = a_stay(ledger)
        owed = [
            Transition("a-session", State.WAITING, 1),
            Note("a-session", "person_arrived", 1),
            Transition("a-session", State.LIVE, 1),
        ]
        assert await bot._tell(owed) is True
        return ledger.sent == owed, bot._owed

    assert asyncio.run(sent()) == (True, [])


def settings_after(*changes, **facts):
    """Voice and prompt of a bot that was changed so."""

    async def said():
        bot, frames = a_stay(**facts), []

        async def say(*new):
            frames.extend(new)

        bot._say = say
        for change in changes:
            await bot._reconfigure(change)
        voices = [frame.delta.voice for frame in frames if isinstance(frame, TTSUpdateSettingsFrame)]
        prompts = [
            frame.delta.system_instruction for frame in frames if isinstance(frame, LLMUpdateSettingsFrame)
        ]
        return [voice for voice in voices if isinstance(voice, str)][-1:], prompts[-1:]

    return asyncio.run(said())


def test_a_bot_that_was_changed_sounds_as_the_one_that_takes_its_session_over():
    """The live bot spoke in the new personality's voice; its successor in the voice that had been set before."""
    one, then = {"voice": "deep", "prompt": "Sing."}, {"personality": "critic"}

    assert settings_after(one, then) == settings_after({**one, **then}) == (["deep"], ["Sing."])


def test_a_change_of_personality_or_of_prompt_keeps_the_persona_that_the_session_was_joined_with():
    critic, host = personalities.load("critic"), personalities.load("host")
    persona = "You collect stamps."

    _, of_critic = settings_after({"personality": "critic"}, persona=persona)
    _, of_host = settings_after({"prompt": "Sing."}, {"prompt": None}, persona=persona)
    assert of_critic == [critic.with_changes(persona=persona).prompt]
    assert of_host == [host.with_changes(persona=persona).prompt]


def test_a_voice_that_is_set_to_null_is_the_one_of_the_join_again():
    assert settings_after({"voice": "deep"}, {"voice": None}, voice="bright")[0] == ["bright"]


def test_the_warning_before_the_end_is_in_the_words_of_the_personality(monkeypatch):
    async def said():
        bot, frames = a_stay(), []

        async def say(*new):
            frames.extend(new)

        async def show(_name):
            pass

        bot._say = say
        bot._room = SimpleNamespace(people={"ann"}, show=show)
        await bot._reconfigure({"personality": "stage-manager"})
        frames.clear()
        bot._warn_of_end()
        await asyncio.gather(*bot._chores)
        return frames

    (frame,) = asyncio.run(said())
    assert isinstance(frame, TTSSpeakFrame)
    assert frame.text == personalities.load("stage-manager").ending_soon


class Moving:
    """A ledger in which a successor stands ready; what happens while it gets the room is the test's."""

    def __init__(self, meanwhile, *, is_yielded):
        self._meanwhile, self._is_yielded = meanwhile, is_yielded

    async def run(self, step):
        match step:
            case FindPlace():
                return Place(ahead=None, waiting=0, free=1)
            case HandOver():
                return 8
            case ReadRoom():
                return SimpleNamespace(
                    lease=SimpleNamespace(epoch=7, successor=SimpleNamespace(is_ready=True))
                )
            case Yield():
                await self._meanwhile()
                return 8 if self._is_yielded else None
            case Succeed() | Launched():
                return None
        raise AssertionError(step)


class Launched:
    """A launch that is in the queue."""


class Mouth(BaseOutputTransport):
    """The end of a pipeline, where messages to people leave it."""

    def __init__(self):
        super().__init__(TransportParams())
        self.sent = []

    async def send_message(self, frame):
        self.sent.append(frame.message)


@pytest.mark.parametrize("is_yielded", [True, False])
def test_what_is_answered_while_the_room_changes_hands_is_sent_only_if_it_does_not(is_yielded):
    """The answer to a line that came in that moment was read, and the next bot knew nothing of the line."""

    async def sent():
        errand = Errand(a_session(), ME, "here", "a-token", False, timedelta(0), (), {})
        ledger = Moving(lambda: answer(), is_yielded=is_yielded)
        launches = SimpleNamespace(launch=lambda *_, **__: Launched())
        bot = Stay(errand, ledger=ledger, pulse=ledger, settings=Settings(), launches=launches, reviving=None)
        bot._performance = asyncio.get_running_loop().create_future()
        mouth, heard = Mouth(), []
        bot._outbox.follow(SimpleNamespace(pipeline=Pipeline([mouth])))

        async def answer():
            heard.append(bot._room._listens)
            await mouth.send_message(OutputTransportMessageUrgentFrame(message="an answer"))

        assert await bot._hand_over() is is_yielded
        return heard, mouth.sent, bot._room._listens

    assert asyncio.run(sent()) == ([False], [] if is_yielded else ["an answer"], not is_yielded)


@pytest.mark.parametrize(
    ("there", "leaves"), [({"ada", "ben"}, False), ({"ada"}, False), ({"ben"}, True), (set(), True)]
)
def test_a_bot_leaves_at_a_persons_wish_only_if_nobody_else_is_there(there, leaves):
    async def asked():
        stay = a_stay()
        stay._room = SimpleNamespace(people=frozenset(there))
        wish = Message("1-1", "leave", {"reason": "left", "by": "ben"}, epoch=7, expired=False)
        try:
            await stay._do(wish)
        except OthersThere:
            return stay._ending.done()
        return stay._ending.done()

    assert asyncio.run(asked()) is leaves


def test_a_bot_that_was_not_heard_beats_well_within_a_doubt():
    """It beat as seldom as ever, and had 0.7 s to be in time where Redis had just come back."""
    latest = max(_beats_again_after(False) for _ in range(1000))
    may_be_late = timedelta(seconds=1.5)

    assert timedelta(seconds=latest) + may_be_late < DOUBT_LASTS
    assert BEAT_WITHIN + may_be_late < DOUBT_LASTS  # where it waits for an answer that does not come


async def returns():
    pass


async def fails():
    raise ValueError("not today")


@pytest.mark.parametrize("name", HELPERS)
@pytest.mark.parametrize(
    ("work", "is_cancelled", "how"),
    [
        (returns, False, ", which was stopped"),
        (returns, True, ", which was stopped"),
        (fails, False, ": it raised ValueError: not today"),
    ],
)
def test_a_helper_that_is_done_is_an_end_with_its_name_however_it_came_to_it(name, work, is_cancelled, how):
    """A call died of "Result is not set": a helper had returned, or was cancelled, and nobody called it the end."""

    async def ending():
        bot = a_stay()
        helper = asyncio.create_task(work(), name=name)
        if is_cancelled:
            helper.cancel()
        await asyncio.wait({helper})
        bot._end_if_broken([helper])
        return bot._ending.result()

    ended = asyncio.run(ending())
    assert ended.reason is Reason.ERROR and ended.goes_on
    assert ended.failure.kind is FailureKind.HELPER_ENDED
    assert ended.detail.startswith(f"lost its {name}{how}")


def test_a_stay_that_stops_without_a_word_has_an_end_all_the_same():
    async def ending():
        bot = a_stay()
        performance = asyncio.create_task(asyncio.sleep(60))
        return await bot._leave(performance)

    ended = asyncio.run(ending())
    assert (ended.reason, ended.goes_on, ended.detail) == (
        Reason.ERROR,
        True,
        "was stopped, and nobody said why",
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [({"reason": "left", "by": "ann"}, "ann hung up"), ({"reason": "left"}, "POST /leave, with the key")],
)
def test_who_ended_a_call_stands_in_its_end(body, said):
    """Hung up, asked to leave, said goodbye by itself: all of them were `left`, and nothing told them apart."""

    async def ending():
        bot = a_stay()
        await bot._do(Message("1-1", "leave", body, epoch=7))
        return bot._ending.result()

    ended = asyncio.run(ending())
    assert (ended.reason, ended.detail) == (Reason.LEFT, said)


def test_a_bot_that_ends_the_call_itself_says_so():
    async def ending():
        bot = a_stay()
        bot._state = State.LIVE
        performance = asyncio.create_task(returns())
        await asyncio.wait({performance})
        return bot._ended_by_itself(performance)

    assert asyncio.run(ending()).detail == "the bot ended the call itself"


class Told:
    """A ledger that is told things, and takes them."""

    def __init__(self):
        self.told = []

    async def run(self, step):
        self.told.append(step)

    async def run_each(self, steps):
        self.told += steps
        return [None for _ in steps]


def ended_alone(stay):
    """How many seconds from now the stay ends because nobody is there, and why."""
    assert stay._clock is not None
    ending = stay._clock._args[0]
    return round(stay._clock.when() - asyncio.get_running_loop().time()), ending.reason


MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("facts", "age", "is_next", "seconds", "reason"),
    [
        ({}, 0, False, 120, Reason.NO_SHOW),
        ({}, 600, False, 120, Reason.NO_SHOW),  # it waited in line, and has not been live before
        ({"alone_ms": 1 + MINUTE_MS}, 90, False, 90, Reason.NO_SHOW),
        ({"alone_ms": 1 + MINUTE_MS}, 900, True, 0, Reason.NO_SHOW),
        ({"person": "ann"}, 0, True, 300, Reason.IDLE),
        ({"person": "ann", "alone_ms": 1 + MINUTE_MS}, 120, True, 240, Reason.IDLE),
        ({"person": "ann", "alone_ms": 1 + MINUTE_MS}, 900, True, 0, Reason.IDLE),
        (
            {"person": "ann", "alone_ms": 1 + MINUTE_MS},
            900,
            False,
            30,
            Reason.IDLE,
        ),  # no bot was there to come back to
    ],
)
def test_the_clock_of_an_empty_room_runs_on_through_its_bots(facts, age, is_next, seconds, reason):
    async def expected():
        session = a_session(created_ms=1, **facts)
        errand = Errand(session, ME, "here", "a-token", is_next, timedelta(seconds=age), (), {})
        stay = Stay(errand, ledger=Told(), pulse=Told(), settings=Settings(), launches=None, reviving=None)
        stay._expect_person()
        return ended_alone(stay)

    assert asyncio.run(expected()) == (seconds, reason)


@pytest.mark.parametrize(("person", "reason"), [(None, Reason.NO_SHOW), ("ann", Reason.IDLE)])
def test_a_bot_that_is_alone_gives_its_slot_to_who_waits(person, reason):
    async def given_way():
        ledger = Told()
        stay = a_stay(ledger, person=person)
        stay._expect_person()
        await stay._obey(Message("1-1", "give_way", {}, epoch=7))
        return ledger.told, stay._ending.result()

    told, ending = asyncio.run(given_way())
    assert told == [Answer("a-session", "1-1", {"gives_way": True})]
    assert (ending.reason, ending.politely, ending.goes_on) == (reason, False, False)


def test_a_bot_to_whom_somebody_has_come_meanwhile_stays():
    async def stays():
        ledger = Told()
        stay = a_stay(ledger)
        stay._expect_person()
        await stay._arrived("ann")
        await stay._obey(Message("1-1", "give_way", {}, epoch=7))
        return ledger.told[-1], stay._ending.done()

    assert asyncio.run(stays()) == (Answer("a-session", "1-1", {"gives_way": False}), False)


def test_a_session_that_nobody_ever_visited_is_not_parked(monkeypatch):
    async def moved_out(person):
        stay = a_stay(Told(), person=person)
        parked = []

        async def no_slot():
            return False

        async def park():
            parked.append(True)
            return True

        monkeypatch.setattr(stay, "_hand_over", no_slot)
        monkeypatch.setattr(stay, "_park", park)
        stay._is_started.set_result(None)
        await stay._move_out()
        return stay._ending.result().reason, bool(parked)

    assert asyncio.run(moved_out(None)) == (Reason.NO_SHOW, False)
    assert asyncio.run(moved_out("ann")) == (Reason.SUPERSEDED, True)


def test_a_typed_line_is_acknowledged_once_it_is_written():
    """Acknowledged before, and not said again by the page, it was lost with the bot's process."""

    class Gate:
        def __init__(self):
            self.opened = asyncio.Event()

        async def run(self, _step):
            await self.opened.wait()

    def message(kind, **data):
        told = {"label": "rtvi-ai", "type": kind, "data": data}
        return OutputTransportMessageUrgentFrame(message=told)

    async def sent():
        gate, mouth = Gate(), Mouth()
        bot = a_stay(gate)
        bot._outbox.follow(SimpleNamespace(pipeline=Pipeline([mouth])))
        context = LLMContext()
        bot._turns._listen(SimpleNamespace(context=context, add_event_handler=lambda *_: None), "user")
        writing = asyncio.create_task(bot._turns.write())

        def kinds():
            return [said["type"] for said in mouth.sent]

        await mouth.send_message(message("user-input", text="hello", msg_id="1"))
        await mouth.send_message(message("user-input", text="spoken"))
        seen = [kinds()]
        context.add_message({"role": "user", "content": "hello"})
        await asyncio.sleep(0.1)
        seen.append(kinds())
        gate.opened.set()
        await asyncio.gather(*bot._chores)
        writing.cancel()
        return seen, [said["data"].get("msg_id") for said in mouth.sent]

    assert asyncio.run(sent()) == ([["user-input"], ["user-input"]], [None, "1"])


class Away:
    """A ledger that does not answer."""

    async def run(self, _step):
        raise RedisAway

    async def run_each(self, _steps):
        raise RedisAway


class Watchdog:
    """faulthandler's, which ends no process here."""

    def __init__(self):
        self.patience = []

    def dump_traceback_later(self, seconds, **_):
        self.patience.append(timedelta(seconds=seconds))


def test_the_watchdog_watches_from_before_a_bots_first_step_and_gives_the_end_all_its_time(monkeypatch):
    """A bot that blocked at once kept its slot for hours; and a beat at the end left it ten seconds of twenty."""
    dog, at_first = Watchdog(), []
    monkeypatch.setattr(stay, "faulthandler", dog)
    monkeypatch.setattr(stay, "WRITTEN_WITHIN", timedelta(seconds=1))
    for often in ("BEAT_EVERY", "BEAT_AGAIN_AFTER", "WATCHED_EVERY"):
        monkeypatch.setattr(stay, often, timedelta(seconds=0.05))

    async def lived():
        bot = a_stay(Away())

        async def speaks_and_goes(_arguments):
            at_first.extend(dog.patience)
            bot._turns._added({"role": "user", "content": "hello"})
            await asyncio.sleep(0.3)

        monkeypatch.setattr(stay, "load_bot", lambda _target: speaks_and_goes)
        await bot.run("a.bot:bot")

    with pytest.raises(EndUnwritten):
        asyncio.run(lived())
    assert at_first == [STALE_AFTER], "a bot that wakes after that disturbs the one that has its room"
    assert dog.patience[-1] == ENDS_WITHIN
