"""Who asks, and in which words: keys, passes, signatures, and a request that cannot be read."""

from greenroom.app.errors.families import GreenroomError, Rejected, Unauthorized, Unavailable


class BadJson(Rejected):
    """The body is not JSON as the standard has it."""

    kind = "bad-json"


class UnknownCredential(Unauthorized):
    """That key, pass or token is not one of this installation's, or it has expired."""


class PassExpired(Unauthorized):
    """That link has expired; ask whoever gave it to you for another."""

    kind = "pass-expired"


class BadSignature(Unauthorized):
    """That webhook was not signed with our key, or is more than five minutes old."""

    kind = "bad-signature"


class UnknownHost(GreenroomError):
    """This server does not answer for that host; ALLOWED_HOSTS names those it answers for."""

    kind = "unknown-host"


class NotStreamedHere(Unavailable):
    """Events are streamed by the events process, which this server does not pass requests on to."""

    kind = "not-streamed-here"
