"""Whether the ledger answers, and its time."""

from greenroom.app.rooms.clock import Now, Ping


def test_the_ledger_answers_and_its_time_goes_on(world, ledger):
    assert ledger.run(Ping()) is None
    before = ledger.run(Now())
    assert before > 1_700_000_000_000
    assert ledger.run(Now()) >= before
