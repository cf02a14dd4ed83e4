"""Every key has a line in `keys.py` and a lifetime, after a day of traffic in miniature too."""

import ast
import inspect
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from greenroom.app.errors.sessions import LaunchFailed
from greenroom.app.providers.local import Local
from greenroom.app.queue_names import LAUNCHES
from greenroom.app.rooms.asked_reaping import TellReaped
from greenroom.app.rooms.conversations import BeginConversation, Record, TakeUp, Turn
from greenroom.app.rooms.creating import Create, Launching
from greenroom.app.rooms.extending import SetDuration
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.handovers import HandOver, Ready, Yield
from greenroom.app.rooms.inbox import Answer, Send
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leases import DOUBT_LASTS, PARKED_FOR, STALE_AFTER, Adoption, WriteConfig
from greenroom.app.rooms.leaving import Leaving
from greenroom.app.rooms.letters import DeadLetter, Letter, PutLetters, SettleLetter
from greenroom.app.rooms.line import Push
from greenroom.app.rooms.line_upkeep import Positions
from greenroom.app.rooms.messages import ask
from greenroom.app.rooms.outboxes import PutSessionAside, ReadOutbox, Settle
from greenroom.app.rooms.overview import Overview
from greenroom.app.rooms.parking import park
from greenroom.app.rooms.pausing import Paused, PauseUpkeep, SeenTo, SetCall, SetPause
from greenroom.app.rooms.procedures import follow
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.rates import ClaimPeriod, CountRequest, Once
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.requests.changing import Configure
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_states import Open, Opened, WriteState
from greenroom.app.rooms.session_events import Note
from greenroom.app.rooms.session_lists import Forget
from greenroom.app.rooms.sessions import (
    STARTS_WITHIN,
    Call,
    CountLaunch,
    ReadSession,
    Reason,
    State,
    Succeed,
    Transition,
)
from greenroom.app.rooms.sweeping import ORPHANED_AFTER, sweep
from greenroom.app.rooms.told import Hear, Sound
from greenroom.app.rooms.vacancies import NoteEmptied
from greenroom.app.rooms.voice_rooms import OpenVoiceRoom
from greenroom.app.rooms.workers import AskHost, Host, Report, RequestedState, Retire
from greenroom.app.storage import keys
from greenroom.app.storage.commands import COMMON, SOURCES
from greenroom.app.storage.conversations import OUTBOX_HOLDS
from greenroom.app.storage.encoding import encode
from tests.fakes.launches import RememberedLaunches
from tests.fakes.puppet import Puppet
from tests.redis.test_clocks import A_STEP_OF_EACH_KIND
from tests.rigs.makers import DIED, a_session, an_order
from tests.rigs.redis_world import pass_time

SECOND = timedelta(seconds=1)


def documented():
    """The table in keys.py: a pattern of each key, and what it says of its type and life."""
    rows = {}
    for line in (keys.__doc__ or "").splitlines():
        row = re.match(r"    (\S+:?\S*) +(json|string|hash|stream|list|zset) +(.+?)(?:   .*)?$", line)
        if row:
            pattern = re.sub(r"<\w+>", ".+", re.sub(r"[{}]", lambda brace: "\\" + brace[0], row[1]))
            rows[re.compile(pattern)] = (row[2], row[3])
    return rows


def line_of(key):
    return [line for pattern, line in documented().items() if pattern.fullmatch(key)]


def assert_all_is_documented_and_lapses(server):
    for key in server.scan_iter():
        if key == LAUNCHES:  # Celery's
            continue
        lines = line_of(key)
        assert len(lines) == 1, f"{key} has {len(lines)} lines in keys.py"
        kind, life = lines[0]
        assert server.type(key) == {"json": "string"}.get(kind, kind), key
        if key in keys.KEPT:
            assert life.startswith("kept")
        else:
            assert server.pttl(key) > 0, f"{key} has no lifetime"


class Day:
    """A product whose bots are puppets, over a real Redis."""

    def __init__(self, ledger, url):
        self.ledger = ledger
        self._url = url
        self.launches = RememberedLaunches()
        self.joining = Joining(ledger, self.launches)
        self.leaving = Leaving(ledger, Providers.of([Local()]))
        self.reaper = Reaper(ledger, self.launches)
        self.positions = Positions(ledger)
        self.overview = Overview(ledger)
        self.reviving = Reviving(ledger, self.launches)

    def pass_time(self, by):
        pass_time(self._url, by)

    def join(self, name, **more):
        facts = {"user_id": f"user-of-{name}", "metadata": {"a": [1]}, **more}
        self.joining.join(an_order(Room.parse(f"local:{name}"), **facts))
        return self.bot(name)

    def bot(self, name):
        """The bot of the last launch."""
        session, token = self.launches.asked[-1]
        return Puppet(self.ledger, session, token, owner=f"bots@here/job/{name}-{len(self.launches.asked)}")

    def reap(self):
        """What a reaper that comes twice does with bots that have not been heard for long."""
        self.pass_time(STALE_AFTER + SECOND)
        self.reaper.reap()
        self.pass_time(DOUBT_LASTS)
        self.reaper.reap()


class Shredder:
    """An archive that takes everything."""

    def keep_turns(self, batches):
        return []

    def keep_session(self, report):
        return None


@pytest.fixture
def day(ledger, redis_url):
    return Day(ledger, redis_url)


def live_through(day, server):
    """Everything that happens on a day, once; yields after each part."""
    ledger = day.ledger
    bots = Host(id="bots@here", kind="bots", slots=4, used=0, incarnation="1")
    ledger.run_all([Report(bots), ClaimPeriod("reap", timedelta(seconds=3)), CountRequest({"key": 9})])
    yield "workers report"
    ledger.run(AskHost("bots@here", RequestedState.DRAIN))
    ledger.run(Report(bots, {"a-session": "bots@here/job/1"}))
    yield "something is wanted of them"

    bot = day.join("talk")
    yield "a join"
    bot.go_live()
    assert day.join("talk").session.id == bot.session.id
    assert day.joining.wait(bot.session.id, SECOND) is State.LIVE
    yield "a bot is live"
    ledger.run(Send(bot.session.id, "offer", {"sdp": "v=0"}, bot.session.epoch, SECOND))
    yield "an offer is sent"
    bot.obey({"offer": {"answer": {}}})
    yield "an offer is answered"
    ledger.run(WriteConfig(bot.session.room, bot.session.epoch, {"voice": "deep"}))
    ledger.run(Note(bot.session.id, "person_arrived", bot.session.epoch))
    session, another = bot.session, "conversation-of-another"
    words, others_words = Turn("a-turn", "user", "words"), Turn("another-turn", "user", "words")
    ledger.run(Record(session.id, session.conversation_id, session.epoch, words))
    ledger.run(TakeUp(session.id, "of-last-week", session.epoch, (replace(words, sequence=3),), 3))
    ledger.run(BeginConversation(session.id, session.epoch, another, "main/bob"))
    ledger.run(Record(session.id, another, session.epoch, others_words))
    ledger.run(Hear(session.id, session.epoch, (Sound("voice.speech.start", 1),)))
    yield "something is said"
    first, second = Letter(session.id, "{}"), Letter("another", "{}")
    assert ledger.run(PutLetters("r", "", "1-1", (first, first, second), after_gap=True))
    server.set(keys.webhook_dropped("r"), 1, px=1000)  # a full queue takes thousands
    ledger.run(SettleLetter("r", first, again=SECOND))
    ledger.run(SettleLetter("r", second, dead=DeadLetter("1-1", "another", "{}", 9, "status 500", 1)))
    yield "it is told to a receiver"
    server.rpush(keys.outbox(another), *["{}"] * OUTBOX_HOLDS)
    ledger.run(Record(session.id, another, session.epoch, replace(others_words, id="no-room")))
    marks = [entry.mark for entry in ledger.run(ReadOutbox(another)).entries]
    ledger.run(Settle(another, tuple(marks), frozenset(marks)))
    ledger.run(PutSessionAside("refused"))
    bot.enter(State.WAITING)
    bot.beat(State.WAITING)
    day.overview.events(bot.session.id)
    yield "it is configured, and waits"
    everything = {name: Opened({"id": name}, "ann") for name in Open}
    assert ledger.run(WriteState(bot.session.room, bot.session.epoch, bot.owner, everything))
    yield "things are open in its room"
    ledger.run(SetPause(bot.session.id, is_paused=True, by="ada asked"))
    ledger.run(SetDuration(bot.session, more=SECOND))
    yield "it is paused, and may last longer"
    ledger.run(SetCall("ada", Call(bot.session.id, bot.session.room), is_there=True))
    ledger.run(SeenTo(bot.session.id, ledger.run(Paused())[0][1]))
    ledger.run(SetPause(bot.session.id, is_paused=False, by="ada asked"))
    yield "and is resumed"
    bot.leave(Reason.IDLE)
    PauseUpkeep(ledger).look()
    yield "it has left"
    assert server.keys("room:*") == []
    assert server.keys("bot:config:*") == []

    early = day.join("early")
    assert day.leaving.leave_room(early.session.room).status == "left"
    yield "one left before its bot had started"

    dead = day.join("dead").go_live()
    ledger.run(WriteConfig(dead.session.room, dead.session.epoch, {"voice": "deep"}))
    ledger.run(Send(dead.session.id, "say", {}, dead.session.epoch, SECOND))
    day.reap()
    yield "a dead bot's session waits for another"
    dead.beat()
    ledger.run(Answer(dead.session.id, "1-1", {}))
    yield "and it woke up"
    day.bot("dead").go_live()
    yield "another has its session"

    taken = day.join("taken").go_live()
    day.pass_time(STALE_AFTER + SECOND)
    day.joining = Joining(ledger, day.launches, sleep=lambda seconds: day.pass_time(SECOND * seconds))
    successor = day.join("taken", user_id="somebody-else").go_live()
    assert taken.session.id != successor.session.id
    yield "one was taken over"
    assert day.reaper.lost(successor.session.id, owner=successor.owner, failure=DIED)
    third = day.bot("taken").go_live()
    assert third.session.id == successor.session.id
    yield "and its successor's process died"
    epoch = ledger.run(HandOver(third.session.room, third.owner, third.session.epoch, "a-token"))
    ledger.run(day.launches.launch(third.session, "a-token", in_front=True))
    fourth = day.bot("taken")
    assert fourth.adopt() is Adoption.NEXT
    ledger.run(Ready(third.session.room, "a-token", fourth.owner))
    yield "it is being handed over"
    assert ledger.run(Yield(third.session.room, third.owner, third.session.epoch, State.LIVE)) == epoch
    ledger.run(Succeed(third.session.id, epoch, "handed_over"))
    yield "it was handed over"
    assert follow(
        ledger,
        park(ledger.run(ReadSession(third.session.id)), owner=fourth.owner, launches=day.launches),
    )
    day.positions.tell()
    yield "it is parked"

    late = day.join("late")
    for _ in range(4):
        day.pass_time(STARTS_WITHIN)
        ledger.run(Report(bots, {}))
        day.reaper.reap()
    with pytest.raises(LaunchFailed):
        day.joining.wait(late.session.id, SECOND)
    yield "one never started"
    late = day.join("queued")
    for _ in range(5):
        day.positions.tell()
        day.pass_time(STARTS_WITHIN)
        day.reaper.reap()
    with pytest.raises(LaunchFailed):
        day.joining.wait(late.session.id, SECOND)
    yield "for one there was no slot"

    through_a_wipe = day.join("wiped").go_live()
    yield "one is live"
    server.flushall()
    through_a_wipe.beat()
    for step in (
        Transition(through_a_wipe.session.id, State.WAITING, 1),
        CountLaunch(through_a_wipe.session.id),
    ):
        with pytest.raises(Exception, match="no session"):
            ledger.run(step)
    ledger.run(Note(through_a_wipe.session.id, "person_left", 1))
    ledger.run(Forget(through_a_wipe.session.id))
    yield "and goes on after Redis has lost everything"

    orphan = day.join("orphan").go_live()
    server.delete(keys.lease(orphan.session.room))
    day.pass_time(ORPHANED_AFTER)
    sweep(day.ledger)
    yield "one lost its room and was swept"

    ledger.run(Report(bots))
    ledger.run(Report(bots, {}))
    ledger.run(Once("livekit:EV_1", timedelta(minutes=15)))
    ledger.run(NoteEmptied(bot.session.room, 1_790_000_000_000))
    ledger.run(OpenVoiceRoom("ada", bot.session.room))
    ledger.run(TellReaped("a-request", []))
    yield "its room's server says something"
    ledger.run(Retire("bots@here"))
    ledger.run(Report(Host(id="control@here", kind="control", slots=8, used=0, incarnation="2")))
    yield "workers come and go"


def test_no_key_without_a_lifetime_or_a_line_is_left_at_any_time_of_a_day(day, server):
    seen = set()
    for part in live_through(day, server):
        assert part
        assert_all_is_documented_and_lapses(server)
        seen |= {pattern for pattern in documented() for key in server.scan_iter() if pattern.fullmatch(key)}

    assert seen == set(documented()), "a day in which every kind of key is used"


def test_nothing_is_left_when_everything_has_ended(day, server):
    for _ in live_through(day, server):
        pass

    for _ in range(10):
        day.reap()
        day.pass_time(PARKED_FOR / 10)
    sweep(day.ledger)
    day.positions.tell()
    day.overview.hosts()
    server.delete(LAUNCHES)
    Flusher(day.ledger, Shredder()).flush()
    assert [key for key in server.scan_iter() if key in keys.KEPT] == [keys.MEMORY]
    day.pass_time(timedelta(days=31))

    assert server.keys() == [keys.MEMORY]


def test_an_ended_day_leaves_no_key_that_lasts_longer_than_a_month(day, server):
    for _ in live_through(day, server):
        longest = max((server.pttl(key) for key in server.scan_iter()), default=0)
        assert longest <= timedelta(days=30) / timedelta(milliseconds=1)


def test_every_kind_of_key_that_is_made_has_its_line():
    made = []
    for name, make in inspect.getmembers(keys, inspect.isfunction):
        wanted, makes = list(inspect.signature(make).parameters), inspect.signature(make).return_annotation
        if makes is bool:  # it tells of a key
            continue
        values = {"room": Room.parse("local:stage"), "session_id": "s", "message_id": "1-1"}
        key = make(*[values.get(parameter, "x") for parameter in wanted])
        made += [(name, each) for each in (key if isinstance(key, tuple) else (key,))]
    made += [("kept", key) for key in keys.KEPT]

    assert {name: len(line_of(key)) for name, key in made} == {name: 1 for name, _ in made}
    assert len(documented()) == len({key for _, key in made})


def test_a_room_s_keys_lie_in_one_slot_and_so_do_a_session_s(server):
    room = Room.parse("local:stage")

    of_room = [
        keys.lease(room),
        keys.epoch(room),
        keys.keepalive(room),
        keys.config(room),
        *keys.room_state(room),
    ]
    of_session = [
        keys.session("s"),
        keys.events("s"),
        keys.inbox("s"),
        keys.sent("s", "a-nonce"),
        keys.answer("s", "1-1"),
        keys.turns("s"),
    ]

    assert {re.search(r"\{(.+?)\}", key)[1] for key in of_room} == {"local:stage"}
    assert {re.search(r"\{(.+?)\}", key)[1] for key in of_session} == {"s"}


def slots_of(call):
    return {re.sub(r".*\{(.+)\}.*", r"\1", key) for key in call.args[1 : 1 + call.args[0]]}


def test_a_script_that_takes_keys_of_several_slots_says_what_would_be_lost_between_two():
    launching = Launching(Push("a-queue", "a-message", "a-session"))
    steps = [
        *A_STEP_OF_EACH_KIND,
        Create(a_session(), launching),
        Once("a-webhook", SECOND, "a-queue", "a-message"),
        CountRequest({"key": 1, "link": 1}),
    ]
    scripts = [call for step in steps for call in encode(step).calls if call.script]

    assert {call.script for call in scripts if len(slots_of(call)) > 1} == set(keys.ACROSS_SLOTS)


def test_keys_are_made_in_one_place_only():
    """No string that looks like a key of ours stands in code outside keys.py."""
    starts = tuple({pattern.pattern.split(r"\{")[0] for pattern in documented()})
    found = []
    for path in (Path(keys.__file__).parent.parent).rglob("*.py"):
        if path.name == "keys.py":
            continue
        found += [
            (path.name, node.value)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and ":" in node.value
            if node.value.startswith(starts) and not node.value.startswith("host:")
        ]

    assert found == []


@pytest.mark.parametrize("name", SOURCES)
def test_a_script_s_header_is_its_signature(name):
    source = SOURCES[name]
    header = "\n".join(line for line in source.splitlines() if line.startswith("--"))
    code = "\n".join(line for line in source.splitlines() if not line.startswith("--"))

    assert header.startswith(f"-- {name}: ")
    assert "-- returns " in header
    for table in ("KEYS", "ARGV"):
        described = {int(number) for number in re.findall(rf"-- {table}\[(\d+)", header)}
        used = {int(number) for number in re.findall(rf"{table}\[(\d+)\]", code)}
        last_is_several = re.search(rf"-- {table}\[{len(described)}\.\.\.\]", header)
        explained = {number for number in used if number in described or last_is_several}
        assert used == explained, f"{name} uses a {table} that its header does not explain"
        assert described == set(range(1, len(described) + 1))


@pytest.mark.parametrize("name", SOURCES)
def test_a_script_touches_only_keys_that_it_was_given(name):
    for command, first in re.findall(r'redis\.call\("(\w+)"(?:, *([^,)]+))?', COMMON + SOURCES[name]):
        assert command == "TIME" or not first.startswith('"'), f"{name} names a key of its own: {first}"


def test_asking_changes_nothing_for_nobody(day, server, monkeypatch):
    """A message to a session that nobody reads goes away by itself."""
    bot = day.join("talk").go_live()
    monkeypatch.setattr(Configure, "within", timedelta(milliseconds=20))
    with pytest.raises(Exception, match="did not answer"):
        ask(day.ledger, bot.session, Configure({}))

    assert_all_is_documented_and_lapses(server)
