"""What a batch promises: its order, nobody in between, a refusal in its place, whatever Redis has forgotten."""

from datetime import timedelta
from itertools import pairwise

import pytest

from greenroom.app.errors.sessions import IllegalTransition, NoSuchSession
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.inbox import Receive, Send
from greenroom.app.rooms.leases import Claimed, ReadRoom, Withdraw
from greenroom.app.rooms.rates import ClaimPeriod, CountRequest
from greenroom.app.rooms.session_lists import ReadSessions
from greenroom.app.rooms.sessions import ReadSession, State, Transition
from greenroom.app.storage.commands import HEADERS, SCRIPTS, Call, script
from greenroom.app.storage.encoding import encode
from greenroom.app.storage.ledger import RedisLedger
from tests.redis.test_clocks import A_STEP_OF_EACH_KIND
from tests.rigs.makers import STAGE, a_claim, a_session
from tests.rigs.redis_world import Awaited

LASTS = timedelta(seconds=10)
A_BATCH = [
    Now(),
    a_claim(),
    ReadRoom(STAGE),
    Create(a_session()),
    ReadSession("a-session"),
    ClaimPeriod("work", LASTS),
    CountRequest({"key": 9}),
    Transition("a-session", State.ENDED, 7),
    ReadSessions(("a-session",)),
]
READS = {
    "BLMOVE",  # to where it was
    "BGREWRITEAOF",  # its own file alone
    "XREVRANGE",
    "ZCARD",
    "HLEN",
    "GET",
    "HGETALL",
    "INFO",
    "LLEN",
    "LRANGE",
    "MGET",
    "PING",
    "PTTL",
    "SCAN",
    "TIME",
    "XREAD",
    "ZRANGE",
    "ZRANGEBYSCORE",
    "HGET",
}


@pytest.fixture(params=[RedisLedger, Awaited])
def ledger(request, redis_url, server):
    ledger = request.param(redis_url)
    yield ledger
    ledger.close()


@pytest.mark.parametrize("kind", [RedisLedger, Awaited])
def test_a_batch_without_steps_asks_nobody_and_neither_does_one_step_of_nothing(kind):
    nobody = kind("redis://127.0.0.1:1/0")
    try:
        assert nobody.run_all([]) == []
        assert nobody.run(ReadSessions(())) == []
    finally:
        nobody.close()


@pytest.mark.parametrize("step", A_STEP_OF_EACH_KIND, ids=lambda step: type(step).__name__)
def test_what_writes_is_one_script(step):
    """Then Redis knows either all that a batch writes, or nothing of it."""
    calls = encode(step).calls

    assert [call for call in calls if call.script] == [] or len(calls) == 1
    assert {call.args[0] for call in calls if not call.script} <= READS


@pytest.mark.parametrize("position", range(len(A_BATCH)))
def test_a_batch_is_done_once_and_in_order_wherever_its_scripts_were_forgotten(ledger, server, position):
    results = ledger.run_all(A_BATCH[:position])
    server.script_flush()
    results += ledger.run_all(A_BATCH[position:])
    _, claimed, view, created, session, is_mine, wait, ended, [found] = results

    assert view.lease.epoch == claimed.epoch
    assert (created.outcome, session.state) == ("written", State.PENDING)
    assert is_mine is True, "it was done twice"
    assert (wait, server.get("requests:{key}")) == (None, "1")
    assert found == ended
    assert [event["event"] for _, event in server.xrange("session:{a-session}:events")] == [
        "pending",
        "ended",
    ]


def test_nobody_comes_in_between_where_something_is_written(ledger, server):
    ledger.run_all(A_BATCH)
    with server.monitor() as monitor:
        ledger.run_all([a_claim(), ReadRoom(STAGE), Withdraw(STAGE, 7)])
        seen = []
        while "EXEC" not in seen:
            seen.append(monitor.next_command()["command"].split()[0].upper())

    assert [name for name in seen if name in ("MULTI", "EVALSHA", "EXEC")] == [
        "MULTI",
        "EVALSHA",
        "EVALSHA",
        "EVALSHA",
        "EXEC",
    ]


def test_a_refusal_stands_in_its_place_and_hides_nothing(ledger):
    missing, claimed, refused, session = ledger.run_all(
        [
            ReadSession("nobody"),
            a_claim(),
            Transition("nobody", State.ENDED, 7),
            Create(a_session()),
        ]
    )

    assert isinstance(missing, NoSuchSession)
    assert isinstance(claimed, Claimed)
    assert isinstance(refused, NoSuchSession)
    assert session.outcome == "written"
    [moved] = ledger.run_all([Transition("a-session", State.PAUSED, 7)])
    assert isinstance(moved, IllegalTransition)


def test_a_step_alone_raises_its_refusal(ledger):
    with pytest.raises(NoSuchSession):
        ledger.run(ReadSession("nobody"))


@pytest.mark.parametrize("known", ["claim", "create", "withdraw"])
def test_a_batch_of_which_redis_knows_a_part_is_not_done_in_another_order(ledger, server, known):
    """No version's script is another's, so somebody has loaded one of ours alone; whoever asks again is served."""
    server.script_flush()
    server.script_load(SCRIPTS[known])
    batch = [a_claim(), Create(a_session()), Withdraw(STAGE, 1)]

    with pytest.raises(RedisAway):
        ledger.run_all(batch)
    claimed, created, withdrawn = ledger.run_all(batch)

    assert isinstance(claimed, Claimed)
    assert created.outcome in ("written", "there")
    assert withdrawn is False


def test_versions_have_no_script_in_common():
    stamps = {source.splitlines()[-1] for source in SCRIPTS.values()}

    assert len(stamps) == 1
    assert stamps.pop().startswith("-- of the scripts ")


def test_messages_sent_together_are_read_in_order(ledger):
    ids = ledger.run_all([Send("a-session", "say", {"n": n}, 7, LASTS) for n in range(5)])
    found = ledger.run(Receive("a-session", "0", timedelta(0)))

    assert [message.id for message in found] == ids
    assert all(earlier < later for earlier, later in pairwise(message.body["n"] for message in found))


@pytest.mark.parametrize("step", A_STEP_OF_EACH_KIND, ids=lambda step: type(step).__name__)
def test_a_script_is_given_what_its_header_names(step):
    """Encoding fails on a name that is missing, or unknown."""
    for call in encode(step).calls:
        assert call.script is None or call.script in HEADERS


def test_every_script_belongs_to_a_step():
    used = {call.script for step in A_STEP_OF_EACH_KIND for call in encode(step).calls}

    assert used - {None} == set(SCRIPTS)


def test_arguments_are_bound_by_name_in_the_order_of_the_header():
    waiting = {"session": "s", "events": "e", "alone": "a", "changed": "c", "told": "t"}
    bound = script(
        "note", waiting, fields=["event", "left"], epoch="7", person="", cap=5, event="left", who="ada"
    )

    assert bound == Call(
        (5, "s", "e", "a", "c", "t", 5, "", "7", "left", "ada", "event", "left"), script="note"
    )


@pytest.mark.parametrize("arguments", [{"epoch": "7"}, {"token": "t", "owner": "o", "epoch": "7"}])
def test_a_script_called_with_other_names_than_its_header_has_is_an_error(arguments):
    with pytest.raises(TypeError, match="ready takes token, owner"):
        script("ready", {"lease": "l"}, **arguments)
    with pytest.raises(TypeError, match="ready takes lease"):
        script("ready", {"lease": "l", "epoch": "e"}, token="t", owner="o")
