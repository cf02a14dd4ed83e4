"""How long sessions may last, as Redis commands."""

from datetime import timedelta

from greenroom.app.errors.sessions import DurationRefused, NoSuchSession, SessionEnded
from greenroom.app.rooms.extending import LONGEST_SESSION, SetDuration
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import KEPT_AFTER_END, Session
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Command, Encoders, Reply, ms, pairs, script
from greenroom.app.storage.sessions import EVENTS_KEPT, session_of


def set_duration(step: SetDuration) -> Command:
    session_id = step.session.id

    def read(replies: list[Reply]) -> Session:
        outcome, *rest = replies[0]
        if outcome == "missing":
            raise NoSuchSession(session_id=session_id)
        if outcome == "over":
            raise SessionEnded(session_id=session_id, state=rest[0])
        if outcome == "refused":
            raise DurationRefused(session_id=session_id)
        return session_of(pairs(rest))

    call = script(
        "set_duration",
        {
            "session": keys.session(session_id),
            "events": keys.events(session_id),
            "changed": keys.SESSIONS_CHANGED,
            "told": keys.told(),
        },
        more_ms=ms(step.more or timedelta(0)),
        lasts_ms=ms(step.lasts or timedelta(0)),
        usual_ms=ms(step.session.brief.max_duration),
        most_ms=ms(LONGEST_SESSION),
        kept_ms=ms(KEPT_AFTER_END),
        event=Happened.EXTENDED,
        cap=EVENTS_KEPT,
    )
    return Command((call,), read)


ENCODERS: Encoders = {SetDuration: set_duration}
