"""People, and the assistants that some of them have."""

from greenroom.app.errors.families import Conflict, Missing, Rejected


class VoiceNotEnabled(Conflict):
    """Voice sessions are not for this user or assistant yet: do what `fallback` names."""

    kind = "voice-not-enabled"


class UserInSession(Conflict):
    """A bot is with that user just now: end their sessions with POST /leave first."""

    kind = "user-in-session"


class PersonErased(Conflict):
    """The person was erased, and nothing of theirs from before is kept."""

    kind = "person-erased"


class NoteTooLong(Rejected):
    """A note has up to 2000 characters."""

    kind = "note-too-long"


class ReservedName(Rejected):
    """A user_id may not begin with bot: or listener:, since that is how these are known; choose another."""

    kind = "reserved-name"


class UnknownAssistant(Rejected):
    """There is no assistant of that name."""

    kind = "unknown-assistant"


class NoSuchAssistant(Missing):
    """There is no assistant of that name or id."""

    kind = "no-such-assistant"


class NoSuchUser(Missing):
    """Nobody can be called so: a user's id has up to 128 letters, digits and . _ @ : + -."""

    kind = "no-such-user"


class AssistantExists(Conflict):
    """There is an assistant of that name already; change that one, or choose another name."""

    kind = "assistant-exists"


class ProfileIncomplete(Conflict):
    """That assistant requires more to be known of its user: bring it as `profile`, or PATCH /users/{id} first."""

    kind = "profile-incomplete"
