"""Everything that is allowed to go wrong, grouped by what the caller can do about it.

The docstring is the message a person reads.  Anything else that is raised is a
bug and is not caught.
"""


class GreenroomError(Exception):
    """Something that Greenroom expected might happen."""

    kind = "error"  # a stable word for machines, the last part of a problem's type

    def __init__(self, message: str | None = None, **facts: object) -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))
        self.facts = facts  # identifiers, for logs and replies


class Rejected(GreenroomError):
    """The request cannot work as sent."""

    kind = "rejected"


class BadJson(Rejected):
    """The body is not JSON as the standard has it."""

    kind = "bad-json"


class Unauthorized(GreenroomError):
    """Send the API key, or the token that /join returned, as `Authorization: Bearer ...`."""

    kind = "unauthorized"


class UnknownCredential(Unauthorized):
    """That key, pass or token is not one of this installation's, or it has expired."""


class PassExpired(Unauthorized):
    """That link has expired; ask whoever gave it to you for another."""

    kind = "pass-expired"


class BadSignature(Unauthorized):
    """That webhook was not signed with our key, or is more than five minutes old."""

    kind = "bad-signature"


class Forbidden(GreenroomError):
    """That token is for another session, or this needs the API key."""

    kind = "forbidden"


class NotYourRoom(Forbidden):
    """A room whose name begins with voice- is one user's own: POST /voice/room says what a user's is called; join it as
    that user, or join another room."""

    kind = "not-your-room"


class NoVoiceRoom(Rejected):
    """A guest is nobody in particular and has no room of their own; name the user_id of a person."""

    kind = "no-voice-room"


class NotAVoiceRoom(Rejected):
    """That is nobody's own voice room; POST /leave takes a bot out of any room."""

    kind = "not-a-voice-room"


class Missing(GreenroomError):
    """There is nothing with that id."""

    kind = "missing"


class UnknownRequest(Missing):
    """A bot cannot be asked for that."""


class Conflict(GreenroomError):
    """It could have worked, but not in the present state."""

    kind = "conflict"


class VoiceNotEnabled(Conflict):
    """Voice sessions are not for this user or assistant yet: do what `fallback` names."""

    kind = "voice-not-enabled"


class UserInSession(Conflict):
    """A bot is with that user just now: end their sessions with POST /leave first."""

    kind = "user-in-session"


class ConversationOfAnother(Conflict):
    """That conversation is another user's; leave conversation_id out to begin a new one."""

    kind = "conversation-of-another"


class Gone(GreenroomError):
    """It was there, and has ended."""

    kind = "gone"


class ResumeTokenUsed(Gone):
    """That resume token was used before, and each is good for one return: join as at first, or with the newest one."""

    kind = "resume-token-used"


class Unavailable(GreenroomError):
    """Something we depend on is down; trying again may work."""

    kind = "unavailable"
    retry_after = 2  # seconds


class Busy(Unavailable):
    """As many wait here as may; try again in a moment."""

    kind = "busy"
    retry_after = 1


class NoLongerAwaited(Unavailable):
    """A later offer took this one's place, or this process is to end; try again in a moment."""

    kind = "no-longer-awaited"
    retry_after = 1


class TimedOut(GreenroomError):
    """The answer did not come in time; trying again may work."""

    kind = "timed-out"


class BadRoom(Rejected):
    """A room_url is as in local:standup, wss://livekit.example.com/standup or https://example.daily.co/standup; its
    name has up to 64 letters, digits, dashes and underscores."""

    kind = "bad-room"


class NotOurRoom(Rejected):
    """This installation has no rooms at that server."""

    kind = "not-our-room"


class ReservedName(Rejected):
    """A user_id may not begin with bot:, since that is how bots are known; choose another."""

    kind = "reserved-name"


class TooMuchState(Rejected):
    """What is open in a room is told in up to 1000 bytes of JSON: its id and title, not what is in it."""

    kind = "too-much-state"


class UnknownHost(GreenroomError):
    """This server does not answer for that host; ALLOWED_HOSTS names those it answers for."""

    kind = "unknown-host"


class UnknownBot(Rejected):
    """There is no bot of that name; BOTS lists those that this installation has."""

    kind = "unknown-bot"


class UnknownAssistant(Rejected):
    """There is no assistant of that name."""

    kind = "unknown-assistant"


class UnknownVoice(Rejected):
    """There is no voice of that name."""

    kind = "unknown-voice"


class UnknownPersonality(Rejected):
    """There is no personality of that name."""

    kind = "unknown-personality"


class NoSuchSession(Missing):
    """There is no session with that id; it may have ended more than a day ago."""

    kind = "no-such-session"


class NoSuchAssistant(Missing):
    """There is no assistant of that name or id."""

    kind = "no-such-assistant"


class NoSuchUser(Missing):
    """Nobody can be called so: a user's id has up to 128 letters, digits and . _ @ : + -."""

    kind = "no-such-user"


class NoSuchConversation(Missing):
    """There is no conversation with that id, or nothing has been said in it."""

    kind = "no-such-conversation"


class NoBotThere(Missing):
    """No bot is in that room; POST /join puts one there."""

    kind = "no-bot-there"


class NoSuchProvider(Missing):
    """This installation has no rooms of that provider."""

    kind = "no-such-provider"


class SessionEnded(Gone):
    """That session has ended; POST /join starts another."""

    kind = "session-ended"


class AssistantExists(Conflict):
    """There is an assistant of that name already; change that one, or choose another name."""

    kind = "assistant-exists"


class ProfileIncomplete(Conflict):
    """That assistant requires more to be known of its user: bring it as `profile`, or PATCH /users/{id} first."""

    kind = "profile-incomplete"


class RoomFull(Conflict):
    """Somebody else is talking with the bot in this room; join a room of your own."""

    kind = "room-full"


class NotALocalRoom(Conflict):
    """The bot is in a room of another server, which takes no offers here; POST /join with the resume_token answers the
    way there."""

    kind = "not-a-local-room"


class OthersThere(Conflict):
    """Others are in the room, and the bot stays with them: hang up instead; who holds the API key may take it out."""

    kind = "others-there"


class NotMovable(Conflict):
    """The session's bot cannot move now: it is not on stage yet, is moving already, leaves, or is being handed over."""

    kind = "not-movable"


class RoomHasBot(Conflict):
    """That room has a bot; join it there, or move to another room."""

    kind = "room-has-a-bot"


class IllegalTransition(Conflict):
    """A session cannot go from the state it is in to that one."""

    kind = "illegal-transition"


class DurationRefused(Rejected):
    """A session lasts a day at most, and not less long than it has lasted already."""

    kind = "duration-refused"


class OfferRefused(Rejected):
    """The bot could not use that offer; send an SDP offer as a browser makes it, with audio first."""

    kind = "offer-refused"


class CandidatesRefused(Rejected):
    """These candidates are for a connection that is no more, or cannot be read; those for the last offer are kept."""

    kind = "candidates-refused"


class InboxFull(GreenroomError):
    """The bot has a thousand unread messages; send fewer, or wait until it answers."""

    kind = "inbox-full"
    retry_after = 1


class TooManyStreams(GreenroomError):
    """Too many callers follow events here already; ask for them as JSON, or try again in a while."""

    kind = "too-many-streams"
    retry_after = 10


class NotStreamedHere(Unavailable):
    """Events are streamed by the events process, which this server does not pass requests on to."""

    kind = "not-streamed-here"


class RedisAway(Unavailable):
    """Redis does not answer, so nothing can be promised now; calls that are on go on."""

    kind = "redis-away"


class DatabaseAway(Unavailable):
    """The database does not answer; calls that are on go on, and what is said in them is kept until it does."""

    kind = "database-away"
    retry_after = 5


class DatabaseLocked(DatabaseAway):
    """The database answers, and nothing can be written: another program holds its lock."""


class DatabaseDamaged(DatabaseAway):
    """What DATABASE_URL names is no database, or one that is damaged."""


class BackendAway(Unavailable):
    """The backend (BACKEND_URL) does not answer as it should; calls that are on go on, and what is said in them is kept
    until it does."""

    kind = "backend-away"
    retry_after = 5


class BackendRefused(GreenroomError):
    """The backend (BACKEND_URL) never takes what it was sent."""

    kind = "backend-refused"


class DatabaseNewer(Conflict):
    """A later version of Greenroom has migrated this database, and this one cannot tell what it means: start that
    version, or restore the backup from before it."""

    kind = "database-newer"


class DatabaseForeign(Conflict):
    """There are tables already where Greenroom would make its own, and nobody has noted that it made them: name an
    empty database, or restore the whole of a backup."""

    kind = "database-foreign"


class DatabaseOld(Conflict):
    """The database is not migrated to this version of Greenroom; run `greenroom migrate`."""

    kind = "database-old"


class QueueFull(Unavailable):
    """All bots are busy and a thousand callers are waiting already; try again in a while, or add workers."""

    kind = "queue-full"
    retry_after = 10


class QuotaReached(Unavailable):
    """That is more than one caller may ask for; wait, and try again."""

    kind = "quota-reached"
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


class ProviderAway(Unavailable):
    """The server of that room does not answer, so who is there cannot be told; calls that are on go on."""

    kind = "provider-away"


class RoomInDoubt(Unavailable):
    """Whether a bot lives in that room cannot be told yet; ask again in a few seconds."""

    kind = "room-in-doubt"
    retry_after = 4


class LaunchFailed(Unavailable):
    """The bot did not start; its session's events say why."""

    kind = "launch-failed"
    retry_after = 5


class MoveFailed(Unavailable):
    """The bot could not move, and is where it was; its session's events say why."""

    kind = "move-failed"
    retry_after = 5


class BotFailed(GreenroomError):
    """The bot could not do that; the worker's log says why."""

    kind = "bot-failed"


class BotSilent(TimedOut):
    """The bot did not answer in time; if its process has died, the room is free within 30 seconds."""

    kind = "bot-silent"
