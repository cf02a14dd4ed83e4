"""What an admin asks of a bot: to say something, or to be another way from now on.

How it is to be lies in its room's config, as what `POST /config` changes does: each next bot of the session finds it
there, after a crash, in another worker, and in another room.  `administering.py` writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from greenroom.app.errors.bots import BotMuted, BotPaused, NobodyThere, OnItsWay
from greenroom.app.rooms.bodies import Body
from greenroom.app.rooms.requests.answers import Directed, Said
from greenroom.app.rooms.requests.asked_bot import AskedBot
from greenroom.app.rooms.requests.request import Changing, Request

# Names in a room's config.  None, or left out: not so
MUTED = "muted"  # it hears and writes down what is said, and neither thinks nor speaks
STEALTH = "stealth"  # muted, and shows nothing of itself
GUIDANCE = "guidance"  # an instruction behind its prompt
KINDS: Mapping[str, type] = {MUTED: bool, STEALTH: bool, GUIDANCE: str}

LONGEST_SENTENCE = 1000  # characters that a bot is made to say at once: about a minute


@dataclass(frozen=True)
class Say(Request[Said]):
    """Say something as it is; it comes into the conversation as the bot's own words.

    The API sends it for `POST /admin`.  The bot answers once it is to be said next.
    """

    name = "say"
    answer = Said
    refusals = (OnItsWay, NobodyThere, BotPaused, BotMuted)
    within = timedelta(seconds=5)

    text: str
    interrupt: bool = False

    async def carry_out(self, bot: AskedBot) -> Said:
        return await bot.say(self.text, interrupt=self.interrupt)

    @classmethod
    def of_body(cls, body: Body) -> "Request[Said]":
        text = body.get("text")
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_SENTENCE:
            raise ValueError(f"text is 1 to {LONGEST_SENTENCE} characters, and not only spaces")
        return super().of_body(body)


@dataclass(frozen=True)
class Direct(Changing[Directed]):
    """Be muted, stealthy or guided, or not any more.

    The API sends it for `POST /admin`, once the change is in the room's config.
    """

    name = "direct"
    answer = Directed
    within = timedelta(seconds=5)
    CHANGEABLE: ClassVar = frozenset(KINDS)

    @classmethod
    def kind_of(cls, name: str) -> type:
        return KINDS[name]

    async def carry_out(self, bot: AskedBot) -> Directed:
        return await bot.direct(self.changes)
