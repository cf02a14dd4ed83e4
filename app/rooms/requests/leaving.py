"""Requests to leave, and to stay for somebody."""

from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.errors.rooms import OthersThere
from greenroom.app.rooms.requests.answers import (
    Done,
    GivesWay,
)
from greenroom.app.rooms.requests.asked_bot import AskedBot
from greenroom.app.rooms.requests.asking import ANOTHER_CAME, check_alone, ended_by
from greenroom.app.rooms.requests.request import Request
from greenroom.app.rooms.sessions import Reason


@dataclass(frozen=True)
class GiveWay(Request[GivesWay]):
    """Leave, if nobody is in the room: the slot is wanted.

    The reaper sends it to the bots that have been alone for longest, as many as people wait, and awaits no answer.
    So may the holder of the API key, who is told whether the bot leaves.
    """

    name = "give_way"
    answer = GivesWay
    within = timedelta(seconds=10)
    for_callers = True

    async def carry_out(self, bot: AskedBot) -> GivesWay:
        return GivesWay(bot.give_way())


@dataclass(frozen=True)
class Leave(Request[Done]):
    """Say goodbye, and end the session; a bot whose user has another one in another room says nothing.

    The API sends it for `POST /leave`.  The bot answers when it has left.  Asked `by` a person of the room it refuses
    while others are there.
    """

    name = "leave"
    answer = Done
    refusals = (OthersThere,)
    within = timedelta(seconds=12)  # a bot says goodbye for at most 8 of them

    reason: Reason
    by: str | None = None

    async def carry_out(self, bot: AskedBot) -> None:
        check_alone(bot.people, self.by)
        moves_out = self.reason is Reason.MOVED_OUT
        bot.leave(self.reason, detail=ANOTHER_CAME if moves_out else ended_by(self.by))


@dataclass(frozen=True)
class LeaveLater(Request[Done]):
    """Let whoever is there go, and wait so long for somebody to come back; then end the session.

    The API sends it for `POST /leave` with a `teardown_delay`.  Whoever comes, and whoever joins, cancels it.  Asked
    `by` a person of the room the bot refuses while others are there.
    """

    name = "leave_later"
    answer = Done
    refusals = (OthersThere,)
    within = timedelta(seconds=5)

    seconds: float
    by: str | None = None

    async def carry_out(self, bot: AskedBot) -> Done:
        check_alone(bot.people, self.by)
        detail = f"{ended_by(self.by)}, and nobody came back in {self.seconds:g} s"
        await bot.leave_later(timedelta(seconds=self.seconds), detail)
        return Done()


@dataclass(frozen=True)
class Expect(Request[Done]):
    """Wait for somebody who is on their way.

    `POST /join` sends it to a bot that waits in an empty room, and awaits no answer: without it the bot could end
    between the join and the person's coming.
    """

    name = "expect"
    answer = Done
    within = timedelta(seconds=10)

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.expect()
        return Done()
