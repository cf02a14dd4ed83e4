"""Nobody's clock counts but Redis's own."""

import time
from datetime import timedelta

import pytest

from greenroom.app.rooms.asked_reaping import AwaitReaped, Deed, Reaped, TellReaped
from greenroom.app.rooms.clock import Now, Ping
from greenroom.app.rooms.conversations import (
    BeginConversation,
    CountMessages,
    ReadTurns,
    Record,
    TakeUp,
    Turn,
)
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.deadlines import ClearDeadline, OverdueRooms, SetDeadline
from greenroom.app.rooms.erasing import (
    ForgetConversation,
    ForgetSession,
    ForgetTold,
    ForgetUser,
    ForgetVisits,
    ForgetWords,
    IsRewriting,
    RewriteFile,
    SessionsOf,
)
from greenroom.app.rooms.extending import SetDuration
from greenroom.app.rooms.handovers import HandOver, Ready, Yield
from greenroom.app.rooms.inbox import Answer, AwaitAnswer, Receive, Send
from greenroom.app.rooms.leases import (
    STALE_AFTER,
    Adopt,
    Beaten,
    Claimed,
    Found,
    Held,
    Hold,
    NotYet,
    ReadRoom,
    Release,
    Supersede,
    Withdraw,
    WriteConfig,
)
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.letters import (
    ClaimLetters,
    DropLetter,
    Letter,
    PutLetters,
    ReadCursor,
    ReadDead,
    ReadWaitingLetters,
    SendAgain,
    SettleLetter,
)
from greenroom.app.rooms.line import FindPlace, LeaveLine, Line, Push, QueueLength
from greenroom.app.rooms.moves import CallOffMove, CommitMove, MoveFailure, Target
from greenroom.app.rooms.outboxes import (
    Changed,
    ChangedSessions,
    PutSessionAside,
    ReadOutbox,
    ReadWaiting,
    SessionKept,
    Settle,
    WaitingOutboxes,
)
from greenroom.app.rooms.pausing import Paused, ReadCall, SeenTo, SetCall, SetPause
from greenroom.app.rooms.probes import HaveLifetimes, KeptNames, LastRun, LeasedRooms, ReadCondition
from greenroom.app.rooms.procedures import Underway
from greenroom.app.rooms.rates import ClaimPeriod, CountRequest, Once, TimeLeft
from greenroom.app.rooms.room_states import Open, ReadState, WriteState
from greenroom.app.rooms.session_events import Note, ReadEvents
from greenroom.app.rooms.session_lists import (
    Forget,
    LastSession,
    LiveSessions,
    LongAlone,
    PageOfSessions,
    ReadSessions,
)
from greenroom.app.rooms.sessions import (
    Advance,
    Call,
    CountLaunch,
    LeaveAt,
    ReadSession,
    SetBrief,
    SetLeave,
    State,
    Succeed,
    Transition,
)
from greenroom.app.rooms.told import EndOfTold, Hear, Place, ReadTold, Sound
from greenroom.app.rooms.user_bots import ReadUserBot
from greenroom.app.rooms.vacancies import LastEmptied, NoteEmptied
from greenroom.app.rooms.voice_rooms import OpenVoiceRoom
from greenroom.app.rooms.workers import (
    AskHost,
    Host,
    ReadHeld,
    ReadHost,
    ReadHosts,
    Report,
    RequestedState,
    Retire,
)
from greenroom.app.storage.encoding import encode
from tests.rigs.makers import CELLAR, ME, STAGE, a_beat, a_claim, a_session, adopted
from tests.rigs.redis_world import settle

A_STEP_OF_EACH_KIND = [
    a_claim(),
    Adopt(STAGE, "a-token", ME, "h", "j"),
    a_beat(7),
    Release(STAGE, 7, ME),
    Withdraw(STAGE, 7),
    ReadRoom(STAGE),
    WriteConfig(STAGE, 7, {"voice": "deep"}),
    Hold(STAGE, 7, STALE_AFTER),
    Supersede(STAGE, "a-token", quiet_for=STALE_AFTER, raises_doubt=True),
    HandOver(STAGE, ME, 7, "a-token"),
    Ready(STAGE, "a-token", ME),
    Yield(STAGE, ME, 7, State.LIVE),
    SetDeadline(STAGE, STALE_AFTER),
    ClearDeadline(STAGE),
    OverdueRooms(),
    Create(a_session()),
    Transition("a-session", State.ENDED, 7),
    Advance("a-session", 7, None, Underway("a-procedure", "begun")),
    SetBrief("a-session", 7, a_session().brief),
    SetLeave("a-session", 7, LeaveAt(60_000, "POST /leave, with the key")),
    Succeed("a-session", 8, "lost", State.PENDING, is_crash=True),
    CommitMove(a_session(), Target(CELLAR, 8, "a-token"), ME),
    CallOffMove("a-session", CELLAR, 8, MoveFailure.UNREACHABLE, "away"),
    Forget("a-session", "ada"),
    ReadUserBot("ada"),
    Note("a-session", "person_arrived", 7),
    CountLaunch("a-session"),
    ReadSession("a-session"),
    LiveSessions(),
    PageOfSessions(),
    ReadSessions(("a-session",)),
    LongAlone(1, 10),
    ReadEvents("a-session"),
    SetPause("a-session", is_paused=True),
    Paused(),
    SeenTo("a-session", 1),
    SetCall("ada", Call("a-session", STAGE), is_there=True),
    ReadCall("ada"),
    SetDuration(a_session(), more=STALE_AFTER),
    Send("a-session", "say", {}, 7, STALE_AFTER),
    Receive("a-session", "0", STALE_AFTER),
    Answer("a-session", "1-1", {}),
    AwaitAnswer("a-session", "1-1", STALE_AFTER),
    TakeUp("a-session", "a-conversation", 7, (Turn("a-turn", "user", "words"),), 1),
    Record("a-session", "a-conversation", 7, Turn("a-turn", "user", "words")),
    ReadTurns("a-conversation"),
    BeginConversation("a-session", 7, "another-conversation", "main/bob"),
    CountMessages("a-conversation", "a-session"),
    WaitingOutboxes(),
    ReadOutbox("a-conversation"),
    Settle("a-conversation", ("a-mark",)),
    ReadWaiting(("a-conversation",)),
    ChangedSessions(),
    SessionKept(Changed("a-session", "1")),
    PutSessionAside("a-session"),
    SessionsOf("ada"),
    ForgetConversation("a-conversation"),
    ForgetWords("a-conversation", "ada"),
    ForgetSession("a-session"),
    ForgetVisits("a-session", "ada"),
    ForgetTold("main", "ada", False),
    IsRewriting(),
    RewriteFile(),
    ForgetUser("ada"),
    Report(Host("h", "bots", 1, 0, "1"), {"a-session": ME}),
    ReadHeld("h"),
    AskHost("h", RequestedState.DRAIN),
    Retire("h"),
    ReadHosts(),
    ReadHost("h"),
    ClaimPeriod("reap", STALE_AFTER),
    Push("a-queue", "a-message", "a-session", in_front=True),
    FindPlace("a-session"),
    Line(),
    LeaveLine("a-session"),
    QueueLength("a-queue"),
    Ping(),
    Now(),
    QueueLength("a-queue"),
    ReadCondition(),
    LastRun("reap"),
    LeasedRooms(),
    KeptNames(),
    HaveLifetimes(("a-name",)),
    LastSession(STAGE),
    WriteState(STAGE, 7, ME, {Open.NOTE: None}),
    ReadState(STAGE),
    Once("a-webhook", STALE_AFTER),
    TimeLeft("a-webhook"),
    NoteEmptied(STAGE, 1),
    OpenVoiceRoom("ada", STAGE),
    TellReaped("a-request", [Reaped(str(STAGE), Found.FREE, Deed.NOTHING)]),
    AwaitReaped("a-request", STALE_AFTER),
    CountRequest({"key": 1}),
    LastEmptied(STAGE),
    Hear("a-session", 7, (Sound("voice.speech.start", 1),)),
    ReadTold(Place()),
    EndOfTold(),
    ReadCursor("r"),
    PutLetters("r", "", "1-1", (Letter("a-session", "{}"),)),
    ClaimLetters("r", 10),
    SettleLetter("r", Letter("a-session", "{}")),
    ReadDead("r"),
    SendAgain("r", "1-1"),
    DropLetter("r", "1-1"),
    ReadWaitingLetters("r"),
]


@pytest.fixture
def clock(monkeypatch):
    """This process's clock, for tests that turn it."""
    real, real_ns = time.time, time.time_ns

    def turn(by):
        monkeypatch.setattr(time, "time", lambda: real() + by)
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(by * 10**9))

    return turn


def test_every_kind_of_step_is_here():
    assert {type(step) for step in A_STEP_OF_EACH_KIND} == set(Step.__subclasses__())


@pytest.mark.parametrize("step", A_STEP_OF_EACH_KIND, ids=lambda step: type(step).__name__)
def test_no_step_brings_a_time_of_its_own(step, clock):
    before = encode(step).calls
    clock(86_400)

    assert encode(step).calls == before


@pytest.mark.parametrize("by", [-3600, 3600])
def test_a_bot_whose_clock_is_an_hour_wrong_is_as_fresh_as_its_beats(ledger, clock, by):
    epoch = ledger.run(a_claim()).epoch
    clock(by)
    adopted(ledger)
    assert ledger.run(a_beat(epoch))[0] is Beaten.KEPT
    clock(0)

    assert isinstance(ledger.run(a_claim("another-token")), Held)
    found, _ = ledger.run(Supersede(STAGE, "a-new-token", quiet_for=STALE_AFTER, raises_doubt=True))
    assert found is Found.ALIVE
    assert timedelta(0) <= ledger.run(ReadRoom(STAGE)).age < timedelta(seconds=20)
    assert ledger.run(OverdueRooms()) == []


def test_a_clock_that_was_set_back_does_not_say_that_those_who_wait_were_passed_over(ledger, server):
    ledger.run(Push("a-queue", "a-launch", "a-session"))
    server.set("launches:served", (server.time()[0] + 3600) * 1000)
    assert ledger.run(FindPlace("a-session")).served_ms == 0

    ledger.run(Push("a-queue", "a-launch", "another"))
    ledger.run(LeaveLine("another"))
    place = ledger.run(FindPlace("a-session"))
    assert place.served_ms >= place.since_ms


@pytest.mark.parametrize("by", [-3600, 3600])
def test_a_claimer_whose_clock_is_an_hour_wrong_takes_no_live_bot_s_room(ledger, clock, by):
    ledger.run(a_claim())
    adopted(ledger)
    clock(by)

    assert isinstance(ledger.run(a_claim("another-token")), Held)


@pytest.mark.parametrize("by", [-3600, 3600])
def test_epochs_grow_whatever_the_claimers_clocks_say(ledger, server, redis_url, clock, by):
    first = ledger.run(a_claim()).epoch
    server.flushall()
    clock(by)
    assert isinstance(ledger.run(a_claim("another-token")), NotYet)
    settle(server)

    second = ledger.run(a_claim("another-token"))

    assert isinstance(second, Claimed)
    assert first < second.epoch < first + 60 * 10**6
