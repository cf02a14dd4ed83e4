"""Requests that change a bot, or what it does next; its session goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from greenroom.app.errors.rooms import OthersThere
from greenroom.app.errors.sessions import AnotherBot, NotMovable
from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.errors.users import ProfileIncomplete, UnknownAssistant, VoiceNotEnabled
from greenroom.app.rooms.precedence import MERGED
from greenroom.app.rooms.requests.answers import Cleaned, Configured, Done
from greenroom.app.rooms.requests.asked_bot import AskedBot
from greenroom.app.rooms.requests.asking import check_alone, wish_of
from greenroom.app.rooms.requests.request import Changing, Request


@dataclass(frozen=True)
class Configure(Changing[Configured]):
    """Change how a bot speaks, thinks and waits, from its next answer on.

    The API sends it for `POST /config`, once the change is in the room's record: a bot that takes the session over
    finds it there.  None: back to what the session was joined with, else to its personality's.
    """

    name = "config"
    answer = Configured
    within = timedelta(seconds=5)
    CHANGEABLE: ClassVar = frozenset(
        {
            *("personality", "persona", "instructions", "voice", "voice_parameters", "language", "mode"),
            *("prompt", "prompts"),
            *("model", "services", "tools", "app_events", "silence", "persistence"),
        }
    )
    KINDS: ClassVar[Mapping[str, type]] = {
        **dict.fromkeys((*MERGED, "services"), Mapping),
        **dict.fromkeys(("tools", "app_events"), list),
        **dict.fromkeys(("silence", "persistence"), int),
    }

    @classmethod
    def kind_of(cls, name: str) -> type:
        return cls.KINDS.get(name, str)

    async def carry_out(self, bot: AskedBot) -> Configured:
        return await bot.configure(self.changes)


@dataclass(frozen=True)
class Switch(Request[Done]):
    """Be another assistant, with its memory and an empty history, in the same call.

    The holder of the API key sends it.  Facts that the call or `POST /config` decides stay as they are.
    """

    name = "switch"
    answer = Done
    refusals = (UnknownAssistant, AnotherBot, VoiceNotEnabled, ProfileIncomplete, DatabaseAway)
    within = timedelta(seconds=8)  # two to read, two to cut off what goes on, two to write what was said
    for_callers = True

    assistant: str

    async def carry_out(self, bot: AskedBot) -> Done:
        await bot.switch(self.assistant)
        return Done()


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
