"""What happens once in a while, and when a room was last empty."""

from datetime import timedelta

from greenroom.app.rooms.line import QueueLength
from greenroom.app.rooms.rates import Once
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.rooms.vacancies import LastEmptied, NoteEmptied
from tests.makers import CELLAR, STAGE

MINUTE = timedelta(minutes=1)


def test_a_thing_happens_once_in_its_time(world, ledger):
    assert ledger.run(Once("a-thing", MINUTE)) is True
    assert ledger.run(Once("a-thing", MINUTE)) is False
    assert ledger.run(Once("another", MINUTE)) is True
    world.pass_time(MINUTE)

    assert ledger.run(Once("a-thing", MINUTE)) is True


def test_its_message_is_sent_with_it_and_not_again(ledger):
    for _ in range(3):
        ledger.run(Once("a-thing", MINUTE, "a-queue", "a message"))

    assert ledger.run(QueueLength("a-queue")) == 1


def test_when_a_room_was_last_empty_is_known_for_a_day(world, ledger):
    ledger.run(NoteEmptied(STAGE, 1_790_000_000_000))
    ledger.run(NoteEmptied(STAGE, 1_790_000_001_000))
    assert ledger.run(LastEmptied(STAGE)) == 1_790_000_001_000
    assert ledger.run(LastEmptied(CELLAR)) is None
    world.pass_time(KEPT_AFTER_END)

    assert ledger.run(LastEmptied(STAGE)) is None
