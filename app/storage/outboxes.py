"""What is still to be put into the archive, as Redis commands."""

import hashlib

from greenroom.app.rooms.archive import Delivery
from greenroom.app.rooms.outboxes import (
    UNSTORABLE_KEPT_FOR,
    Changed,
    ChangedSessions,
    Lying,
    Outbox,
    PutSessionAside,
    ReadOutbox,
    ReadWaiting,
    SessionKept,
    Settle,
    Waiting,
    WaitingOutboxes,
)
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, ms, nothing, script
from greenroom.app.storage.conversations import delivery_of


def waiting_outboxes(step: WaitingOutboxes) -> Command:
    call = Call(("ZRANGE", keys.OUTBOXES, 0, step.limit - 1))
    return Command((call,), lambda replies: list(replies[0]))


def read_outbox(step: ReadOutbox) -> Command:
    def read(replies: list[Reply]) -> Outbox:
        owner, entries = replies
        return Outbox(step.conversation_id, owner or "", tuple(_lying(entry) for entry in entries))

    calls = (
        Call(("HGET", keys.conversation(step.conversation_id), "owner")),
        Call(("LRANGE", keys.outbox(step.conversation_id), 0, step.limit - 1)),
    )
    return Command(calls, read)


def _lying(entry: str) -> Lying:
    mark = hashlib.sha1(entry.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
    return Lying(mark, _readable(entry))


def _readable(entry: str) -> Delivery | None:
    try:
        return delivery_of(entry)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # another version of us wrote it, or it is damaged
        return None


def settle(step: Settle) -> Command:
    places = [str(place) for place, mark in enumerate(step.marks, 1) if mark in step.aside]
    call = script(
        "settle",
        {
            "outbox": keys.outbox(step.conversation_id),
            "outboxes": keys.OUTBOXES,
            "unstorable": keys.unstorable(step.conversation_id),
            "with_some": keys.UNSTORABLE,
        },
        conversation=step.conversation_id,
        kept_ms=ms(UNSTORABLE_KEPT_FOR),
        aside=f",{','.join(places)},",
        marks=step.marks,
    )
    return Command((call,), lambda replies: int(replies[0]))


def changed_sessions(step: ChangedSessions) -> Command:
    def read(replies: list[Reply]) -> list[Changed]:
        flat = replies[0]
        return [Changed(*pair) for pair in zip(flat[::2], flat[1::2], strict=True)]

    return Command((script("changed_sessions", {"changed": keys.SESSIONS_CHANGED}, limit=step.limit),), read)


def session_kept(step: SessionKept) -> Command:
    changed = step.changed
    names = {"changed": keys.SESSIONS_CHANGED}
    return Command((script("session_kept", names, session=changed.session_id, change=changed.mark),), nothing)


def put_session_aside(step: PutSessionAside) -> Command:
    names = {
        "session": keys.session(step.session_id),
        "events": keys.events(step.session_id),
        "aside": keys.sessions_unstorable(),
    }
    call = script("put_session_aside", names, id=step.session_id, kept_ms=ms(UNSTORABLE_KEPT_FOR))
    return Command((call,), nothing)


def read_waiting(step: ReadWaiting) -> Command:
    def read(replies: list[Reply]) -> Waiting:
        conversations, sessions, unstorable, aside, dropped, turns, fullest, oldest_ms = map(int, replies[0])
        return Waiting(conversations, turns, fullest, oldest_ms, sessions, unstorable, aside, dropped)

    names = {
        "outboxes": keys.OUTBOXES,
        "changed": keys.SESSIONS_CHANGED,
        "with_some": keys.UNSTORABLE,
        "aside": keys.sessions_unstorable(),
        "dropped": keys.turns_dropped(),
        "outboxes_read": [keys.outbox(conversation) for conversation in step.conversations],
    }
    return Command((script("waiting", names),), read)


ENCODERS: Encoders = {
    WaitingOutboxes: waiting_outboxes,
    ReadOutbox: read_outbox,
    Settle: settle,
    ChangedSessions: changed_sessions,
    SessionKept: session_kept,
    PutSessionAside: put_session_aside,
    ReadWaiting: read_waiting,
}
