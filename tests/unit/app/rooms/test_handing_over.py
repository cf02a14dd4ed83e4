"""Whoever of two bots dies while one hands its room to the other, at any moment: the lease says who goes on.

So a hand-over needs no procedure that somebody would have to finish: what an ordinary look at the room finds is enough.
"""

from datetime import timedelta
from itertools import product

import pytest

from greenroom.app.rooms.handovers import HandOver, HandoverTurn, Ready, Yield
from greenroom.app.rooms.leases import Adoption, Beaten, ReadRoom
from greenroom.app.rooms.line import LeaveLine
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.sessions import ReadSession, State, Succeed
from tests.rigs.makers import DIED, STAGE, an_order

pytestmark = pytest.mark.usefixtures("staffed")

HEIR = "the-heir-s-token"


class HandingOver:
    """Both sides of a hand-over, step by step, in the order in which they come."""

    def __init__(self, ledger, launches, puppet, bot):
        self._ledger, self._launches, self._puppet = ledger, launches, puppet
        self.bot, self.heir, self.epoch = bot, None, None
        self.session = bot.session

    def name(self):
        assert self._ledger.run(HandOver(STAGE, self.bot.owner, self.bot.session.epoch, HEIR))

    def launch(self):
        self._ledger.run(self._launches.launch(self.session, HEIR, in_front=True))

    def adopt(self):
        self.heir = self._puppet()
        assert self.heir.adopt() is Adoption.NEXT

    def be_ready(self):
        assert self._ledger.run(Ready(STAGE, HEIR, self.heir.owner)) is HandoverTurn.WAIT

    def give(self):
        self.epoch = self._ledger.run(Yield(STAGE, self.bot.owner, self.bot.session.epoch, State.LIVE))
        assert self.epoch == self.heir.session.epoch

    def write(self):
        self._ledger.run(Succeed(self.session.id, self.epoch, "handed_over"))

    def take(self):
        assert self._ledger.run(Ready(STAGE, HEIR, self.heir.owner)) is HandoverTurn.YOURS
        self._ledger.run(Succeed(self.session.id, self.heir.session.epoch, "handed_over", host="bots@stage"))
        self._ledger.run(LeaveLine(self.session.id))

    STEPS = (name, launch, adopt, be_ready, give, write, take)


@pytest.fixture
def handing(ledger, launches, joining, puppet):
    joining.join(an_order())
    return HandingOver(ledger, launches, puppet, puppet().go_live())


WHO = {"the bot": "bot", "its heir": "heir"}
DEATHS = [
    (steps, dead)
    for steps, dead in product(
        range(len(HandingOver.STEPS) + 1), (["bot"], ["heir"], ["bot", "heir"], ["heir", "bot"])
    )
    if steps >= 3 or dead == ["bot"]  # until then nobody has adopted the heir's claim
]


@pytest.mark.parametrize("is_told", [True, False], ids=["their parents tell", "nobody tells"])
@pytest.mark.parametrize(
    ("steps", "dead"),
    DEATHS,
    ids=lambda value: " and ".join(value) if isinstance(value, list) else f"{value} steps",
)
def test_whoever_dies_after_any_step_the_session_has_one_bot_again(
    ledger, launches, reaper, puppet, handing, steps, dead, is_told
):
    for step in HandingOver.STEPS[:steps]:
        step(handing)
    had_room = ledger.run(ReadRoom(STAGE)).lease.owner
    living = [
        bot
        for bot in (handing.bot, handing.heir)
        if bot and bot not in [getattr(handing, who) for who in dead]
    ]

    for who in dead if is_told else ():
        reaper.lost(handing.session.id, owner=getattr(handing, who).owner, failure=DIED)
    for _ in range(
        40
    ):  # who lives and has the room beats; who lives and waits looks whether it is their turn
        ledger.pass_time(timedelta(seconds=1))
        for bot in list(living):
            if bot is handing.heir and ledger.run(ReadRoom(STAGE)).lease.owner != bot.owner:
                if ledger.run(Ready(STAGE, HEIR, bot.owner)) is HandoverTurn.LAPSED:
                    living.remove(bot)
            elif bot.beat() is Beaten.SUPERSEDED:
                living.remove(bot)
            elif bot is handing.heir:
                handing.take()
        reaper.reap()
        lease = ledger.run(ReadRoom(STAGE)).lease
        if lease.owner is None and launches.asked[-1][1] == lease.token:
            living.append(puppet().go_live())

    lease, session = ledger.run(ReadRoom(STAGE)).lease, ledger.run(ReadSession(handing.session.id))
    with_room = [bot for bot in living if bot.owner == lease.owner]
    assert len(with_room) == 1 and with_room[0].beat() is Beaten.KEPT
    assert (session.state, session.epoch) == (State.LIVE, lease.epoch)
    killed = [getattr(handing, who).owner for who in dead]
    assert len(session.crashes) == (1 if had_room in killed else 0)
    assert [event.event for event in ledger.run(ReadEvents(session.id))].count("lost") == len(session.crashes)
