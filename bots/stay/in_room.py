"""What a stay has of one room: all else is its session's, in whichever room its bot is."""

from dataclasses import dataclass

from greenroom.bots.outbox import Outbox
from greenroom.bots.stay.bot_run import BotRun
from greenroom.bots.stay.controls import Controls
from greenroom.bots.stay.doorway import Doorway
from greenroom.bots.stay.voices import Voices
from greenroom.bots.transports.stage import Stage
from greenroom.bots.turns.hearing import Hearing


@dataclass(frozen=True)
class InRoom:
    """A run of the bot's own code in one room, and what it is connected with."""

    stage: Stage
    doorway: Doorway  # from the stage to the session
    hearing: Hearing  # of what is said there
    outbox: Outbox  # to the clients of the people there
    bot_run: BotRun
    voices: Voices  # who speaks there, and how loudly
    controls: Controls  # how the bot there is changed, and made to say something


class Rooms:
    """Where a stay's bot is."""

    def __init__(self, now: InRoom) -> None:
        self.now = now
        self.next: InRoom | None = None  # while it moves there

    @property
    def all(self) -> tuple[InRoom, ...]:
        return (self.now,) if self.next is None else (self.now, self.next)

    async def run_is_over(self) -> None:
        """Wait until the bot's run is over in the room where the bot is then."""
        waited_for = None
        while waited_for is not self.now:
            waited_for = self.now
            await waited_for.bot_run.over()

    def silence(self) -> None:
        """Let the bot be heard nowhere any more."""
        for each in self.all:
            each.stage.silence()
