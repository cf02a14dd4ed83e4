"""A bot that comes instead of another one has that leave once it is on stage itself, however often it must be asked."""

import pytest

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.inbox import AwaitAnswer, Send
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import ReadSession, Reason, State
from greenroom.bots.stay import replaced
from tests.fakes.async_ledgers import Told
from tests.fakes.stays import parts_of_a_stay
from tests.rigs.makers import a_session

pytestmark = pytest.mark.anyio

ELSEWHERE = Room.parse("local:elsewhere")


class Installation(Told):
    """A Redis that is away at first, and in which another session's bot leaves when it is told to."""

    def __init__(self, *, away=0, unanswered=0):
        super().__init__()
        self.away, self.unanswered = away, unanswered
        self.other = a_session("the-other", room=ELSEWHERE, state=State.LIVE)

    async def run(self, step):
        if self.away:
            self.away -= 1
            raise RedisAway
        await super().run(step)
        if isinstance(step, ReadSession):
            return self.other
        if isinstance(step, Send):
            return "a-message"
        if isinstance(step, AwaitAnswer):
            if self.unanswered:
                self.unanswered -= 1
                return None
            return {}
        return None

    def asked(self):
        return [(step.session_id, step.kind, step.body) for step in self.told if isinstance(step, Send)]


LEAVE = ("the-other", "leave", {"reason": Reason.MOVED_OUT, "by": "ada"})


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(replaced, "ASKED_AGAIN_AFTER", replaced.ASKED_AGAIN_AFTER / 100)


async def started(ledger, **facts):
    parts = parts_of_a_stay(ledger=ledger, **facts)
    assert ledger.asked() == []
    await parts.listener.started()
    await parts.chores.done()


async def test_the_other_leaves_once_this_one_is_on_stage():
    ledger = Installation()
    await started(ledger, instead_of="the-other")

    assert ledger.asked() == [LEAVE]


@pytest.mark.parametrize(
    ("ledger", "times"),
    [(Installation(unanswered=2), 3), (Installation(away=2), 1)],
    ids=["it does not answer", "Redis is away"],
)
async def test_it_is_asked_until_it_has(ledger, times):
    await started(ledger, instead_of="the-other")

    assert ledger.asked() == [LEAVE] * times


async def test_a_bot_that_comes_instead_of_none_asks_nobody():
    ledger = Installation()
    await started(ledger)

    assert ledger.asked() == []
