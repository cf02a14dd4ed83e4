"""When nobody has said anything for long, although people are there: the bot asks once, then its session ends.

Plain rules on a clock that is handed in.  `bots/stay/quiet.py` looks once a second, and does what follows.
"""

from datetime import timedelta
from enum import Enum


class Follows(Enum):
    """What a bot does now about a quiet call."""

    NOTHING = "there is still time, or no limit"
    ASK = "ask whether anybody is still there"
    END = "end the session: it was asked, and nobody has said anything since"


class Quiet:
    """How long one call has been quiet.

    A bot that takes the session over begins to count anew, since a hand-over is seen by the people; what it counts is
    in no record.
    """

    def __init__(self, now: float) -> None:
        """`now` is a time in seconds, as are those of the other calls."""
        self._since = now
        self._has_asked = False

    def begin_anew(self, now: float) -> None:
        """A person spoke, wrote, came or went; or the bot could not be talked with until now."""
        self._since, self._has_asked = now, False

    def bot_spoke(self, now: float) -> None:
        """The bot spoke: people have all the time to answer.  Its own question answers nothing."""
        self._since = now

    def look(self, now: float, limit: timedelta) -> Follows:
        """What follows at this time, where a call may be quiet for as long as `limit`; 0: for ever."""
        if not limit:
            self.begin_anew(now)
        if not limit or now - self._since < limit.total_seconds():
            return Follows.NOTHING
        if self._has_asked:
            return Follows.END
        self._since, self._has_asked = now, True
        return Follows.ASK
