"""What is expected to go wrong, grouped by what the caller can do about it.

The docstring of an error is the message that a person reads.  Anything else that is raised is a bug, and is not caught.
The errors themselves lie in this folder by subject: what was asked for, not who found out.
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


class Unauthorized(GreenroomError):
    """Send the API key, or the token that /join returned, as `Authorization: Bearer ...`."""

    kind = "unauthorized"


class Forbidden(GreenroomError):
    """That token is for another session, or this needs the API key."""

    kind = "forbidden"


class Missing(GreenroomError):
    """There is nothing with that id."""

    kind = "missing"


class Conflict(GreenroomError):
    """It could have worked, but not in the present state."""

    kind = "conflict"


class Gone(GreenroomError):
    """It was there, and has ended."""

    kind = "gone"


class Unavailable(GreenroomError):
    """Something we depend on is down; trying again may work."""

    kind = "unavailable"
    retry_after = 2  # seconds


class TimedOut(GreenroomError):
    """The answer did not come in time; trying again may work."""

    kind = "timed-out"


class QuotaReached(Unavailable):
    """That is more than one caller may ask for; wait, and try again."""

    kind = "quota-reached"
    retry_after = 10
