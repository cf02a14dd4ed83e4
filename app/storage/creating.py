"""The beginning of sessions as Redis commands."""

from greenroom.app.rooms.creating import Create, Created, Creation, Limits
from greenroom.app.rooms.sessions import KEPT_AFTER_END, Session
from greenroom.app.storage import keys
from greenroom.app.storage.commands import (
    Command,
    Encoders,
    Reply,
    ms,
    script,
)
from greenroom.app.storage.line import place_of
from greenroom.app.storage.user_bots import card_of


def _fields(session: Session) -> list[str | int]:
    """A session's hash, without created_ms and updated_ms: the script sets those, by Redis's clock."""
    fields: dict[str, str | int | None] = {
        "id": session.id,
        "room": str(session.room),
        "tenant": session.brief.tenant,  # and the user: as events tell them
        "user": session.brief.user_id,
        "brief": session.brief.to_json(),
        "conversation_id": session.conversation_id,
        "epoch": str(session.epoch),
        "host": session.host,
        "person": session.person,
        "link": session.link,
        "state": session.state,
        "launches": session.launches,
        "procedure": session.procedure.to_json() if session.procedure else None,
        "pause": session.pause.to_json() if session.pause else None,
        "leave": session.leave.to_json() if session.leave else None,
        "lasts_ms": None if session.lasts is None else ms(session.lasts),
        "came_from": ",".join(map(str, session.came_from)) or None,
        "instead_of": session.instead_of,
        "version": session.version,
    }
    return [part for name, value in fields.items() if value is not None for part in (name, value)]


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
        fields=_fields(session),
    )

    def read(replies: list[Reply]) -> Creation:
        outcome, *place = replies[0]
        return Creation(Created(outcome), place_of(*place)) if place else Creation(Created(outcome))

    return Command((call,), read)


ENCODERS: Encoders = {Create: create}
