"""Procedures: written once, run from both worlds, and finished from the record by whoever finds them half done.

`carry` stands for a procedure of several steps with one moment that decides: it takes a second room, and gives up the
first one only when it is sure of the second.
"""

import asyncio

import pytest

from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.leases import Adopt, Adoption, Claim, ReadRoom, Release, Withdraw
from greenroom.app.rooms.line import FindPlace
from greenroom.app.rooms.procedures import Underway, follow, follow_awaited
from greenroom.app.rooms.sessions import Advance, ReadSession, State, Succeed
from tests.rigs.makers import CELLAR, STAGE, an_order

CARRYING = Underway("carrying", "begun")
OWNER = "bots@stage/job/0"


class Awaited:
    """A ledger for who awaits."""

    def __init__(self, ledger):
        self._ledger = ledger

    async def run(self, step):
        return self._ledger.run(step)


def carry(session):
    """Returns the room that the session has in the end.  May be begun anew by anybody, wherever it stands."""
    stands = session.procedure
    if stands is None:
        stands = CARRYING.at("begun", token=f"{session.id}-cellar")
        yield Advance(session.id, session.epoch, None, stands)
    if stands.step == "begun":
        claimed = yield Claim(CELLAR, session.id, stands.facts["token"], session.brief)
        before, stands = stands, stands.at("claimed", epoch=str(claimed.epoch))
        yield Advance(session.id, session.epoch, before, stands)
    if stands.step == "claimed":
        adopted, _ = yield Adopt(CELLAR, stands.facts["token"], OWNER, "bots@stage", "job")
        assert adopted is Adoption.ADOPTED
        before, stands = stands, stands.at("committed")
        yield Advance(session.id, session.epoch, before, stands)
    yield Release(STAGE, session.epoch, OWNER)
    yield Advance(session.id, session.epoch, stands, None)
    return CELLAR


def give_up(session):
    """What whoever finds its bot dead does: back before the commit, on after it."""
    stands = session.procedure
    if stands is None or stands.step == "committed":
        return (yield from carry(session)) if stands else CELLAR
    claimed = yield Claim(CELLAR, session.id, stands.facts["token"], session.brief)
    yield Withdraw(CELLAR, claimed.epoch)
    yield Release(CELLAR, claimed.epoch, OWNER)
    yield Advance(session.id, session.epoch, stands, None)
    return STAGE


@pytest.fixture
def session(ledger, joining, puppet):
    joining.join(an_order())
    bot = puppet().go_live()
    assert bot.owner == OWNER
    return ledger.run(ReadSession(bot.session.id))


def read(ledger, session):
    return ledger.run(ReadSession(session.id))


def holder(ledger, room):
    lease = ledger.run(ReadRoom(room)).lease
    return lease.session_id if lease else None


def run_until(ledger, procedure, step):
    """A process that dies when the step that is so many has been done; says whether it came so far."""
    try:
        doing = next(procedure)
        for _ in range(step):
            doing = procedure.send(ledger.run(doing))
    except StopIteration:
        return False
    return True


@pytest.mark.parametrize("world", ["awaited", "waited for"])
def test_it_is_run_where_one_waits_and_where_one_awaits(ledger, session, world):
    if world == "awaited":
        assert asyncio.run(follow_awaited(Awaited(ledger), carry(session))) == CELLAR
    else:
        assert follow(ledger, carry(session)) == CELLAR

    assert (holder(ledger, STAGE), holder(ledger, CELLAR)) == (None, session.id)
    assert read(ledger, session).procedure is None


@pytest.mark.parametrize("finish", [carry, give_up])
@pytest.mark.parametrize("step", range(1, 8))
def test_whoever_dies_after_a_step_leaves_one_room_and_the_record_says_which(ledger, session, step, finish):
    came_so_far = run_until(ledger, carry(session), step)
    found = read(ledger, session)
    is_committed = found.procedure is None or found.procedure.step == "committed"

    room = follow(ledger, finish(found)) if came_so_far and found.procedure else CELLAR

    assert room == (CELLAR if is_committed or finish is carry else STAGE)
    other = STAGE if room == CELLAR else CELLAR
    assert (holder(ledger, room), holder(ledger, other)) == (session.id, None)
    assert read(ledger, session).procedure is None


@pytest.mark.parametrize("step", range(1, 8))
def test_whoever_dies_while_finishing_leaves_it_to_the_next(ledger, session, step):
    run_until(ledger, carry(session), 4)
    run_until(ledger, give_up(read(ledger, session)), step)

    found = read(ledger, session)
    room = follow(ledger, give_up(found)) if found.procedure else STAGE

    assert (room, holder(ledger, STAGE), holder(ledger, CELLAR)) == (STAGE, session.id, None)


def test_of_two_who_run_it_one_takes_each_step(ledger, session):
    begun = CARRYING.at("begun", token="a-token")
    assert ledger.run(Advance(session.id, session.epoch, None, begun)) is True

    assert ledger.run(Advance(session.id, session.epoch, None, CARRYING)) is False
    assert ledger.run(Advance(session.id, session.epoch, begun, begun.at("claimed", by="one"))) is True
    assert ledger.run(Advance(session.id, session.epoch, begun, begun.at("claimed", by="other"))) is False
    assert read(ledger, session).procedure.facts == {"token": "a-token", "by": "one"}


def test_a_session_that_goes_on_with_another_bot_is_in_no_procedure(ledger, session):
    ledger.run(Advance(session.id, session.epoch, None, CARRYING))
    ledger.run(Succeed(session.id, session.epoch + 1, "lost", State.PENDING))

    assert read(ledger, session).procedure is None
    assert ledger.run(Advance(session.id, session.epoch, None, CARRYING)) is False


@pytest.mark.parametrize("error", [RedisAway, NoSuchSession])
def test_a_step_that_is_refused_ends_the_procedure_where_it_is_not_expected(error):
    class Refusing:
        def run(self, _step):
            raise error

    def procedure():
        yield FindPlace()

    with pytest.raises(error):
        follow(Refusing(), procedure())
    with pytest.raises(error):
        asyncio.run(follow_awaited(Awaited(Refusing()), procedure()))


def test_a_procedure_may_answer_a_refusal_and_go_on():
    class Knowing:
        def run(self, step):
            if isinstance(step, ReadSession):
                raise NoSuchSession
            return "a place"

    def procedure():
        try:
            yield ReadSession("a-session")
        except NoSuchSession:
            return (yield FindPlace())

    assert follow(Knowing(), procedure()) == "a place"
    assert asyncio.run(follow_awaited(Awaited(Knowing()), procedure())) == "a place"
