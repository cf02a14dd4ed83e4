"""What a session's bot can be asked: each request with its fields, its answer, who sends it, its time limit, and what
the bot does then.

`messages.ask` puts a request into the session's inbox and waits for the answer.  A bot reads its
inbox once its pipeline runs, or a second after it has taken the session up if that is earlier, and handles requests in
order; a request that is older than its time limit when it is read is answered with `expired`
and not handled.  So is a request that was for the session's bot before; `ask` sends it again to this one.

To let a bot be asked something new, add a class here, and to REQUESTS; its answer is `Done`, or one more of
`bot_answers.py`.  Where it does what no request has needed yet, `AskedBot` (`asked_bot.py`) gets a method, and
`bots/stay/requests.py` says how that is done to a pipecat bot.  The API sends it where it is `for_callers`; one that
needs more than its own fields has a view of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from greenroom.app.errors import (
    CandidatesRefused,
    NotMovable,
    OfferRefused,
    OthersThere,
    RoomFull,
)
from greenroom.app.rooms.asked_bot import AskedBot, Request
from greenroom.app.rooms.asking import ANOTHER_CAME, check_alone, ended_by, wish_of
from greenroom.app.rooms.bodies import Body
from greenroom.app.rooms.bot_answers import (
    MALFORMED,
    UNKNOWN,
    Cleaned,
    Done,
    GivesWay,
    OfferAnswer,
    PeopleSeen,
)
from greenroom.app.rooms.precedence import MERGED
from greenroom.app.rooms.sessions import Reason


class BadRequest(Exception):
    """A message that cannot be read as a request; its only argument is what the bot answers: UNKNOWN or MALFORMED."""


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
class Configure(Request[Done]):
    """Change how a bot speaks and thinks, from its next answer on.

    The API sends it for `POST /config`, once the change is in the room's record: a bot that takes the session over
    finds it there.
    """

    name = "config"
    answer = Done
    within = timedelta(seconds=5)
    CHANGEABLE: ClassVar = frozenset(
        {"personality", "persona", "instructions", "voice", "voice_parameters", "language", "mode", "prompt"}
    )

    changes: Mapping[str, object]  # None: back to what the session was joined with, else to its personality's

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.change(self.changes)
        return Done()

    def body(self) -> Body:
        return dict(self.changes)

    @classmethod
    def of_body(cls, body: Body) -> "Configure":
        if unknown := body.keys() - cls.CHANGEABLE:
            raise ValueError(f"cannot be changed: {sorted(unknown)}")
        for name, value in body.items():
            if value is not None and not isinstance(value, Mapping if name in MERGED else str):
                raise ValueError(f"{name} is {type(value).__name__}")
        return cls(body)


@dataclass(frozen=True)
class HeedRecord(Request[Done]):
    """Look at what the session's record says now: whether its bot is paused, and how long it may last.

    Whoever changes that sends it, once the change is in the record.  Of two changes at once the record decides, in
    whichever order their messages are read.
    """

    name = "heed_record"
    answer = Done
    within = timedelta(seconds=5)
    within_of_start = timedelta(seconds=30)
    # Longer than a bot goes on without Redis: one that reads it late would else stay silent when its pause is over
    lasts = timedelta(minutes=15)

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.heed_record()
        return Done()


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


@dataclass(frozen=True)
class CleanUp(Request[Cleaned]):
    """Cancel what is under way, and wait until it has ended; the session and its conversation go on.

    The API sends it for `POST /sessions/{id}/cleanup`.  The bot answers when it is done, and the same wish twice with
    what came of the first one.  Asked `by` a person of the room it refuses while others are there.
    """

    name = "cleanup"
    answer = Cleaned
    refusals = (OthersThere,)
    within = timedelta(seconds=8)  # a second to cancel, one more to read anew, two to write

    by: str | None = None
    timestamp: str | None = None  # by which a client knows its wish

    async def carry_out(self, bot: AskedBot) -> Cleaned:
        check_alone(bot.people, self.by)
        return await bot.clean_up(wish_of(self.by, self.timestamp))


@dataclass(frozen=True)
class MoveTo(Request[Done]):
    """Move to another room, which is claimed for the session already.

    The control worker sends it.  The bot reads in the record where to, and answers once it has begun; what came of it
    is in the history.  It refuses where the move would leave others without it who shall not be.
    """

    name = "move"
    answer = Done
    refusals = (NotMovable, OthersThere)
    within = timedelta(seconds=10)
    within_of_start = timedelta(seconds=30)

    epoch: str  # of the claim; a number of so many digits is not kept everywhere

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.move(int(self.epoch))
        return Done()


@dataclass(frozen=True)
class Notice(Request[Done]):
    """Show the people's clients some words, as of a change that is coming; nobody says them aloud.

    The holder of the API key sends it.
    """

    name = "notice"
    answer = Done
    within = timedelta(seconds=5)
    for_callers = True
    LONGEST: ClassVar = 500

    text: str

    async def carry_out(self, bot: AskedBot) -> Done:
        bot.tell("notice", text=self.text)
        return Done()

    @classmethod
    def of_body(cls, body: Body) -> "Request[Done]":
        text = body.get("text")
        if not isinstance(text, str) or not 0 < len(text) <= cls.LONGEST or not text.isprintable():
            raise ValueError(f"text is 1 to {cls.LONGEST} printable characters on one line")
        return super().of_body(body)


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


REQUESTS: Mapping[str, type[Request[Any]]] = {
    each.name: each
    for each in (
        Offer,
        Candidates,
        Configure,
        HeedRecord,
        GiveWay,
        Leave,
        LeaveLater,
        Expect,
        CleanUp,
        MoveTo,
        Look,
        Notice,
    )
}


def read(name: str, body: Body) -> Request[Any]:
    """The request of a message.  Raises BadRequest."""
    if name not in REQUESTS:
        raise BadRequest(UNKNOWN)
    try:
        if not isinstance(body, Mapping):
            raise ValueError(f"no object: {type(body).__name__}")
        return REQUESTS[name].of_body(body)
    except ValueError as error:
        raise BadRequest(MALFORMED) from error
