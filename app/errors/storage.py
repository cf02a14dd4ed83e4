"""Where things are kept: Redis, the database, a backend of somebody's own."""

from greenroom.app.errors.families import Conflict, GreenroomError, Unavailable


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
