"""A bot moves: in the order of its deeds, and wherever it dies, its session is in one room, and has a bot again."""

import asyncio
from datetime import timedelta

import pytest

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.deadlines import SetDeadline
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.line import Push
from greenroom.app.rooms.moves import CommitMove, MoveFailure, Target
from greenroom.app.rooms.moving import Adopter, CannotMove, Move, Moved, NotMoved, StartedAnew
from greenroom.app.rooms.session_events import Happened, ReadEvents
from greenroom.app.rooms.sessions import Advance, ReadSession, Reason, State, Transition
from greenroom.app.rooms.user_bots import ReadUserBot
from tests.rigs.makers import CELLAR, DIED, STAGE, an_order

pytestmark = pytest.mark.anyio


class Died(BaseException):
    """A process, before a step that it would have done."""


class Mortal:
    """The awaited ledger of a process that dies before one of its steps."""

    def __init__(self, ledger, *, dies_before=None, away_for=(), on_step=None):
        self._ledger, self._dies_before, self._away_for = ledger, dies_before, list(away_for)
        self._on_step = on_step or (lambda step: None)
        self.steps = 0

    async def run(self, step):
        return (await self.run_all([step]))[0]

    async def run_all(self, steps):
        if self.steps == self._dies_before:
            raise Died
        self.steps += 1
        self._on_step(steps[0])
        if self._away_for and isinstance(steps[0], self._away_for[0][0]):
            _, is_done = self._away_for.pop(0)
            if is_done:
                self._ledger.run_all(steps)
            raise RedisAway
        results = self._ledger.run_all(steps)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results


class FakeBot:
    """Remembers what it was told to do, and cannot do one of it."""

    def __init__(self, *, cannot=None, why=MoveFailure.UNREACHABLE, ends=False, crashes=None):
        self.did = []
        self.writing = asyncio.Lock()
        self.there = self.config = None
        self._cannot, self._why, self._ends, self._crashes = cannot, why, ends, crashes

    def _do(self, deed):
        self.did.append(deed)
        if deed == self._cannot:
            raise CannotMove(self._why, "its server is away")
        if deed == self._crashes:
            raise RuntimeError(deed)

    async def prepare(self, there, config):
        self.there, self.config = there, config
        self._do("prepare")

    async def enter(self):
        self._do("enter")

    async def fall_silent(self):
        self._do("fall_silent")
        return not self._ends

    def writes_nothing_else(self):
        return self.writing

    async def speak_again(self):
        self._do("speak_again")

    async def go_on(self, there):
        self.there = there
        self._do("go_on")

    async def leave_old(self):
        self._do("leave_old")

    async def give_up(self):
        self._do("give_up")


@pytest.fixture
def bot(joining, puppet):
    joining.join(an_order())
    return puppet().go_live()


@pytest.fixture
def target(ledger, asked_moves, bot):
    """Where the session is on its way to."""
    asked_moves.move(ledger.run(ReadSession(bot.session.id)), CELLAR, {"mode": "forum"})
    return Target.of(ledger.run(ReadSession(bot.session.id)))


def moving(ledger, launches, bot, target, deeds, **facts):
    host, job_id, _ = bot.owner.split("/")
    session = ledger.run(ReadSession(bot.session.id))
    adopter = Adopter(bot.owner, host, job_id)
    return Move(Mortal(ledger, **facts), launches, deeds, session, target, adopter)


def found(ledger, bot):
    return ledger.run(ReadSession(bot.session.id))


def holder(ledger, room):
    lease = ledger.run(ReadRoom(room)).lease
    return lease.session_id if lease else None


def events(ledger, bot):
    return [event.event for event in ledger.run(ReadEvents(bot.session.id))]


async def test_it_is_in_the_other_room_before_it_leaves_the_old_one(ledger, launches, bot, target):
    deeds = FakeBot()
    outcome = await moving(ledger, launches, bot, target, deeds).run()

    assert deeds.did == ["prepare", "enter", "fall_silent", "go_on", "leave_old"]
    assert outcome == Moved(found(ledger, bot))
    assert (outcome.session.room, outcome.session.brief.mode) == (CELLAR, "forum")
    assert (holder(ledger, STAGE), holder(ledger, CELLAR)) == (None, bot.session.id)


async def test_nothing_else_of_its_session_is_written_while_it_commits(ledger, launches, bot, target):
    """A state that reached Redis behind the commit was refused, and never written again."""
    deeds, is_alone = FakeBot(), {}

    def look(step):
        is_alone[type(step)] = deeds.writing.locked()

    await moving(ledger, launches, bot, target, deeds, on_step=look).run()

    assert [step for step, alone in is_alone.items() if alone] == [CommitMove]


async def test_it_is_prepared_as_the_session_that_it_will_be(ledger, launches, bot, target):
    deeds = FakeBot(cannot="prepare")
    await moving(ledger, launches, bot, target, deeds).run()

    assert (deeds.there.room, deeds.there.epoch, deeds.there.brief.mode) == (CELLAR, target.epoch, "forum")


@pytest.mark.parametrize("deed", ["prepare", "enter"])
async def test_a_bot_that_cannot_come_in_is_where_it_was_and_says_why(ledger, launches, bot, target, deed):
    deeds = FakeBot(cannot=deed)
    outcome = await moving(ledger, launches, bot, target, deeds).run()

    assert outcome == NotMoved(MoveFailure.UNREACHABLE, "its server is away")
    assert deeds.did[-1] == "give_up"
    session = found(ledger, bot)
    assert (session.room, session.epoch, session.procedure) == (STAGE, bot.session.epoch, None)
    assert (holder(ledger, STAGE), holder(ledger, CELLAR)) == (bot.session.id, None)
    last = ledger.run(ReadEvents(bot.session.id))[-1]
    assert (last.event, last.reason, last.detail) == (
        Happened.MOVE_FAILED,
        "unreachable",
        "its server is away",
    )


@pytest.mark.parametrize("deed", ["prepare", "enter", "fall_silent"])
async def test_a_defect_of_ours_leaves_it_where_it_was(ledger, launches, bot, target, deed):
    outcome = await moving(ledger, launches, bot, target, FakeBot(crashes=deed)).run()

    assert outcome.why is MoveFailure.OURS
    assert (holder(ledger, STAGE), holder(ledger, CELLAR)) == (bot.session.id, None)


async def test_a_session_that_ends_in_the_last_moment_does_not_move(ledger, launches, bot, target):
    outcome = await moving(ledger, launches, bot, target, FakeBot(ends=True)).run()

    assert outcome.why is MoveFailure.ENDED
    assert holder(ledger, CELLAR) is None


async def test_a_claim_that_has_lapsed_lets_nobody_in(ledger, launches, bot, target):
    ledger.pass_time(timedelta(seconds=61))
    deeds = FakeBot()
    outcome = await moving(ledger, launches, bot, target, deeds).run()

    assert outcome.why is MoveFailure.TOO_LATE
    assert deeds.did == ["give_up"]


async def test_a_claim_that_lapses_while_the_bot_prepares_lets_nobody_in(ledger, launches, bot, target):
    class Slow(FakeBot):
        async def prepare(self, there, config):
            await super().prepare(there, config)
            ledger.pass_time(timedelta(seconds=61))

    deeds = Slow()
    outcome = await moving(ledger, launches, bot, target, deeds).run()

    assert outcome.why is MoveFailure.TOO_LATE
    assert deeds.did == ["prepare", "give_up"]


@pytest.mark.parametrize("deed", ["prepare", "enter"])
async def test_a_bot_that_is_in_one_room_at_a_time_is_started_anew_in_the_other(
    ledger, launches, puppet, bot, target, deed
):
    deeds = FakeBot(cannot=deed, why=MoveFailure.NOT_TWICE)
    outcome = await moving(ledger, launches, bot, target, deeds).run()

    assert isinstance(outcome, StartedAnew)
    assert deeds.did[-2:] == ["give_up", "fall_silent"]
    session = found(ledger, bot)
    assert (session.room, session.state) == (CELLAR, State.PENDING)
    assert session.conversation_id == bot.session.conversation_id
    assert holder(ledger, STAGE) is None
    puppet().go_live()
    assert found(ledger, bot).state is State.LIVE


@pytest.mark.parametrize("step", [SetDeadline, Push])
async def test_one_that_is_started_anew_has_gone_there_although_redis_is_away_for_its_launch(
    ledger, launches, reaper, puppet, bot, target, step
):
    deeds = FakeBot(cannot="enter", why=MoveFailure.NOT_TWICE)
    outcome = await moving(ledger, launches, bot, target, deeds, away_for=[(step, False)]).run()

    assert isinstance(outcome, StartedAnew)  # the old room is not its own any more
    launched = len(launches.asked)
    for _ in range(12):
        if len(launches.asked) > launched:
            break
        ledger.pass_time(timedelta(seconds=4))
        reaper.reap()
    puppet().go_live()
    assert (found(ledger, bot).room, found(ledger, bot).state) == (CELLAR, State.LIVE)


@pytest.mark.parametrize("is_done", [True, False])
async def test_until_redis_says_where_the_session_is_the_bot_goes_on_in_the_old_room(
    ledger, launches, bot, target, is_done, monkeypatch
):
    monkeypatch.setattr("greenroom.app.rooms.moving.ASK_AGAIN_AFTER", timedelta(0))
    deeds, in_doubt = FakeBot(), []

    def note(step):
        if isinstance(step, CommitMove):
            in_doubt.append(move.is_in_doubt)

    move = moving(ledger, launches, bot, target, deeds, away_for=[(CommitMove, is_done)], on_step=note)
    outcome = await move.run()

    assert isinstance(outcome, Moved)
    assert (in_doubt, move.is_in_doubt) == ([False, True], False)
    assert deeds.did[2:] == ["fall_silent", "speak_again", "fall_silent", "go_on", "leave_old"]
    assert events(ledger, bot).count(Happened.MOVED) == 1


@pytest.mark.parametrize("goes_wrong", ["ends", "breaks"])
@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("starts_anew", [True, False])
async def test_a_move_that_is_in_doubt_and_can_be_made_no_more_ends_where_the_session_is(
    ledger, launches, bot, target, goes_wrong, is_done, starts_anew, monkeypatch
):
    """The session was in the other room, and its bot took the old one for its own and ended that."""
    monkeypatch.setattr("greenroom.app.rooms.moving.ASK_AGAIN_AFTER", timedelta(0))

    class GoesWrong(FakeBot):
        async def fall_silent(self):
            goes_on = await super().fall_silent()
            if self.did.count("fall_silent") > 1 and goes_wrong == "breaks":
                raise RuntimeError(goes_wrong)
            return goes_on and self.did.count("fall_silent") == 1

    deeds = GoesWrong(cannot="prepare" if starts_anew else None, why=MoveFailure.NOT_TWICE)
    outcome = await moving(ledger, launches, bot, target, deeds, away_for=[(CommitMove, is_done)]).run()

    there = StartedAnew if starts_anew else Moved
    assert isinstance(outcome, there if is_done else NotMoved)
    assert in_one_room(ledger, bot) == (CELLAR if is_done else STAGE)
    assert ("go_on" in deeds.did) is (is_done and not starts_anew)
    assert len(launches.session_ids) == (2 if is_done and starts_anew else 1)


def in_one_room(ledger, bot):
    """The room that the session is in; nobody but it has either."""
    room = found(ledger, bot).room
    other = STAGE if room == CELLAR else CELLAR
    assert (holder(ledger, room), holder(ledger, other)) == (bot.session.id, None)
    assert ledger.run(ReadUserBot("ada")).room == room
    return room


STEPS = range(9)


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "untold"])
@pytest.mark.parametrize("step", STEPS)
async def test_wherever_it_dies_its_session_has_a_bot_again_in_one_of_the_rooms(
    ledger, launches, reaper, puppet, bot, target, step, is_told
):
    move = moving(ledger, launches, bot, target, FakeBot(), dies_before=step)
    try:
        await move.run()
    except Died:
        pass
    is_committed = Happened.MOVED in events(ledger, bot)
    if is_told:
        reaper.lost(bot.session.id, owner=bot.owner, failure=DIED)
        in_one_room(ledger, bot)  # at once
    for _ in range(12):
        if found(ledger, bot).state is State.PENDING and holder(ledger, CELLAR) != holder(ledger, STAGE):
            break
        ledger.pass_time(timedelta(seconds=4))
        reaper.reap()

    assert in_one_room(ledger, bot) == (CELLAR if is_committed else STAGE)
    session = found(ledger, bot)
    assert (session.state, session.procedure, len(session.crashes)) == (State.PENDING, None, 1)
    puppet().go_live()
    assert found(ledger, bot).state is State.LIVE


@pytest.mark.parametrize("step", STEPS)
async def test_wherever_it_is_cancelled_the_session_is_in_one_of_the_rooms(
    ledger, launches, bot, target, step
):
    deeds = FakeBot()
    task = None

    def cancel_at(_step):
        if move._ledger.steps == step + 1:
            task.cancel()

    move = moving(ledger, launches, bot, target, deeds, on_step=cancel_at)
    task = asyncio.create_task(move.run())
    await asyncio.wait({task})

    room = in_one_room(ledger, bot)
    assert ("go_on" in deeds.did) is (room == CELLAR)


async def test_a_bot_that_is_cancelled_as_its_session_starts_anew_elsewhere_has_the_next_one_launched(
    ledger, launches, bot, target
):
    """It went on in the other room, where it had nothing to go on with."""
    cancelled = []

    def cancel_behind_the_commit(step):
        if isinstance(step, CommitMove) and not cancelled:
            cancelled.append(ledger.run(step))
            raise asyncio.CancelledError

    deeds = FakeBot(cannot="prepare", why=MoveFailure.NOT_TWICE)
    with pytest.raises(asyncio.CancelledError):
        await moving(ledger, launches, bot, target, deeds, on_step=cancel_behind_the_commit).run()

    assert in_one_room(ledger, bot) == CELLAR
    assert "go_on" not in deeds.did
    assert launches.session_ids == [bot.session.id] * 2


async def test_a_session_that_left_meanwhile_is_in_neither_room(ledger, launches, bot, target):
    def leave(step):
        if isinstance(step, CommitMove):
            bot.leave()

    outcome = await moving(ledger, launches, bot, target, FakeBot(), on_step=leave).run()

    assert outcome.why is MoveFailure.TOO_LATE
    assert (holder(ledger, STAGE), holder(ledger, CELLAR)) == (None, None)
    assert found(ledger, bot).reason is Reason.LEFT


async def test_a_move_that_nobody_makes_is_asked_for_again_and_then_called_off(
    ledger, launches, reaper, bot, target
):
    for _ in range(9):
        ledger.pass_time(timedelta(seconds=3))
        bot.beat()
        reaper.reap()

    assert launches.moves == [(bot.session.id, target.epoch)] * 2
    assert in_one_room(ledger, bot) == STAGE
    assert found(ledger, bot).procedure is None
    assert events(ledger, bot)[-1] == Happened.MOVE_FAILED


async def test_a_claim_whose_claimer_died_before_the_record_knew_of_it_is_withdrawn(
    ledger, launches, reaper, bot, target
):
    ledger.run(Advance(bot.session.id, bot.session.epoch, target.at("claimed"), None))
    for _ in range(5):
        ledger.pass_time(timedelta(seconds=3))
        bot.beat()
        reaper.reap()

    assert in_one_room(ledger, bot) == STAGE
    assert found(ledger, bot).state is State.LIVE


async def test_a_bot_that_enters_and_hangs_frees_the_other_room(ledger, launches, reaper, bot, target):
    move = moving(ledger, launches, bot, target, FakeBot(), dies_before=4)
    with pytest.raises(Died):
        await move.run()
    for _ in range(12):
        ledger.pass_time(timedelta(seconds=3))
        bot.beat()
        reaper.reap()

    assert in_one_room(ledger, bot) == STAGE
    assert (found(ledger, bot).state, found(ledger, bot).crashes) == (State.LIVE, ())


async def test_whoever_takes_the_other_room_over_does_not_end_the_session(
    ledger, launches, joining, bot, target
):
    """Its bot hangs in the middle of the move; another user comes into the room that it was on its way to."""
    move = moving(ledger, launches, bot, target, FakeBot(), dies_before=4)
    with pytest.raises(Died):
        await move.run()
    for _ in range(9):
        ledger.pass_time(timedelta(seconds=3))
        bot.beat()
    theirs = joining.join(an_order(CELLAR, user_id="bob"))

    assert holder(ledger, CELLAR) == theirs.session_id
    assert (found(ledger, bot).room, found(ledger, bot).state) == (STAGE, State.LIVE)


async def test_a_session_that_was_lost_in_a_room_which_it_had_left_is_left_alone(
    ledger, launches, reaper, bot, target
):
    await moving(ledger, launches, bot, target, FakeBot()).run()
    ledger.run(Transition(bot.session.id, State.TRANSITIONING, target.epoch))
    ledger.run(Transition(bot.session.id, State.LIVE, target.epoch))
    before = found(ledger, bot)
    reaper.lost(bot.session.id, owner="bots@another/job/9", failure=DIED)

    assert found(ledger, bot) == before
