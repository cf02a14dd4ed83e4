"""When a room was last seen without any person."""

from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.rooms.vacancies import LastEmptied, NoteEmptied
from tests.rigs.makers import CELLAR, STAGE


def test_when_a_room_was_last_empty_is_known_for_a_day(world, ledger):
    ledger.run(NoteEmptied(STAGE, 1_790_000_000_000))
    ledger.run(NoteEmptied(STAGE, 1_790_000_001_000))
    assert ledger.run(LastEmptied(STAGE)) == 1_790_000_001_000
    assert ledger.run(LastEmptied(CELLAR)) is None
    world.pass_time(KEPT_AFTER_END)

    assert ledger.run(LastEmptied(STAGE)) is None
