"""Many at once, on the real server: one wins, and no epoch is given twice."""

import json
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest

from greenroom.app.rooms.conversations import ReadTurns, Record, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.deadlines import OverdueRooms
from greenroom.app.rooms.handovers import HandOver, HandoverTurn, Ready, Yield
from greenroom.app.rooms.inbox import Answer, AwaitAnswer, Receive, Send
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leases import (
    DOUBT_LASTS,
    STALE_AFTER,
    Adopt,
    Adoption,
    Claimed,
    Found,
    ReadRoom,
    Release,
    Supersede,
    Withdraw,
)
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.session_events import Note, ReadEvents
from greenroom.app.rooms.session_lists import LiveSessions
from greenroom.app.rooms.sessions import ReadSession, State
from greenroom.app.rooms.sweeping import sweep
from greenroom.app.storage import keys
from greenroom.app.storage.ledger import RedisLedger
from tests.fakes.launches import RememberedLaunches
from tests.fakes.puppet import Puppet
from tests.rigs.makers import ME, OTHER, STAGE, a_beat, a_claim, a_session, adopted, an_order, of_bob
from tests.rigs.redis_world import pass_time

PROCESSES, THREADS = 4, 25
GIVES_UP_AFTER = 60  # seconds
CLAIMERS = f"""
import json, sys, threading, time
from greenroom.app.rooms.leases import Claimed
from greenroom.app.rooms.leases import Withdraw
from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.makers import STAGE, a_claim

ledger, me = RedisLedger(sys.argv[1]), sys.argv[2]

def claim(number):
    start.wait()
    if isinstance(outcome := ledger.run(a_claim(f"{{me}}-{{number}}")), Claimed):
        won.append(outcome.epoch)

def claim_and_give_back(number):
    start.wait()
    gives_up_at = time.monotonic() + {GIVES_UP_AFTER}
    while not isinstance(outcome := ledger.run(a_claim(f"{{me}}-{{number}}")), Claimed):
        assert time.monotonic() < gives_up_at
    won.append(outcome.epoch)
    ledger.run(Withdraw(STAGE, outcome.epoch))

print("ready", flush=True)
for line in sys.stdin:
    won, start, act = [], threading.Barrier({THREADS}), globals()[line.strip()]
    threads = [threading.Thread(target=act, args=(number,)) for number in range({THREADS})]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(json.dumps(won), flush=True)
"""


@pytest.fixture(scope="module")
def several_processes(redis_url):
    """Each claims with all its threads when it is told how."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMERS, redis_url, f"process-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    try:
        for process in started:
            assert process.stdout.readline() == "ready\n"
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def won_by(processes, how):
    """The epochs that were won by all claimers together; they start at one word."""
    for process in processes:
        process.stdin.write(f"{how}\n")
        process.stdin.flush()
    return [epoch for process in processes for epoch in json.loads(process.stdout.readline())]


def at_once(*acts):
    """What each act returns, all of them started together."""
    results, barrier = [None] * len(acts), threading.Barrier(len(acts))

    def run(number):
        barrier.wait()
        results[number] = acts[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def launches():
    return RememberedLaunches()


@pytest.mark.heavy
def test_of_a_hundred_claimers_in_four_processes_one_has_the_room(ledger, several_processes):
    won = won_by(several_processes, "claim")

    assert len(won) == 1
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == won[0]


@pytest.mark.heavy
def test_no_epoch_is_given_twice_however_often_a_room_changes_hands(several_processes, ledger):
    won = won_by(several_processes, "claim_and_give_back")

    assert len(won) == len(set(won)) == PROCESSES * THREADS


def test_an_epoch_is_redis_s_time_in_microseconds_or_one_more_than_the_last(ledger, server):
    before = server.time()
    epoch = ledger.run(a_claim()).epoch
    after = server.time()
    assert before[0] * 10**6 + before[1] <= epoch <= after[0] * 10**6 + after[1]
    ledger.run(Withdraw(STAGE, epoch))

    future = 10**6 * (after[0] + 3600)
    server.set("room_epoch:{local:stage}", future)

    assert ledger.run(a_claim("later")).epoch == future + 1


def test_an_epoch_that_is_ahead_of_redis_s_clock_grows_by_one_with_each_change_of_hands(ledger, server):
    future = 10**6 * (server.time()[0] + 3600)
    server.set("room_epoch:{local:stage}", future)
    epoch = ledger.run(a_claim()).epoch
    adopted(ledger, owner=ME)

    named = [ledger.run(HandOver(STAGE, ME, epoch, f"successor-{number}")) for number in range(2)]
    _, lease = ledger.run(Supersede(STAGE, "a-new-token", owner=ME))
    ledger.run(Withdraw(STAGE, lease.epoch))

    epochs = [epoch, *named, lease.epoch, ledger.run(a_claim("later")).epoch]
    assert epochs == list(range(future + 1, future + 6))


def test_the_last_digit_of_an_epoch_is_kept(ledger, server):
    future = 10**6 * (server.time()[0] + 3600)
    for last in (future + 1, future + 2, 2**52 - 1):
        server.set("room_epoch:{local:stage}", last)
        claimed = ledger.run(a_claim(f"token-{last}"))
        assert claimed.epoch == last + 1
        assert ledger.run(ReadRoom(STAGE)).lease.epoch == last + 1
        assert ledger.run(Adopt(STAGE, f"token-{last}", "me", "h", "j")) == (Adoption.ADOPTED, last + 1)
        server.delete("room_active:{local:stage}")


def test_the_epoch_is_remembered_for_thirty_days(ledger, server):
    ledger.run(a_claim())

    assert server.pttl("room_epoch:{local:stage}") > timedelta(days=29) / timedelta(milliseconds=1)


def fall_silent(redis_url, ledger):
    """The room's bot is not heard, and doubted, for as long as it takes to be dead."""
    pass_time(redis_url, STALE_AFTER + timedelta(seconds=1))
    assert ledger.run(Supersede(STAGE, "a-look", raises_doubt=True))[0] is Found.DOUBTED
    pass_time(redis_url, DOUBT_LASTS)


def test_of_many_takers_over_of_a_stale_room_one_has_it(ledger, redis_url):
    ledger.run(a_claim("old"))
    adopted(ledger, "old")
    fall_silent(redis_url, ledger)

    outcomes = at_once(*[lambda n=n: ledger.run(of_bob(f"new-{n}")) for n in range(30)])

    [winner] = [outcome for outcome in outcomes if isinstance(outcome, Claimed)]
    assert winner.took_over == "session-of-old"
    assert {outcome.lease.epoch for outcome in outcomes if outcome is not winner} == {winner.epoch}


def test_of_many_who_see_a_bot_dead_one_gives_its_session_on(ledger, redis_url):
    """Its parent, the reaper, and its user who is back."""
    ledger.run(a_claim("old"))
    adopted(ledger, "old", owner=ME)
    fall_silent(redis_url, ledger)

    acts = [lambda n=n: ledger.run(Supersede(STAGE, f"parent-{n}", owner=ME)) for n in range(10)]
    acts += [
        lambda n=n: ledger.run(Supersede(STAGE, f"reaper-{n}", quiet_for=STALE_AFTER, raises_doubt=True))
        for n in range(10)
    ]
    acts += [lambda n=n: ledger.run(a_claim(f"user-{n}")) for n in range(10)]
    outcomes = at_once(*acts)

    given = [
        each
        for each in outcomes
        if isinstance(each, Claimed) or (isinstance(each, tuple) and each[0] is Found.SUPERSEDED)
    ]
    assert len(given) == 1
    assert ledger.run(ReadRoom(STAGE)).lease.session_id == "session-of-old"


def test_of_many_deliveries_at_once_one_adopts(ledger):
    epoch = ledger.run(a_claim()).epoch

    outcomes = at_once(
        *[lambda n=n: ledger.run(Adopt(STAGE, "a-token", f"me/{n}", "h", "j")) for n in range(30)]
    )

    assert Counter(outcomes) == {(Adoption.ADOPTED, epoch): 1, (Adoption.TAKEN, 0): 29}


def test_withdrawing_and_adopting_at_once_only_one_happens(ledger):
    for turn in range(20):
        epoch = ledger.run(a_claim(f"token-{turn}")).epoch
        withdrawn, (adoption, _) = at_once(
            lambda epoch=epoch: ledger.run(Withdraw(STAGE, epoch)),
            lambda turn=turn: ledger.run(Adopt(STAGE, f"token-{turn}", "me", "h", "j")),
        )
        assert withdrawn is (adoption is Adoption.LAPSED)
        ledger.run(Release(STAGE, epoch, "me"))


def test_a_bot_that_yields_as_it_is_superseded_gives_its_room_to_one(ledger):
    for turn in range(20):
        ledger.run(a_claim(f"token-{turn}"))
        epoch = adopted(ledger, f"token-{turn}", owner=ME)
        next_epoch = ledger.run(HandOver(STAGE, ME, epoch, f"successor-{turn}"))
        ledger.run_all(
            [Adopt(STAGE, f"successor-{turn}", OTHER, "h", "j"), Ready(STAGE, f"successor-{turn}", OTHER)]
        )

        yielded, (finding, lease), (beaten, _) = at_once(
            lambda epoch=epoch: ledger.run(Yield(STAGE, ME, epoch, State.LIVE)),
            lambda turn=turn: ledger.run(Supersede(STAGE, f"third-{turn}", owner=ME)),
            lambda epoch=epoch: ledger.run(a_beat(epoch, owner=ME)),
        )

        successors_turn = ledger.run(Ready(STAGE, f"successor-{turn}", OTHER))
        if finding is Found.SUPERSEDED:
            assert (yielded, successors_turn) == (None, HandoverTurn.LAPSED)
            ledger.run(Withdraw(STAGE, lease.epoch))
        else:
            assert (finding, yielded, successors_turn) == (Found.OTHER, next_epoch, HandoverTurn.YOURS)
            ledger.run(Release(STAGE, next_epoch, OTHER))
        assert beaten in ("kept", "superseded")
        assert ledger.run(ReadRoom(STAGE)).lease is None


def test_of_many_who_write_one_turn_at_once_one_does(ledger):
    ledger.run(Create(a_session()))
    written = at_once(
        *[
            lambda: ledger.run(Record("a-session", "a-conversation", 7, Turn("a-turn", "user", "words")))
            for _ in range(20)
        ]
    )

    assert written == [True] * 20
    assert len(ledger.run(ReadTurns("a-conversation"))) == 1


def test_a_thousand_joins_at_once_make_one_session(ledger, launches):
    joining = Joining(ledger, launches)

    joined = at_once(*[lambda: [joining.join(an_order()) for _ in range(50)]] * 20)

    everybody = [each for batch in joined for each in batch]
    assert len(everybody) == 1000
    assert {each.session_id for each in everybody} == set(launches.session_ids)
    assert [each.reused for each in everybody].count(False) == len(launches.asked) == 1
    assert ledger.run(LiveSessions()) == launches.session_ids


def test_two_reapers_at_once_have_one_effect(ledger, launches, redis_url):
    Joining(ledger, launches).join(an_order())
    session, token = launches.asked[0]
    Puppet(ledger, session, token).go_live()
    fall_silent(redis_url, ledger)
    reapers = [Reaper(RedisLedger(redis_url), launches) for _ in range(2)]

    found = at_once(*[reaper.reap for reaper in reapers])

    assert sum((each[Found.SUPERSEDED] for each in found), 0) == 1
    events = [event.event for event in ledger.run(ReadEvents(session.id))]
    assert events == ["pending", "joining", "live", "lost", "pending"]
    assert launches.session_ids == [session.id] * 2
    assert ledger.run(OverdueRooms()) == []


def test_two_sweepers_at_once_have_one_effect(ledger, launches, redis_url, server):
    Joining(ledger, launches).join(an_order())
    session_id = launches.session_ids[0]
    pass_time(redis_url, timedelta(seconds=91))
    ledgers = [RedisLedger(redis_url) for _ in range(2)]

    at_once(*[partial(sweep, each) for each in ledgers])

    assert [event.event for event in ledger.run(ReadEvents(session_id))] == ["pending", "lost", "ended"]
    assert ledger.run(LiveSessions()) == []


@pytest.mark.parametrize("user_id", ["ada", "bob"])
def test_a_dead_bot_s_room_joined_and_reaped_at_once_has_one_new_bot(ledger, launches, redis_url, user_id):
    joining = Joining(ledger, launches)
    for turn in range(10):
        joining.join(an_order())
        session, token = launches.asked[-1]
        Puppet(ledger, session, token, owner=f"bots@here/job/{turn}").go_live()
        fall_silent(redis_url, ledger)
        before = len(launches.asked)

        joined, _, again = at_once(
            lambda: joining.join(an_order(user_id=user_id)),
            lambda: Reaper(ledger, launches).reap(),
            lambda: joining.join(an_order(user_id=user_id)),
        )

        assert joined.session_id == again.session_id
        assert len(launches.asked) == before + 1
        successor, token = launches.asked[-1]
        assert successor.id == joined.session_id
        if successor.id != session.id:
            assert user_id == "bob"
            assert ledger.run(ReadSession(session.id)).state is State.ENDED
        Puppet(ledger, successor, token, owner=f"bots@there/job/{turn}").go_live().leave()


def test_of_many_answers_at_once_one_counts(ledger):
    ledger.run(Create(a_session()))
    message_id = ledger.run(Send("a-session", "say", {}, 7, timedelta(seconds=10)))
    at_once(*[lambda n=n: ledger.run(Answer("a-session", message_id, {"n": n})) for n in range(10)])

    answers = [
        ledger.run(AwaitAnswer("a-session", message_id, timedelta(milliseconds=20))) for _ in range(10)
    ]
    assert answers[0] is not None
    assert answers == answers[:1] * 10


def test_who_waits_is_woken_by_what_comes(ledger, server, redis_url):
    ledger.run(Create(a_session()))
    last = ledger.run(ReadEvents("a-session"))[-1].id
    message_id = ledger.run(Send("a-session", "say", {}, 7, timedelta(seconds=10)))
    wait = timedelta(seconds=1.5)

    answer, events, messages, *_ = at_once(
        lambda: ledger.run(AwaitAnswer("a-session", message_id, wait)),
        lambda: ledger.run(ReadEvents("a-session", after=last, wait=wait)),
        lambda: ledger.run(Receive("a-session", message_id, wait)),
        lambda: ledger.run(Answer("a-session", message_id, {"done": True})),
        lambda: ledger.run(Note("a-session", "person_arrived", 7)),
        lambda: ledger.run(Send("a-session", "leave", {}, 7, timedelta(seconds=10))),
    )

    assert answer == {"done": True}
    assert server.pttl(keys.answer("a-session", message_id)) > 0
    assert [event.event for event in events] == ["person_arrived"]
    assert [message.kind for message in messages] == ["leave"]
