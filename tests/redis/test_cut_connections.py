"""A connection that is cut in the middle of a command: asked once more, and every step may be."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta

import pytest

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.conversations import BeginConversation, ReadTurns, Record, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.handovers import HandOver, HandoverTurn, Ready, Yield
from greenroom.app.rooms.inbox import Answer, AwaitAnswer, Receive, Send
from greenroom.app.rooms.leases import (
    PENDING_FOR,
    Adopt,
    Adoption,
    Beaten,
    Claimed,
    Found,
    Hold,
    ReadRoom,
    Successor,
    Supersede,
    Withdraw,
)
from greenroom.app.rooms.line import Line, Push
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.sessions import ReadSession, State, Succeed, Transition
from greenroom.app.rooms.workers import AskHost, Host, ReadHeld, ReadHost, Report, RequestedState
from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.makers import ME, OTHER, STAGE, a_beat, a_claim, a_session, adopted
from tests.rigs.redis_world import Awaited


class Scissors:
    """Stands before Redis, and cuts the next connections: before what is sent arrives, or before the reply does."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.before_it_arrives = 0
        self.before_the_reply = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for end in self._open:
            self._cut(end)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._path)
                self._open += [near, far]
                for source, target, is_cut in (
                    (near, far, self._cuts_request),
                    (far, near, self._cuts_reply),
                ):
                    self._threads.append(threading.Thread(target=self._carry, args=(source, target, is_cut)))
                    self._threads[-1].start()

    def _carry(self, source: socket.socket, target: socket.socket, is_cut: Callable[[], bool]) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_cut():
                    break
                target.sendall(data)
        self._cut(source)
        self._cut(target)

    def _cuts_request(self) -> bool:
        self.before_it_arrives -= 1
        return self.before_it_arrives >= 0

    def _cuts_reply(self) -> bool:
        self.before_the_reply -= 1
        return self.before_the_reply >= 0

    @staticmethod
    def _cut(end: socket.socket) -> None:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@pytest.fixture
def scissors(redis_url, server):
    with closing(Scissors(redis_url.removeprefix("unix://"))) as it:
        yield it


@pytest.fixture(params=[RedisLedger, Awaited], ids=["waiting", "awaited"])
def ledger(request, scissors):
    with closing(request.param(scissors.url)) as it:
        it.run(Withdraw(STAGE, 1))  # connected, and its handshake is over
        yield it


@pytest.mark.parametrize("where", ["before_it_arrives", "before_the_reply"])
def test_what_was_cut_once_is_asked_again(ledger, scissors, where):
    setattr(scissors, where, 1)

    assert isinstance(ledger.run(a_claim()), Claimed)


@pytest.mark.parametrize("where", ["before_it_arrives", "before_the_reply"])
def test_what_is_cut_again_and_again_is_away(ledger, scissors, where):
    setattr(scissors, where, 1000)

    with pytest.raises(RedisAway):
        ledger.run(a_claim())


def test_a_step_whose_reply_was_lost_has_one_effect(ledger, scissors):
    scissors.before_the_reply = 1
    epoch = ledger.run(a_claim()).epoch
    scissors.before_the_reply = 1
    assert ledger.run(Adopt(STAGE, "a-token", ME, "h", "j")) == (Adoption.ADOPTED, epoch)
    scissors.before_the_reply = 1
    ledger.run(Create(a_session()))
    scissors.before_the_reply = 1
    ledger.run(Transition("a-session", State.JOINING, 7))

    assert ledger.run(a_claim()) == Claimed(epoch, "session-of-a-token")
    assert ledger.run(ReadSession("a-session")).version == 2
    assert [event.event for event in ledger.run(ReadEvents("a-session"))] == ["pending", "joining"]


def test_an_answer_whose_reply_was_lost_is_heard_all_the_same(ledger, scissors):
    """Of 5,000 commands over cut connections six were done, and their callers were told that the bot was silent."""
    ledger.run(Create(a_session()))
    message_id = ledger.run(Send("a-session", "config", {}, 7, timedelta(seconds=10)))
    ledger.run(Answer("a-session", message_id, {"done": True}))
    scissors.before_the_reply = 1

    assert ledger.run(AwaitAnswer("a-session", message_id, timedelta(seconds=0.5))) == {"done": True}


def once(ledger, scissors, step, where="before_the_reply"):
    """A step whose connection is cut the first time."""
    setattr(scissors, where, 1)
    outcome = ledger.run(step)
    assert getattr(scissors, where) < 0, "nothing was cut"
    return outcome


def told(ledger):
    return [event.event for event in ledger.run(ReadEvents("a-session"))]


WHERE = pytest.mark.parametrize("where", ["before_it_arrives", "before_the_reply"])


@WHERE
def test_a_hand_over_that_was_cut_at_each_step_has_happened_once(ledger, scissors, where):
    ledger.run(a_claim())
    epoch = adopted(ledger)

    after = once(ledger, scissors, HandOver(STAGE, ME, epoch, "successor"), where)
    assert after > epoch
    assert once(ledger, scissors, Adopt(STAGE, "successor", OTHER, "h", "j"), where) == (Adoption.NEXT, after)
    assert once(ledger, scissors, Ready(STAGE, "successor", OTHER), where) is HandoverTurn.WAIT
    assert ledger.run(ReadRoom(STAGE)).lease.successor == Successor(after, is_ready=True)
    assert once(ledger, scissors, Yield(STAGE, ME, epoch, State.LIVE), where) == after
    assert once(ledger, scissors, Ready(STAGE, "successor", OTHER), where) is HandoverTurn.YOURS
    assert once(ledger, scissors, a_beat(after, owner=OTHER), where) == (Beaten.KEPT, [])
    lease = ledger.run(ReadRoom(STAGE)).lease
    assert (lease.owner, lease.epoch, lease.successor) == (OTHER, after, None)


@WHERE
def test_a_session_whose_change_of_bots_was_cut_at_each_step_went_on_once(ledger, scissors, where):
    ledger.run_all([a_claim(), Create(a_session())])
    epoch = adopted(ledger)

    finding, lease = once(ledger, scissors, Supersede(STAGE, "a-new-token", owner=ME, epoch=epoch), where)
    assert finding is Found.SUPERSEDED
    assert ledger.run(ReadRoom(STAGE)).lease == lease
    step = Succeed("a-session", 8, "lost", State.PENDING, is_crash=True)
    succession = once(ledger, scissors, step, where)
    assert (succession.crashes, succession.session.version) == (1, 2)
    assert told(ledger) == ["pending", "lost", "pending"]
    assert once(ledger, scissors, Hold(STAGE, lease.epoch, PENDING_FOR), where) is True
    assert once(ledger, scissors, Push("a-queue", "a-launch", "a-session", in_front=True), where) is None
    assert ledger.run(Line()) == ["a-session"]  # and perhaps two launches, of which one is adopted


@WHERE
def test_what_was_said_and_cut_is_kept_once(ledger, scissors, where):
    ledger.run(Create(a_session()))

    assert (
        once(
            ledger, scissors, Record("a-session", "a-conversation", 7, Turn("a-turn", "user", "words")), where
        )
        == 1
    )
    assert [turn.id for turn in ledger.run(ReadTurns("a-conversation"))] == ["a-turn"]
    assert once(ledger, scissors, BeginConversation("a-session", 7, "another", "main/bob"), where) is True
    assert ledger.run(ReadSession("a-session")).conversation_id == "another"


@WHERE
def test_a_message_that_was_cut_is_sent_once(ledger, scissors, where):
    message_id = once(ledger, scissors, Send("a-session", "say", {}, 7, PENDING_FOR), where)

    assert [message.id for message in ledger.run(Receive("a-session", "0", timedelta(0)))] == [message_id]


@WHERE
def test_a_worker_s_report_that_was_cut_is_one(ledger, scissors, where):
    host = Host("bots@here", "bots", 4, 1, "1")
    ledger.run(Report(host))
    ledger.run(AskHost("bots@here", RequestedState.DRAIN))

    assert once(ledger, scissors, Report(host, {"a-session": ME}), where) is RequestedState.DRAIN
    assert ledger.run(ReadHeld("bots@here")) == {"a-session": ME}
    assert ledger.run(ReadHost("bots@here")) == host


def test_a_connection_that_is_reset_as_soon_as_it_is_there_is_away():
    """One in a hundred raised RuntimeError, which is not among what a bot survives: uvloop has a word of its own."""
    with socket.create_server(("127.0.0.1", 0)) as reset_all:
        threading.Thread(target=reset, args=(reset_all,), daemon=True).start()
        with closing(Awaited(f"redis://127.0.0.1:{reset_all.getsockname()[1]}/0")) as ledger:
            for _ in range(400):
                with pytest.raises(RedisAway):
                    ledger.run(Withdraw(STAGE, 1))
        reset_all.shutdown(socket.SHUT_RDWR)


def reset(listening):
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


def test_a_beat_is_not_asked_twice(scissors):
    with closing(Awaited(scissors.url, retries=0)) as pulse:
        pulse.run(Withdraw(STAGE, 1))
        scissors.before_it_arrives = 1

        with pytest.raises(RedisAway):
            pulse.run(Withdraw(STAGE, 1))
        assert pulse.run(Withdraw(STAGE, 1)) is False
