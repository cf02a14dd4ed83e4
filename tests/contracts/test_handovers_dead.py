"""A successor that dies before its turn: the bot that has the room keeps it."""

from greenroom.app.rooms.handovers import HandOver, Ready, Yield
from greenroom.app.rooms.leases import Adopt, Adoption, Finding, LeaseStatus, ReadRoom, Supersede
from greenroom.app.rooms.sessions import State
from tests.makers import ME, OTHER, STAGE, a_claim


def test_nobody_yields_to_a_successor_that_is_known_to_be_dead(ledger):
    """The room was given to the dead, and without a voice until it was missed, half a minute later."""
    epoch = ledger.run(a_claim()).epoch
    assert ledger.run(Adopt(STAGE, "a-token", ME, "bots@here", "1"))[0] is Adoption.ADOPTED
    ledger.run(HandOver(STAGE, ME, epoch, "next"))
    ledger.run(Adopt(STAGE, "next", OTHER, "bots@there", "2"))
    ledger.run(Ready(STAGE, "next", OTHER))

    finding, _ = ledger.run(Supersede(STAGE, "relaunch", owner=OTHER))

    assert finding is Finding.OTHER
    assert ledger.run(Yield(STAGE, ME, epoch, State.LIVE)) is None
    lease = ledger.run(ReadRoom(STAGE)).lease
    assert (lease.status, lease.owner, lease.successor) == (LeaseStatus.ACTIVE, ME, None)
