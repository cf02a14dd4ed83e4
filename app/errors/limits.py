"""As many as may, or as much as may: the caller waits, and tries again."""

from greenroom.app.errors.families import GreenroomError, QuotaReached, Unavailable


class Busy(Unavailable):
    """As many wait here as may; try again in a moment."""

    kind = "busy"
    retry_after = 1


class NoLongerAwaited(Unavailable):
    """A later offer took this one's place, or this process is to end; try again in a moment."""

    kind = "no-longer-awaited"
    retry_after = 1


class InboxFull(GreenroomError):
    """The bot has a thousand unread messages; send fewer, or wait until it answers."""

    kind = "inbox-full"
    retry_after = 1


class TooManyStreams(GreenroomError):
    """Too many callers follow events here already; ask for them as JSON, or try again in a while."""

    kind = "too-many-streams"
    retry_after = 10


class QueueFull(Unavailable):
    """All bots are busy and a thousand callers are waiting already; try again in a while, or add workers."""

    kind = "queue-full"
    retry_after = 10


class TooManySessions(QuotaReached):
    """As many sessions are on as one key may have; try again when some have ended."""

    kind = "too-many-sessions"
    retry_after = 30


class TooManyRequests(QuotaReached):
    """That is more requests than one caller may make in a minute; wait as long as Retry-After says."""

    kind = "too-many-requests"

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class TooManyOfOneUser(QuotaReached):
    """This user, or link, has as many sessions as one may have; end one with POST /leave, or wait until one ends."""

    kind = "too-many-sessions-of-user"
    retry_after = 30


class TooManyInLine(QuotaReached):
    """This user, or link, has as many places in line as one may have; give one up with POST /leave, or wait."""

    kind = "too-many-in-line"
