"""Requests of a person's browser that is to hear the bot, and who is seen there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.errors.bots import CandidatesRefused, OfferRefused
from greenroom.app.errors.rooms import RoomFull
from greenroom.app.rooms.requests.answers import (
    Done,
    OfferAnswer,
    PeopleSeen,
)
from greenroom.app.rooms.requests.asked_bot import AskedBot
from greenroom.app.rooms.requests.request import Request


@dataclass(frozen=True)
class Offer(Request[OfferAnswer]):
    """Connect a browser to a bot in a room of this installation.

    The API sends it for `POST /sessions/{id}/api/offer`.  The bot answers with its own half of the connection; the one
    that the same person had before is closed.
    """

    name = "offer"
    answer = OfferAnswer
    refusals = (OfferRefused, RoomFull)
    within = timedelta(seconds=10)
    # As long as /join waits: pipecat's clients offer three times, and give up for good at the first 4xx
    within_of_start = timedelta(seconds=30)

    user_id: str
    offer: Mapping[str, object]  # sdp, type, pc_id, restart_pc

    async def carry_out(self, bot: AskedBot) -> OfferAnswer:
        return OfferAnswer(await bot.connect(self.user_id, self.offer))


@dataclass(frozen=True)
class Candidates(Request[Done]):
    """Tell the bot of more ways to reach a browser that it is connecting with.

    The API sends it for `PATCH /sessions/{id}/api/offer`.
    """

    name = "candidates"
    answer = Done
    refusals = (CandidatesRefused, OfferRefused)
    within = timedelta(seconds=10)

    pc_id: str
    candidates: Sequence[Mapping[str, object]]

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.add_candidates(self.pc_id, self.candidates)
        return Done()


@dataclass(frozen=True)
class Look(Request[PeopleSeen]):
    """Say who is there, since when, and what they send.

    The API sends it for `GET /rooms/{room}`, where the room's server does not tell that, or there is none.
    """

    name = "look"
    answer = PeopleSeen
    within = timedelta(seconds=2)

    async def carry_out(self, bot: AskedBot) -> PeopleSeen:
        return PeopleSeen.of(bot.look())
