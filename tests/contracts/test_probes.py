"""What a person who looks is told: how the keeper is, when work was last done, which rooms are leased."""

from datetime import timedelta

from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.line import Push, QueueLength
from greenroom.app.rooms.probes import HaveLifetimes, KeptNames, LastRun, LeasedRooms, ReadCondition
from greenroom.app.rooms.rates import ClaimPeriod
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_lists import LastSession
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from tests.rigs.makers import CELLAR, STAGE, a_claim, a_session


def test_the_keeper_says_how_it_is(ledger):
    condition = ledger.run(ReadCondition())

    assert int(condition.version.split(".")[0]) >= 6
    assert condition.drops == "noeviction"
    assert condition.is_kept and condition.trouble == ()
    assert 0 < condition.used_bytes < condition.machine_bytes


def test_when_somebody_last_came_for_a_piece_of_work_is_known_for_a_day(world, ledger):
    assert ledger.run(LastRun("reap")) is None
    ledger.run(ClaimPeriod("reap", timedelta(seconds=3)))
    world.pass_time(timedelta(minutes=10))
    assert timedelta(minutes=10) <= ledger.run(LastRun("reap")) < timedelta(minutes=11)
    assert ledger.run(LastRun("sweep")) is None
    world.pass_time(timedelta(days=1))

    assert ledger.run(LastRun("reap")) is None


def test_every_leased_room_is_found_whatever_the_batch(ledger):
    rooms = {Room.parse(f"local:room-{number}") for number in range(30)}
    for room in rooms:
        ledger.run(a_claim(f"token-{room.name}", room=room))
    for number in range(30):
        ledger.run(Create(a_session(f"session-{number}")))

    found, cursor = set(), 0
    while True:
        cursor, some = ledger.run(LeasedRooms(cursor, batch=7))
        found |= set(some)
        if cursor == 0:
            break

    assert found == rooms


def test_a_room_s_last_session_is_known_for_as_long_as_its_record(world, ledger):
    assert ledger.run(LastSession(STAGE)) is None
    ledger.run(Create(a_session("first")))
    ledger.run(Create(a_session("second")))
    ledger.run(Create(a_session("elsewhere", room=CELLAR)))
    assert ledger.run(LastSession(STAGE)) == "second"
    world.pass_time(a_session().brief.max_duration + KEPT_AFTER_END - timedelta(minutes=1))
    assert ledger.run(LastSession(STAGE)) == "second"
    world.pass_time(timedelta(minutes=1))

    assert ledger.run(LastSession(STAGE)) is None


def test_a_queue_is_as_long_as_what_was_put_into_it(ledger):
    assert ledger.run(QueueLength("a-queue")) == 0
    ledger.run_all([Push("a-queue", "one", "a"), Push("a-queue", "two", "b")])

    assert ledger.run(QueueLength("a-queue")) == 2


def test_names_that_are_kept_go_away_by_themselves(ledger):
    ledger.run(a_claim())
    ledger.run(Create(a_session("a-session")))
    names, cursor = set(), 0
    while True:
        cursor, some = ledger.run(KeptNames(cursor, batch=3))
        names |= set(some)
        if cursor == 0:
            break

    assert all(ledger.run(HaveLifetimes(tuple(names))))
    assert ledger.run(HaveLifetimes(())) == []
