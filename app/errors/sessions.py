"""A session, and the conversation that it has."""

from greenroom.app.errors.families import Conflict, Gone, Missing, Rejected, Unavailable


class ConversationOfAnother(Conflict):
    """That conversation is another user's; leave conversation_id out to begin a new one."""

    kind = "conversation-of-another"


class ResumeTokenUsed(Gone):
    """That resume token was used before, and each is good for one return: join as at first, or with the newest one."""

    kind = "resume-token-used"


class NoSuchSession(Missing):
    """There is no session with that id; it may have ended more than a day ago."""

    kind = "no-such-session"


class NoSuchConversation(Missing):
    """There is no conversation with that id, or nothing has been said in it."""

    kind = "no-such-conversation"


class SessionEnded(Gone):
    """That session has ended; POST /join starts another."""

    kind = "session-ended"


class AnotherBot(Conflict):
    """That assistant is another bot than the session's, which cannot become it: have it leave, and join with that."""

    kind = "another-bot"


class NotMovable(Conflict):
    """The session's bot cannot move now: it is not on stage yet, is moving already, leaves, or is being handed over."""

    kind = "not-movable"


class IllegalTransition(Conflict):
    """A session cannot go from the state it is in to that one."""

    kind = "illegal-transition"


class DurationRefused(Rejected):
    """A session lasts a day at most, and not less long than it has lasted already."""

    kind = "duration-refused"


class LaunchFailed(Unavailable):
    """The bot did not start; its session's events say why."""

    kind = "launch-failed"
    retry_after = 5


class MoveFailed(Unavailable):
    """The bot could not move, and is where it was; its session's events say why."""

    kind = "move-failed"
    retry_after = 5
