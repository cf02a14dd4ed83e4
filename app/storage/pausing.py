"""Pauses as Redis commands."""

from greenroom.app.errors.sessions import NoSuchSession, SessionEnded
from greenroom.app.rooms.pausing import Paused, ReadCall, SeenTo, SetCall, SetPause
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import KEPT_AFTER_END, Call, Session
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call as RedisCall
from greenroom.app.storage.commands import Command, Encoders, Reply, ms, nothing, pairs, script
from greenroom.app.storage.sessions import EVENTS_KEPT, session_of


def set_pause(step: SetPause) -> Command:
    def read(replies: list[Reply]) -> Session:
        outcome, *rest = replies[0]
        if outcome == "missing":
            raise NoSuchSession(session_id=step.session_id)
        if outcome == "over":
            raise SessionEnded(session_id=step.session_id, state=rest[0])
        return session_of(pairs(rest))

    call = script(
        "set_pause",
        {
            "session": keys.session(step.session_id),
            "events": keys.events(step.session_id),
            "pauses": keys.SESSIONS_PAUSED,
            "changed": keys.SESSIONS_CHANGED,
            "told": keys.told(),
        },
        pause=step.pause.to_json() if step.pause else "",
        call=step.call.session_id if step.call else "",
        event=Happened.PAUSE_ASKED if step.is_paused else Happened.RESUME_ASKED,
        detail=f"for the call in {step.call.room}" if step.call else step.by,
        cap=EVENTS_KEPT,
        is_known=int(step.is_known),
    )
    return Command((call,), read)


def paused(step: Paused) -> Command:
    call = RedisCall(("ZRANGE", keys.SESSIONS_PAUSED, 0, step.limit - 1, "WITHSCORES"))

    def read(replies: list[Reply]) -> list[tuple[str, int]]:
        flat = [part for each in replies[0] for part in (each if isinstance(each, list | tuple) else [each])]
        return [(session_id, int(float(since))) for session_id, since in pairs(flat).items()]

    return Command((call,), read)


def seen_to(step: SeenTo) -> Command:
    call = script(
        "seen_to", {"pauses": keys.SESSIONS_PAUSED}, session=step.session_id, since_ms=step.since_ms
    )
    return Command((call,), nothing)


def set_call(step: SetCall) -> Command:
    call = script(
        "set_call",
        {"user_call": keys.user_call(step.person)},
        call=step.call.to_json() if step.is_there else "",
        session=step.call.session_id,
        ttl_ms=ms(KEPT_AFTER_END),
    )
    return Command((call,), nothing)


def read_call(step: ReadCall) -> Command:
    call = RedisCall(("GET", keys.user_call(step.person)))
    return Command((call,), lambda replies: Call.from_json(replies[0]) if replies[0] else None)


ENCODERS: Encoders = {
    SetPause: set_pause,
    Paused: paused,
    SeenTo: seen_to,
    SetCall: set_call,
    ReadCall: read_call,
}
