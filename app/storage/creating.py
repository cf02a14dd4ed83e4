"""The beginning of sessions as Redis commands."""

from greenroom.app.rooms.creating import Create, Created, Creation, Limits
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.storage import keys
from greenroom.app.storage.commands import (
    Command,
    Encoders,
    Reply,
    ms,
    script,
)
from greenroom.app.storage.line import place_of
from greenroom.app.storage.sessions import fields_of
from greenroom.app.storage.user_bots import card_of


def create(step: Create) -> Command:
    session = step.session
    lasts = session.max_duration + KEPT_AFTER_END
    launching = step.launching
    limits = launching.limits if launching else Limits()
    call = script(
        "create",
        {
            "session": keys.session(session.id),
            "events": keys.events(session.id),
            "last_session": keys.last_session(session.room),
            "user_bot": keys.user_bot(session.brief.user_id),
            "user_sessions": keys.user_sessions(session.counts_for),
            "live": keys.SESSIONS_LIVE,
            "conversation": keys.conversation(session.conversation_id),
            "changed": keys.SESSIONS_CHANGED,
            "told": keys.told(),
            "launch": [
                keys.LAUNCHES_WAITING,
                keys.ROOMS_KEEPALIVE,
                launching.push.queue,
                keys.HOSTS,
                keys.HOSTS_FREE,
            ]
            if launching
            else [],
        },
        ttl_ms=ms(lasts),
        kept_ms=ms(KEPT_AFTER_END),
        id=session.id,
        epoch=str(session.epoch),
        state=session.state,
        user_bot=card_of(session.id, session.room, session.brief, session.created_ms),
        message=launching.push.message if launching else "",
        room=str(session.room),
        within_ms=ms(launching.within) if launching else 0,
        sessions=limits.sessions,
        line=limits.line,
        user_sessions=limits.user_sessions,
        user_line=limits.user_line,
        owner=session.conversation_owner,
        fields=fields_of(session),
    )

    def read(replies: list[Reply]) -> Creation:
        outcome, *place = replies[0]
        return Creation(Created(outcome), place_of(*place)) if place else Creation(Created(outcome))

    return Command((call,), read)


ENCODERS: Encoders = {Create: create}
