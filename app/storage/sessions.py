"""Sessions as Redis commands."""

from collections.abc import Mapping
from datetime import timedelta

from greenroom.app.errors.sessions import IllegalTransition, NoSuchSession
from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.procedures import Underway
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import (
    CRASHES_COUNT_FOR,
    KEPT_AFTER_END,
    Advance,
    CountLaunch,
    LeaveAt,
    Pause,
    ReadSession,
    Reason,
    Session,
    SetBrief,
    SetLeave,
    State,
    Succeed,
    Succession,
    Transition,
    predecessors,
)
from greenroom.app.storage import keys
from greenroom.app.storage.commands import (
    Call,
    Command,
    Encoders,
    Reply,
    ms,
    nothing,
    pairs,
    script,
)

EVENTS_KEPT = 500  # of one session's history


def fields_of(session: Session) -> list[str | int]:
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


def session_of(record: Mapping[str, str]) -> Session:
    """Raises NoSuchSession for a record without a brief: another version of us wrote it."""
    if "brief" not in record:
        raise NoSuchSession(session_id=record.get("id"))
    return Session(
        id=record["id"],
        room=Room.parse(record["room"]),
        brief=Brief.from_json(record["brief"]),
        epoch=int(record["epoch"]),
        conversation_id=record.get("conversation_id", ""),
        state=State(record["state"]),
        reason=Reason(record["reason"]) if "reason" in record else None,
        host=record.get("host"),
        person=record.get("person"),
        link=record.get("link"),
        alone_ms=int(record.get("alone_ms", 0)),
        was_empty=record.get("was_empty") == "1",
        launches=int(record["launches"]),
        crashes=tuple(int(at) for at in record.get("crashes", "").split(",") if at),
        procedure=Underway.from_json(record["procedure"]) if "procedure" in record else None,
        pause=Pause.from_json(record["pause"]) if "pause" in record else None,
        leave=LeaveAt.from_json(record["leave"]) if "leave" in record else None,
        lasts=timedelta(milliseconds=int(record["lasts_ms"])) if "lasts_ms" in record else None,
        came_from=tuple(map(Room.parse, filter(None, record.get("came_from", "").split(",")))),
        instead_of=record.get("instead_of"),
        version=int(record["version"]),
        created_ms=int(record["created_ms"]),
        updated_ms=int(record["updated_ms"]),
    )


def record_keys(session_id: str) -> dict[str, str]:
    """What a change of a session changes: the record, the history, and the list of those that are alone."""
    return {
        "session": keys.session(session_id),
        "events": keys.events(session_id),
        "alone": keys.SESSIONS_ALONE,
        "changed": keys.SESSIONS_CHANGED,
        "told": keys.told(),
    }


def transition(step: Transition) -> Command:
    def read(replies: list[Reply]) -> Session:
        outcome, *rest = replies[0]
        if outcome == "missing":
            raise NoSuchSession(session_id=step.session_id)
        if outcome == "refused":
            raise IllegalTransition(session_id=step.session_id, state=rest[0], to=str(step.to))
        return session_of(pairs(rest))

    ends = step.to is State.ENDED
    call = script(
        "transition",
        record_keys(step.session_id),
        to=step.to,
        before=f",{','.join(sorted(predecessors(step.to)))},",
        expected=step.expected or "",
        epoch=str(step.epoch),
        reason=step.reason or "",
        detail=step.detail or "",
        host=step.host or "",
        cap=EVENTS_KEPT,
        ttl_ms=ms(KEPT_AFTER_END) if ends else 0,
    )
    return Command((call,), read)


def advance(step: Advance) -> Command:
    def read(replies: list[Reply]) -> bool:
        if replies[0] < 0:
            raise NoSuchSession(session_id=step.session_id)
        return bool(replies[0])

    call = script(
        "advance",
        {"session": keys.session(step.session_id)},
        epoch=str(step.epoch),
        before=step.before.to_json() if step.before else "",
        after=step.after.to_json() if step.after else "",
    )
    return Command((call,), read)


def set_leave(step: SetLeave) -> Command:
    call = script(
        "set_leave",
        {"session": keys.session(step.session_id)},
        epoch=str(step.epoch),
        leave=step.leave.to_json() if step.leave else "",
    )
    return Command((call,), nothing)


def set_brief(step: SetBrief) -> Command:
    call = script(
        "set_brief",
        {"session": keys.session(step.session_id)},
        epoch=str(step.epoch),
        brief=step.brief.to_json(),
    )
    return Command((call,), nothing)


def succeed(step: Succeed) -> Command:
    def read(replies: list[Reply]) -> Succession:
        if not replies[0]:
            raise NoSuchSession(session_id=step.session_id)
        crashes, *record = replies[0]
        return Succession(session_of(pairs(record)), int(crashes))

    call = script(
        "succeed",
        record_keys(step.session_id),
        epoch=str(step.epoch),
        to=step.to or "",
        event=step.event,
        detail=step.detail or "",
        crash_ms=ms(CRASHES_COUNT_FOR) if step.is_crash else 0,
        cap=EVENTS_KEPT,
        host=step.host or "",
        reason=step.reason or "",
    )
    return Command((call,), read)


def count_launch(step: CountLaunch) -> Command:
    def read(replies: list[Reply]) -> int:
        if not replies[0]:
            raise NoSuchSession(session_id=step.session_id)
        return int(replies[0])

    return Command((script("count_launch", {"session": keys.session(step.session_id)}),), read)


def read_session(step: ReadSession) -> Command:
    def read(replies: list[Reply]) -> Session:
        if not replies[0]:
            raise NoSuchSession(session_id=step.session_id)
        record = replies[0]
        return session_of(record if isinstance(record, dict) else pairs(record))

    return Command((Call(("HGETALL", keys.session(step.session_id))),), read)


ENCODERS: Encoders = {
    Transition: transition,
    Advance: advance,
    SetBrief: set_brief,
    SetLeave: set_leave,
    Succeed: succeed,
    CountLaunch: count_launch,
    ReadSession: read_session,
}
