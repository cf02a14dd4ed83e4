"""Taking rooms over, as tests need it that are about something else."""

from greenroom.app.rooms.leases import DOUBT_LASTS, STALE_AFTER, Claim, Claimed, NotYet
from tests.contracts.conftest import World


def take_over(world: World, claim: Claim) -> Claimed:
    """What a claim gets of a room whose bot has died a while ago."""
    world.pass_time(STALE_AFTER + DOUBT_LASTS)
    assert isinstance(world.ledger.run(claim), NotYet)
    world.pass_time(DOUBT_LASTS)
    outcome = world.ledger.run(claim)
    assert isinstance(outcome, Claimed)
    return outcome
