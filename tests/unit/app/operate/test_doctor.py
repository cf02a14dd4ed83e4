"""The checkup: what the doctor finds in an installation that is well, and in one that is not."""

import json
import re
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from greenroom.app import queue_names
from greenroom.app.errors.storage import DatabaseAway, DatabaseNewer, DatabaseOld, RedisAway
from greenroom.app.operate import doctor, facts, trial
from greenroom.app.operate.checkup import check, trials
from greenroom.app.operate.doctor import BLIND, ILL, WELL, Place, examine, examine_room
from greenroom.app.operate.findings import Verdict
from greenroom.app.providers.local import Local
from greenroom.app.rooms import letters
from greenroom.app.rooms.conversations import OUTBOX_HOLDS, Record, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.deadlines import SetDeadline
from greenroom.app.rooms.leases import STALE_AFTER, Claim, ReadRoom
from greenroom.app.rooms.ledger import granted
from greenroom.app.rooms.outboxes import Waiting
from greenroom.app.rooms.probes import LeasedRooms, ReadCondition
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_lists import Forget, LiveSessions
from greenroom.app.rooms.sessions import Reason, State, Transition
from greenroom.app.rooms.workers import Report
from greenroom.app.storage import keys
from tests.fakes.rooms import Rooms
from tests.rigs.an_installation import BOTS, CONTROL, SOUND, keep_well, let_pass
from tests.rigs.makers import STAGE, a_claim, a_session, an_order

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
MINUTE = timedelta(minutes=1)
NOWHERE = Place("unix:///tmp/nowhere.sock", True, "http://127.0.0.1:9")


def look(ledger, **changes):
    """What is found, by check; this machine's clock is right."""
    seen = facts.read(ledger)
    reach = replace(seen.reach, ahead=timedelta(0), there_and_back=timedelta(milliseconds=1))
    return {finding.check: finding for finding in check(replace(seen, reach=reach, **changes))}


def ill(found):
    return {name: finding.verdict for name, finding in found.items() if finding.verdict is not OK}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(doctor, "LOOKS_AGAIN_AFTER", timedelta(0))
    monkeypatch.setattr(facts, "LOOKS_FOR", timedelta(minutes=1))  # on a busy machine


@pytest.fixture
def bot(joining, puppet):
    joining.join(an_order())
    return puppet().go_live()


def test_an_installation_that_works_is_well(ledger, bot):
    let_pass(ledger, timedelta(seconds=2))

    assert ill(look(ledger)) == {}


def test_whatever_is_wrong_comes_with_something_to_do(ledger, joining, puppet):
    """Everything at once: each finding that is not ok names a remedy, and none says more than a paragraph."""
    joining.join(an_order())
    puppet().go_live()
    joining.join(an_order(Room.parse("local:waits")))
    ledger.pass_time(MINUTE)
    found = look(ledger, condition=replace(SOUND, drops="allkeys-lru", trouble=("aof: err",)))

    assert {"redis writing", "redis memory", "workers", "control", "beat", "queue", "keepalives"} <= set(
        ill(found)
    )
    assert all(finding.do for finding in found.values() if finding.verdict is not OK)
    assert all(len(finding.says) < 400 and len(finding.do) < 400 for finding in found.values())


def test_a_bot_that_cannot_be_imported_is_named_with_what_was_raised(ledger):
    why = "cannot be imported: it raised ModuleNotFoundError: No module named 'deepgram' (mine.py:3)"
    keep_well(ledger)
    assert look(ledger)["imports"].verdict is OK
    keep_well(ledger, hosts=(replace(BOTS, unfit={"mine": why}), CONTROL))

    found = look(ledger)["imports"]

    assert (found.verdict, found.facts) == (PROBLEM, {"unfit": {"bots@stage": {"mine": why}}})
    assert f"mine on bots@stage, which {why}." in found.says
    assert found.do


def test_a_personality_that_lacks_a_speech_service_is_named_with_what_to_do(ledger):
    keep_well(ledger)
    assert "services" not in look(ledger)
    lacks = {"assistant/critic": "deepgram (hearing): set DEEPGRAM_API_KEY"}
    keep_well(ledger, hosts=(replace(BOTS, unready=lacks), CONTROL))

    found = look(ledger)["services"]

    assert (found.verdict, found.facts) == (PROBLEM, {"unready": {"bots@stage": lacks}})
    assert "critic: deepgram (hearing): set DEEPGRAM_API_KEY" in found.says
    assert "greenroom services" in found.do


@pytest.mark.parametrize(
    ("change", "check_name", "verdict"),
    [
        ({"version": "5.0.14"}, "redis", PROBLEM),
        ({"version": "6.2.0"}, "redis", OK),
        ({"is_kept": False}, "redis writing", WARNING),
        ({"trouble": ("aof_last_write_status: err",)}, "redis writing", PROBLEM),
        ({"drops": "allkeys-lru", "limit_bytes": 10**9}, "redis memory", PROBLEM),
        ({"drops": "allkeys-lru"}, "redis memory", WARNING),
        ({"used_bytes": 80, "limit_bytes": 100}, "redis memory", WARNING),
        ({"used_bytes": 95, "limit_bytes": 100}, "redis memory", PROBLEM),
        ({"used_bytes": 7_900_000_000}, "redis memory", PROBLEM),
    ],
)
def test_redis_s_condition_is_judged(ledger, change, check_name, verdict):
    keep_well(ledger)
    ledger.instead[ReadCondition] = replace(SOUND, **change)

    found = look(ledger)

    assert found[check_name].verdict is verdict
    assert ill(found) == ({} if verdict is OK else {check_name: verdict})


def test_a_redis_that_may_not_be_asked_how_it_is_gets_a_warning_only(ledger):
    keep_well(ledger)

    assert ill(look(ledger, condition=None)) == {"redis": WARNING}


@pytest.mark.parametrize(
    ("ahead", "verdict"), [(0.9, OK), (-0.9, OK), (2, WARNING), (-2, WARNING), (4, PROBLEM), (-3600, PROBLEM)]
)
def test_a_clock_that_is_wrong_is_told_with_its_direction(ledger, ahead, verdict):
    keep_well(ledger)
    seen = facts.read(ledger)
    reach = replace(seen.reach, ahead=timedelta(seconds=ahead))

    found = {finding.check: finding for finding in check(replace(seen, reach=reach))}["clocks"]

    assert found.verdict is verdict
    assert verdict is OK or (" ahead of " in found.says) == (ahead > 0)


@pytest.mark.parametrize(("took", "verdict"), [(1, OK), (50, WARNING), (900, PROBLEM)])
def test_a_slow_redis_is_told(ledger, took, verdict):
    keep_well(ledger)
    seen = facts.read(ledger)
    reach = replace(seen.reach, ahead=timedelta(0), there_and_back=timedelta(milliseconds=took))

    assert check(replace(seen, reach=reach))[0].verdict is verdict


@pytest.mark.parametrize(
    ("hosts", "reaps", "expected"),
    [
        ((CONTROL,), True, {"workers": PROBLEM}),
        ((BOTS,), False, {"control": PROBLEM, "beat": PROBLEM}),
        ((BOTS, CONTROL), False, {"beat": PROBLEM}),
        ((replace(BOTS, draining=True), CONTROL), True, {"workers": PROBLEM}),
        ((replace(BOTS, used=2), CONTROL), True, {"workers": WARNING}),
        ((replace(BOTS, draining=True), replace(BOTS, id="bots@other"), CONTROL), True, {}),
    ],
)
def test_who_is_missing_is_named(ledger, hosts, reaps, expected):
    keep_well(ledger, hosts=hosts, reaps=reaps)

    assert ill(look(ledger)) == expected


def test_a_reaper_that_has_stopped_is_told_with_the_process_to_start(ledger):
    keep_well(ledger)
    let_pass(ledger, MINUTE, reaps=False)
    assert "beat` line" in look(ledger)["beat"].do
    assert re.search(r"for 6\d s", look(ledger)["beat"].says)
    ledger.server.lpush(queue_names.CONTROL, *["reap"] * 5)
    assert "restart the control worker" in look(ledger)["beat"].do
    ledger.pass_time(MINUTE)
    keep_well(ledger, hosts=(BOTS,), reaps=False)

    assert "control worker first" in look(ledger)["beat"].do


def test_a_control_worker_that_does_not_keep_up_is_told(ledger):
    keep_well(ledger)
    ledger.server.lpush(queue_names.CONTROL, *["sweep"] * 21)

    assert ill(look(ledger)) == {"control": PROBLEM}


def test_who_waits_in_a_full_house_is_a_warning_and_beside_free_slots_a_problem(ledger, joining):
    keep_well(ledger)
    joining.join(an_order())
    ledger.server.lpush(queue_names.LAUNCHES, "launch")
    let_pass(ledger, timedelta(seconds=5))
    assert look(ledger)["queue"].verdict is OK
    let_pass(ledger, timedelta(seconds=20), hosts=(replace(BOTS, used=2), CONTROL))
    assert look(ledger)["queue"].verdict is WARNING
    assert re.search(r"2[5-9] s", look(ledger)["queue"].says)
    keep_well(ledger)

    found = look(ledger)["queue"]
    assert found.verdict is PROBLEM
    assert str(STAGE) in found.do


def test_a_full_line_is_a_problem(ledger, joining):
    joining.join(an_order())
    ledger.server.lpush(queue_names.LAUNCHES, *["launch"] * 1000)
    let_pass(ledger, MINUTE, hosts=(replace(BOTS, used=2), CONTROL))

    found = look(ledger)["queue"]
    assert (found.verdict, "joins are refused" in found.says) == (PROBLEM, True)


def test_a_bot_that_is_not_heard_is_warned_of_and_then_a_problem(ledger, bot):
    let_pass(ledger, timedelta(seconds=18))
    assert ill(look(ledger)) == {"keepalives": WARNING}
    let_pass(ledger, STALE_AFTER)

    found = look(ledger)
    assert ill(found) == {"keepalives": PROBLEM}
    assert found["keepalives"].facts["rooms"] == [str(STAGE)]


def test_a_dead_bot_s_missing_worker_is_named(ledger, bot):
    there = replace(BOTS, id="bots@elsewhere")
    let_pass(ledger, STALE_AFTER + MINUTE, hosts=(there, CONTROL))

    assert "bots@stage does not report either" in look(ledger)["keepalives"].do


def test_a_worker_whose_bots_are_heard_and_that_does_not_report_is_told(ledger, bot):
    ledger.pass_time(MINUTE)
    bot.beat()
    keep_well(ledger, hosts=(replace(BOTS, id="bots@elsewhere"), CONTROL))

    found = look(ledger)
    assert ill(found) == {"silent workers": PROBLEM}
    assert "bots@stage does not report, though 1 bot there is heard" in found["silent workers"].says


def test_a_lock_whose_session_has_ended_is_an_orphan(ledger, bot):
    end(ledger, bot.session)
    let_pass(ledger, STALE_AFTER + MINUTE)

    found = look(ledger)
    assert ill(found) == {"locks": PROBLEM}
    assert found["locks"].facts["rooms"] == [str(STAGE)]


def test_a_lock_of_a_session_that_nobody_knows_is_an_orphan(ledger, puppet, launches):
    epoch = ledger.run(a_claim()).epoch
    launches.asked.append((a_session("session-of-a-token", epoch=epoch), "a-token"))
    puppet().adopt()
    let_pass(ledger, STALE_AFTER + MINUTE)

    assert ill(look(ledger)) == {"locks": PROBLEM}


def test_a_bot_that_goes_on_after_its_session_has_ended_is_told(ledger, bot):
    end(ledger, bot.session)
    let_pass(ledger, STALE_AFTER * 0.9)  # it was heard before, and has not stopped

    assert ill(look(ledger)) == {"bots": PROBLEM}


def test_a_session_that_has_lost_its_room_is_told(ledger, bot):
    ledger.free(STAGE)
    let_pass(ledger, MINUTE)

    found = look(ledger)
    assert ill(found) == {"sessions": PROBLEM}
    assert str(STAGE) in found["sessions"].says


def test_what_is_just_changing_is_nobody_s_fault(ledger, bot):
    end(ledger, bot.session)
    let_pass(ledger, timedelta(seconds=1))
    assert ill(look(ledger)) == {}
    ledger.run(Create(a_session("just-begun", room=Room.parse("local:fresh"))))

    assert ill(look(ledger)) == {}


def test_a_bot_that_has_just_come_is_not_missed_before_its_first_beats(ledger, bot):
    keep_well(ledger)
    ledger.server.delete(keys.keepalive(STAGE))
    assert look(ledger)["keepalives"].verdict is OK
    let_pass(ledger, MINUTE)

    assert look(ledger)["keepalives"].verdict is PROBLEM


def test_many_rooms_are_counted_and_a_few_are_named(ledger):
    for number in range(500):
        ledger.run(Create(a_session(f"s{number}", room=Room.parse(f"local:room-{number}"))))
    let_pass(ledger, MINUTE)

    found = look(ledger)["sessions"]
    assert found.says.startswith("500 rooms ")
    assert "and 497 more" in found.says
    assert len(found.facts["rooms"]) == 500


@pytest.mark.parametrize(
    ("waiting", "verdict"),
    [
        ({"turns": 5, "fullest": 5}, OK),
        ({"turns": 5, "fullest": 5, "waits": timedelta(seconds=59)}, OK),
        ({"turns": 5, "fullest": 5, "waits": timedelta(seconds=61)}, WARNING),
        ({"turns": 5, "fullest": 5, "waits": timedelta(minutes=61)}, PROBLEM),
        ({"turns": OUTBOX_HOLDS // 10, "fullest": OUTBOX_HOLDS // 10}, WARNING),
        ({"turns": OUTBOX_HOLDS // 2, "fullest": OUTBOX_HOLDS // 2}, PROBLEM),
        ({"turns": OUTBOX_HOLDS, "fullest": 2}, OK),
        ({"unstorable": 1}, WARNING),
        ({"sessions_unstorable": 1}, WARNING),
        ({"dropped": 1}, PROBLEM),
    ],
)
def test_what_waits_to_be_stored_is_seen_long_before_it_is_lost(ledger, bot, waiting, verdict):
    let_pass(ledger, timedelta(seconds=2))
    now_ms = facts.read(ledger).reach.now_ms
    oldest_ms = now_ms - waiting.pop("waits", timedelta(seconds=1)) // timedelta(milliseconds=1)
    none = {"conversations": 0, "turns": 0, "fullest": 0, "sessions": 0, "unstorable": 0, "dropped": 0}
    none["sessions_unstorable"] = 0
    reach = replace(facts.read(ledger).reach, now_ms=now_ms, ahead=timedelta(0))
    seen = replace(facts.read(ledger), reach=reach)
    found = check(replace(seen, waiting=Waiting(**{**none, "oldest_ms": oldest_ms, **waiting})))
    (outbox,) = [finding for finding in found if finding.check == "outbox"]

    assert outbox.verdict is verdict
    assert bool(outbox.do) is (verdict is not OK)


def test_a_turn_in_an_outbox_is_told_with_its_age(ledger, bot):
    session = bot.session
    turn = Turn("a-turn", "user", "marzipan")
    ledger.run(Record(session.id, session.conversation_id, session.epoch, turn))
    found = look(ledger)["outbox"]

    assert (found.facts["turns"], found.facts["conversations"]) == (1, 1)
    assert 0 <= found.facts["oldest_ms"] < 60_000
    assert "marzipan" not in str(found)


@pytest.mark.parametrize("error", [None, DatabaseAway(), DatabaseOld(), DatabaseNewer()])
def test_a_database_that_cannot_be_used_is_a_problem_with_the_reason(ledger, bot, error):
    def ask():
        if error:
            raise error

    let_pass(ledger, timedelta(seconds=2))
    place = replace(NOWHERE, database="postgresql://db/greenroom", try_database=ask)
    found = {finding.check: finding for finding in doctor.examine(ledger, place).findings}["database"]

    assert found.verdict is (PROBLEM if error else OK)
    assert "postgresql://db/greenroom" in found.says
    assert error is None or str(error) in found.says


def test_a_database_that_says_nothing_is_given_up(ledger, bot, monkeypatch):
    monkeypatch.setattr(doctor, "DATABASE_ANSWERS_WITHIN", timedelta(milliseconds=10))
    place = replace(NOWHERE, database="db", try_database=lambda: time.sleep(5))
    found = {finding.check: finding for finding in doctor.examine(ledger, place).findings}["database"]

    assert found.verdict is PROBLEM
    assert "no answer within" in found.says


def test_what_is_wrong_with_personalities_is_a_problem_beside_all_else(ledger, bot):
    place = replace(NOWHERE, wrong_with_personalities=("clerk.toml:1: name is missing.",))

    report = examine(ledger, place)

    found = check_of(report, "personalities")
    assert (found.verdict, found.says) == (PROBLEM, "clerk.toml:1: name is missing.") and found.do
    assert "personalities" not in [each.check for each in examine(ledger, NOWHERE).findings]


def test_a_look_changes_nothing(ledger, bot):
    """Also not the reaper's own reckoning of when it last looked."""
    keep_well(ledger)
    ledger.run(SetDeadline(STAGE, timedelta(0)))
    before = ledger.digest()
    look(ledger)
    facts.read_room(ledger, STAGE)

    assert ledger.digest() == before


def test_scripts_get_an_exit_code_and_one_object(ledger, bot, monkeypatch):
    keep_well(ledger)
    ledger.server.lpush(queue_names.CONTROL, *["sweep"] * 21)  # a control worker that does not keep up
    report = examine(ledger, NOWHERE)
    assert report.exit_code == ILL
    told = json.loads(report.as_json())
    assert told["looked"] is True and told["verdict"] == "problem"
    assert {"check", "verdict", "says", "do", "facts"} == set(told["findings"][0])
    assert {finding["check"] for finding in told["findings"]} >= {"redis", "workers", "web", "providers"}

    assert examine_room(ledger, NOWHERE, STAGE).exit_code == WELL


def test_a_redis_that_is_away_is_told_as_such_and_nothing_is_guessed(ledger):
    with ledger.away():
        report, of_room = examine(ledger, NOWHERE), examine_room(ledger, NOWHERE, STAGE)

    assert (report.exit_code, of_room.exit_code) == (BLIND, BLIND)
    assert json.loads(report.as_json())["looked"] is False
    assert "greenroom up" in report.as_text() and "var/log/redis.log" in report.as_text()
    assert "All is well" not in of_room.as_text()


def test_where_redis_writes_its_log_goes_by_var_dir(ledger):
    with ledger.away():
        report = examine(ledger, replace(NOWHERE, var_dir=Path("/srv/calls")))

    says = {finding.check: f"{finding.says} {finding.do}" for finding in report.findings}
    assert "/srv/calls/log/redis.log" in says["redis"]
    assert "VAR_DIR" in says["redis"] and "VAR_DIR" in says["web"]


def test_what_is_a_problem_for_a_moment_only_is_none(ledger, bot, monkeypatch):
    """A slot that just got free, a report that is late: everything goes on while somebody looks."""
    let_pass(ledger, STALE_AFTER + MINUTE)
    room = examine_room(ledger, NOWHERE, STAGE)
    assert room.exit_code == ILL
    monkeypatch.setattr(doctor.time, "sleep", lambda _: bot.beat())

    assert examine_room(ledger, NOWHERE, STAGE).exit_code == WELL


def test_a_redis_that_never_answers_is_given_up(ledger, monkeypatch):
    monkeypatch.setattr(doctor, "LOOKS_WITHIN", timedelta(milliseconds=30))
    ledger.server.client_pause(300)  # milliseconds
    report = examine_room(ledger, NOWHERE, STAGE)

    assert report.exit_code == BLIND
    assert "hung" in report.as_text()


def test_no_secret_is_shown(ledger, joining, launches):
    keep_well(ledger)
    joining.join(an_order(metadata={"note": "a secret of the caller's"}))
    _, claim = launches.asked[-1]
    shown = [
        show
        for report in (examine(ledger, NOWHERE), examine_room(ledger, NOWHERE, STAGE))
        for show in (report.as_json(), report.as_text())
    ]

    assert not [text for text in shown if claim in text or "a secret of the caller's" in text]


def end(ledger, session):
    for state in (State.LEAVING, State.ENDED):
        reason = Reason.LEFT if state is State.ENDED else None
        ledger.run(Transition(session.id, state, session.epoch, reason=reason))
    ledger.run(Forget(session.id))


# What a join needs, tried


def check_of(report, name):
    return next(finding for finding in report.findings if finding.check == name)


def test_a_trial_join_takes_a_room_and_leaves_nothing(ledger, launches):
    keep_well(ledger)
    ledger.settle()
    before = ledger.run(LeasedRooms())

    found = check_of(examine(ledger, NOWHERE), "trial join")

    assert (found.verdict, found.facts["outcome"]) == (OK, "done")
    assert launches.asked == [] and ledger.queue(queue_names.LAUNCHES) == []
    assert ledger.run(LeasedRooms()) == before
    assert ledger.run(ReadRoom(trial.ROOM)).lease is None
    assert ledger.run(LiveSessions()) == []


def test_two_doctors_at_once_do_not_take_each_other_for_trouble(ledger):
    keep_well(ledger)
    ledger.run(a_claim(room=trial.ROOM))

    assert check_of(examine(ledger, NOWHERE), "trial join").verdict is OK


class Refusing:
    """A ledger that answers what is asked, and refuses what is written."""

    def __init__(self, ledger, why):
        self._ledger, self._why = ledger, why

    def run(self, step):
        return granted(self.run_all([step])[0])

    def run_all(self, steps):
        if any(isinstance(step, Claim) for step in steps):
            raise RedisAway from type("ResponseError", (Exception,), {})(self._why)
        return self._ledger.run_all(steps)


@pytest.mark.parametrize(
    ("why", "remedy"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", "give it more"),
        ("MISCONF Redis is configured to save RDB snapshots, but cannot", "full disk"),
        ("NOPERM this user has no permissions", "allow it"),
        ("READONLY You can't write against a read only replica.", "copy of another Redis"),
        ("NEW something else", "Redis's log"),
    ],
)
def test_a_redis_that_answers_and_refuses_writes_is_told_with_its_own_words(ledger, why, remedy):
    keep_well(ledger)
    found = check_of(examine(Refusing(ledger, why), NOWHERE), "trial join")

    assert found.verdict is PROBLEM
    assert why.rstrip(".") in found.says and "keep what they would write" in found.says
    assert remedy in found.do


def test_bots_that_are_not_heard_while_redis_refuses_are_told_together(ledger, bot):
    ledger.instead[ReadCondition] = replace(SOUND, refused={"WRONGTYPE": 12})
    keep_well(ledger)
    assert "refusals" not in look(ledger)
    let_pass(ledger, STALE_AFTER)

    found = look(ledger)["refusals"]
    assert "WRONGTYPE 12 times" in found.says and str(STAGE) in found.says
    assert "another program" in found.do.lower()


def test_what_would_stay_in_redis_for_ever_is_named(ledger):
    keep_well(ledger)
    assert look(ledger)["lifetimes"].verdict is OK
    ledger.server.set("room_epoch:{local:a}", 1, ex=60)
    ledger.server.set("session:{b}", 1)

    found = look(ledger)["lifetimes"]
    assert found.verdict is WARNING
    assert "1 key" in found.says and "session:{b}" in found.says and "local:a" not in found.says


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"cold_s": 0, "warm": 0}, None),
        ({"cold_s": 20, "warm": 0}, None),  # a process that has just been replaced
        ({"cold_s": 90, "warm": 0}, PROBLEM),
        ({"cold_s": 90, "warm": 1}, WARNING),
        ({"cold_s": 90, "warm": 1, "used": 1}, None),
    ],
)
def test_processes_that_never_get_ready_are_told(ledger, changes, verdict):
    keep_well(ledger, hosts=(replace(BOTS, **changes), CONTROL))

    found = look(ledger)
    assert found["cold slots"].verdict is verdict if verdict else "cold slots" not in found


def test_more_sessions_than_are_read_are_said_to_be_more(ledger, monkeypatch):
    monkeypatch.setattr(facts, "SESSIONS_AT_MOST", 3)
    for number in range(3):
        ledger.run(Create(a_session(f"s{number}", room=Room.parse(f"local:room-{number}"))))
    let_pass(ledger, MINUTE)

    assert look(ledger)["extent"].verdict is WARNING


def test_more_than_a_thousand_sessions_are_all_seen(ledger):
    for number in range(1_200):
        ledger.run(Create(a_session(f"s{number}", room=Room.parse(f"local:room-{number}"))))
    let_pass(ledger, MINUTE)

    assert look(ledger)["sessions"].says.startswith("1200 rooms ")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (trial.Web(None, "ConnectionRefusedError"), {"web": WARNING}),
        (trial.Web(503), {"web": WARNING}),
        (trial.Web(200), {"web": OK}),
        (
            trial.Web(200, missing="bots: no worker", takes_key=True),
            {"web": OK, "readiness": PROBLEM, "key": OK},
        ),
        (trial.Web(200, takes_key=False), {"web": OK, "key": PROBLEM}),
    ],
)
def test_what_the_web_process_says_is_judged(found, expected):
    findings = trials.web("http://127.0.0.1:9", found)

    assert {finding.check: finding.verdict for finding in findings} == expected
    assert all(finding.do for finding in findings if finding.verdict is not OK)


# Those whose rooms they are


def test_a_server_of_rooms_that_answers_is_well(ledger):
    found = findings_with(ledger, Rooms())

    assert (found.verdict, "wss://livekit.example.com answers" in found.says) == (OK, True)


def test_one_that_does_not_is_a_problem_that_is_named(ledger):
    rooms = Rooms()
    rooms.is_away = True
    found = findings_with(ledger, rooms)

    assert found.verdict is PROBLEM
    assert "wss://livekit.example.com" in found.says and found.do


def test_one_that_hangs_is_not_waited_for(ledger, monkeypatch):
    monkeypatch.setattr(doctor, "PROVIDERS_ANSWER_WITHIN", timedelta(milliseconds=50))
    rooms, over = Rooms(), threading.Event()
    rooms.busy_rooms = over.wait

    assert "no answer within" in findings_with(ledger, rooms).says
    over.set()


def findings_with(ledger, rooms):
    report = examine(ledger, NOWHERE, Providers.of([rooms, Local()]))
    return next(finding for finding in report.findings if finding.check == "providers")


def test_a_server_that_makes_no_rooms_is_a_problem_though_it_answers(ledger):
    rooms = Rooms()
    rooms.makes_no_rooms = True

    assert findings_with(ledger, rooms).verdict is PROBLEM
    assert len(rooms.rehearsed) == 1 and rooms.rehearsed[0].name.startswith("greenroom-doctor-")


def test_the_story_of_a_room_names_who_is_in_it(ledger, joining, puppet):
    rooms = Rooms()
    hall = rooms.room("hall")
    joining.join(an_order(hall))
    session = puppet().go_live().session
    rooms.arrive(hall, "ada", name="Ada")
    rooms.arrive(hall, "bot:hall", is_bot=True, session_id=session.id, epoch=session.epoch)
    rooms.arrive(hall, "agent-1", is_bot=True)
    providers = Providers.of([rooms, Local()])

    told = examine_room(ledger, NOWHERE, hall, providers)
    assert "ada (Ada), bot:hall (its bot), agent-1, a bot of others." in " ".join(told.as_text().split())
    assert [who["identity"] for who in json.loads(told.as_json())["participants"]] == [
        "ada",
        "bot:hall",
        "agent-1",
    ]
    rooms.is_away = True
    away = examine_room(ledger, NOWHERE, hall, providers)
    assert away.as_text().startswith("The server of this room cannot be asked: ")
    assert "There is a bot: session " in " ".join(away.as_text().split())
    assert away.exit_code == ILL
    elsewhere = Room.parse("wss://elsewhere.example.com/hall")
    assert "no rooms at that server" in examine_room(ledger, NOWHERE, elsewhere, providers).as_text()


def test_a_slot_that_a_session_which_is_over_still_holds_is_found(ledger, bot):
    """There were 0 sessions and 2 of 4 slots used, and doctor said that all was well."""
    bot.leave()
    worker = replace(BOTS, slots=4, used=1)
    ledger.run(Report(worker, {bot.session.id: bot.owner}))
    assert "used slots" not in look(ledger)  # it may just be ending
    let_pass(ledger, MINUTE)
    ledger.run(Report(worker, {bot.session.id: bot.owner}))

    found = look(ledger)["used slots"]
    assert found.verdict is PROBLEM
    assert bot.owner in found.do
    assert found.facts == {"slots": [{"host": worker.id, "owner": bot.owner}]}


def test_a_slot_of_a_session_that_nobody_knows_is_found(ledger):
    keep_well(ledger)
    ledger.run(Report(replace(BOTS, used=1), {"of-yesterday": "here/job/7"}))

    assert look(ledger)["used slots"].verdict is PROBLEM


def test_an_events_process_that_does_not_answer_is_found_and_webhooks_that_nobody_took():
    assert trials.events("http://127.0.0.1:7079", None).verdict is Verdict.OK
    away = trials.events("http://127.0.0.1:7079", "no answer (ConnectionRefusedError)")
    assert (away.verdict, "ConnectionRefused" in away.says) == (Verdict.WARNING, True)

    taken, dead = letters.Waiting(0, 0, 0, 0), letters.Waiting(2, 1, 3, 0)
    assert trials.webhooks({"https://a.example.com": taken}).verdict is Verdict.OK
    found = trials.webhooks({"https://a.example.com": taken, "https://b.example.com": dead})
    assert found.verdict is Verdict.WARNING
    assert "https://b.example.com (3)" in found.says and "a.example.com" not in found.says


def test_events_that_may_never_have_reached_a_receiver_are_told_without_a_warning():
    """After a day in which nothing happened a receiver is told of a gap too, since nobody can tell."""
    all_of_it, a_part = letters.Waiting(0, 0, 0, 0), letters.Waiting(0, 0, 0, 0, gaps=2)

    found = trials.webhooks({"https://a.example.com": all_of_it, "https://b.example.com": a_part})

    assert found.verdict is Verdict.OK
    assert "https://b.example.com (2)" in found.says and "stream.gap" in found.says
    assert "a.example.com" not in found.says
    assert found.facts == {"gaps": {"https://b.example.com": 2}}


def test_an_events_process_that_is_nowhere_is_asked_and_missed():
    assert "no answer" in trial.ask_events("http://127.0.0.1:9")
