"""Lists of sessions as Redis commands."""

from greenroom.app.rooms.session_lists import (
    Forget,
    LastSession,
    LiveSessions,
    LongAlone,
    Page,
    PageOfSessions,
    ReadSessions,
)
from greenroom.app.rooms.sessions import Session
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, nothing, pairs, script
from greenroom.app.storage.sessions import session_of


def live_sessions(step: LiveSessions) -> Command:
    call = Call(("ZRANGE", keys.SESSIONS_LIVE, 0, step.limit - 1))
    return Command((call,), lambda replies: list(replies[0]))


def page_of_sessions(step: PageOfSessions) -> Command:
    def read(replies: list[Reply]) -> Page:
        after, *session_ids = replies[0]
        return Page(session_ids, after or None)

    since, _, session_id = step.after.partition("-")
    call = script(
        "page", {"live": keys.SESSIONS_LIVE}, since=since or "-inf", member=session_id, limit=step.limit
    )
    return Command((call,), read)


def read_sessions(step: ReadSessions) -> Command:
    def read(replies: list[Reply]) -> list[Session | None]:
        records = [reply if isinstance(reply, dict) else pairs(reply) for reply in replies]
        return [session_of(record) if "brief" in record else None for record in records]

    return Command(tuple(Call(("HGETALL", keys.session(each))) for each in step.session_ids), read)


def long_alone(step: LongAlone) -> Command:
    call = Call(("ZRANGEBYSCORE", keys.SESSIONS_ALONE, "-inf", step.before_ms, "LIMIT", 0, step.limit))
    return Command((call,), lambda replies: list(replies[0]))


def last_session(step: LastSession) -> Command:
    return Command((Call(("GET", keys.last_session(step.room))),), lambda replies: replies[0] or None)


def forget(step: Forget) -> Command:
    user_bots = [keys.user_bot(step.user_id)] if step.user_id is not None else []
    names = {
        "live": keys.SESSIONS_LIVE,
        "waiting": keys.LAUNCHES_WAITING,
        "alone": keys.SESSIONS_ALONE,
        "user_bot": user_bots,
    }
    return Command((script("forget", names, session=step.session_id),), nothing)


ENCODERS: Encoders = {
    LiveSessions: live_sessions,
    PageOfSessions: page_of_sessions,
    ReadSessions: read_sessions,
    LongAlone: long_alone,
    LastSession: last_session,
    Forget: forget,
}
