"""Each step of the ledger as Redis commands: what is sent, and how the reply is read.

A command is data.  `ledger.py` and `async_ledger.py` run it; nothing here talks
to Redis, so no step is written twice.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import singledispatch
from pathlib import Path
from typing import Any

import structlog
from redis.exceptions import ResponseError

from greenroom.app.errors import IllegalTransition, InboxFull, NoSuchSession
from greenroom.app.rooms import steps
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Event, Reason, Session, State, predecessors
from greenroom.app.rooms.state import Open, Opened
from greenroom.app.storage import keys

EPOCH_KEPT_FOR = timedelta(days=30)
EVENTS_KEPT = 500  # a history's length
INBOX_HOLDS = 1000  # unread messages; a fuller inbox means that nobody reads it
ANSWER_KEPT_FOR = timedelta(seconds=30)
SENDING_KEPT_FOR = timedelta(seconds=60)  # longer than anybody tries to send
TURNS_KEPT = 1000  # of a conversation
WISH_KEPT_FOR = timedelta(hours=24)
IN_FRONT = -timedelta(days=1)  # when who was on stage already has begun to wait, compared with all others

SCRIPTS = {path.stem: path.read_text() for path in sorted((Path(__file__).parent / "scripts").glob("*.lua"))}

SHAS = {
    name: hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest() for name, source in SCRIPTS.items()
}

log = structlog.get_logger(__name__)

Reply = Any  # what redis-py returns: str, int, list, or None


@dataclass(frozen=True)
class Call:
    """One Redis command; `script` is set where it is one of ours."""

    args: tuple[str | int | float, ...]
    script: str | None = None


@dataclass(frozen=True)
class Command:
    """What carries one step."""

    calls: tuple[Call, ...]
    read: Callable[[list[Reply]], Any]


def script(name: str, key_names: Sequence[str], *args: str | int | float) -> Call:
    return Call((len(key_names), *key_names, *args), script=name)


def by_sha(call: Call) -> tuple[str | int | float, ...]:
    """A call as it is normally sent: a script by its hash alone."""
    return ("EVALSHA", SHAS[call.script], *call.args) if call.script else call.args


def by_source(call: Call) -> tuple[str | int | float, ...]:
    """A script with its source, for a Redis that does not know it yet; it does afterwards."""
    assert call.script is not None
    return ("EVAL", SCRIPTS[call.script], *call.args)


def note_refusal(error: Exception) -> None:
    """A Redis that answers, and refuses, is full, read-only, or met a bug in a script: somebody must know."""
    if isinstance(error, ResponseError):
        log.error("redis_refused", because=str(error))


def ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def nothing(_: list[Reply]) -> None:
    return None


@singledispatch
def encode(step: Any) -> Command:
    """The commands of a step."""
    raise TypeError(f"no command for {type(step).__name__}")


# Rooms and leases


def _lease(text: str) -> steps.Lease | None:
    if not text:
        return None
    card = json.loads(text)
    heir = card.get("next")
    return steps.Lease(
        status=steps.LeaseStatus(card["status"]),
        session_id=card["session_id"],
        epoch=int(card["epoch"]),
        since_ms=int(card["since"]),
        bot=card.get("bot", ""),
        user_id=card.get("user", ""),
        personality=card.get("personality", ""),
        mode=card.get("mode", "voice"),
        host=card.get("host"),
        job_id=card.get("job_id"),
        owner=card.get("owner"),
        token=card.get("token"),
        asked_ms=int(card.get("asked", 0)),
        tries=int(card.get("tries", 1)),
        tried_ms=int(card.get("tried", 0)),
        lasts=timedelta(milliseconds=card.get("lasts", 0)),
        successor=steps.Successor(int(heir["epoch"]), "ready" in heir) if heir else None,
    )


def _card(lease: steps.Lease, owner: str) -> str:
    """An adopted lease as Redis keeps it."""
    return dumps(
        {
            "status": lease.status,
            "session_id": lease.session_id,
            "epoch": str(lease.epoch),
            "since": lease.since_ms,
            "bot": lease.bot,
            "user": lease.user_id,
            "personality": lease.personality,
            "mode": lease.mode,
            "host": lease.host,
            "job_id": lease.job_id,
            "owner": owner,
        }
    )


def _age(age_ms: int) -> timedelta | None:
    return None if age_ms < 0 else timedelta(milliseconds=age_ms)


@encode.register
def _(step: steps.Claim) -> Command:
    card = {
        "session_id": step.session_id,
        "bot": step.bot,
        "user": step.user_id,
        "personality": step.personality,
        "mode": step.mode,
    }

    def read(replies: list[Reply]) -> steps.Claimed | steps.Held | steps.NotYet:
        if replies[0][0] == "claimed":
            _, epoch, session_id, took_over = replies[0]
            return steps.Claimed(int(epoch), session_id, took_over or None)
        if replies[0][0] == "wait":
            return steps.NotYet(timedelta(milliseconds=replies[0][1]))
        _, card, age, state = replies[0]
        lease = _lease(card)
        assert lease is not None
        return steps.Held(lease, _age(age), State(state))

    room_keys = [
        keys.lease(step.room),
        keys.epoch(step.room),
        keys.keepalive(step.room),
        keys.config(step.room),
        keys.MEMORY,
        *keys.room_state(step.room),
    ]
    doubt = (ms(step.stale_after), ms(steps.DOUBT_LASTS), ms(steps.DOUBT_KEEPS_FOR))
    settling = (ms(steps.SETTLES_WITHIN), ms(steps.SILENT_AT_MOST), ms(steps.LOOKS_EVERY))
    args = (step.token, dumps(card), ms(step.lasts), *doubt, *settling, ms(EPOCH_KEPT_FOR))
    return Command((script("claim", room_keys, *args),), read)


@encode.register
def _(step: steps.Adopt) -> Command:
    def read(replies: list[Reply]) -> tuple[steps.Adoption, int]:
        outcome, *epoch = replies[0]
        return steps.Adoption(outcome), int(epoch[0]) if epoch else 0

    call = script(
        "adopt",
        [keys.lease(step.room), keys.keepalive(step.room)],
        *(step.token, step.owner, step.host, step.job_id, ms(step.lasts)),
    )
    return Command((call,), read)


@encode.register
def _(step: steps.Beat) -> Command:
    beat = script(
        "beat",
        [keys.lease(step.room), keys.keepalive(step.room), keys.epoch(step.room)],
        *(step.owner, str(step.epoch), step.session_id, step.state, ms(step.lasts)),
        *(_card(step.lease, step.owner), ms(EPOCH_KEPT_FOR)),
    )
    # Marked even if superseded: the reaper looks at the room itself before it acts.
    mark = encode(steps.Mark(step.room, steps.STALE_AFTER)).calls
    unread = encode(steps.Receive(step.session_id, step.after, timedelta(0)))

    def read(replies: list[Reply]) -> tuple[steps.Beaten, list[steps.Message]]:
        return steps.Beaten(replies[0]), unread.read(replies[1 + len(mark) :])

    return Command((beat, *mark, *unread.calls), read)


@encode.register
def _(step: steps.Release) -> Command:
    room_keys = [keys.lease(step.room), keys.epoch(step.room), keys.keepalive(step.room)]
    room_keys += [keys.config(step.room), *keys.room_state(step.room)]
    call = script("release", room_keys, step.owner, str(step.epoch), ms(EPOCH_KEPT_FOR))
    return Command((call,), lambda replies: replies[0] == 1)


@encode.register
def _(step: steps.Withdraw) -> Command:
    room_keys = [keys.lease(step.room), keys.config(step.room), *keys.room_state(step.room)]
    call = script("withdraw", room_keys, str(step.epoch))
    return Command((call,), lambda replies: replies[0] == 1)


@encode.register
def _(step: steps.Hold) -> Command:
    tries = "" if step.tries is None else step.tries
    call = script("hold", [keys.lease(step.room)], str(step.epoch), ms(step.lasts), tries)
    return Command((call,), lambda replies: replies[0] == 1)


@encode.register
def _(step: steps.Supersede) -> Command:
    call = script(
        "supersede",
        [keys.lease(step.room), keys.keepalive(step.room), keys.epoch(step.room)],
        *(step.token, step.owner or "", "" if step.epoch is None else str(step.epoch), ms(step.quiet_for)),
        *(ms(steps.DOUBT_LASTS) if step.raises_doubt else 0, ms(steps.DOUBT_KEEPS_FOR)),
        *(ms(step.lasts), ms(EPOCH_KEPT_FOR)),
    )
    return Command((call,), lambda replies: (steps.Finding(replies[0][0]), _lease(replies[0][1])))


def _epoch(reply: Reply) -> int | None:
    return int(reply) if reply else None


@encode.register
def _(step: steps.HandOver) -> Command:
    call = script(
        "hand_over",
        [keys.lease(step.room), keys.epoch(step.room)],
        *(step.owner, str(step.epoch), step.token, ms(EPOCH_KEPT_FOR)),
    )
    return Command((call,), lambda replies: _epoch(replies[0]))


@encode.register
def _(step: steps.Ready) -> Command:
    call = script("ready", [keys.lease(step.room)], step.token, step.owner)
    return Command((call,), lambda replies: steps.Turn(replies[0]))


@encode.register
def _(step: steps.Yield) -> Command:
    call = script(
        "yield",
        [keys.lease(step.room), keys.keepalive(step.room)],
        *(step.owner, str(step.epoch), step.state, ms(step.lasts)),
    )
    return Command((call,), lambda replies: _epoch(replies[0]))


@encode.register
def _(step: steps.ReadRoom) -> Command:
    def read(replies: list[Reply]) -> steps.RoomView:
        lease, age, beat, config = replies[0]
        return steps.RoomView(
            lease=_lease(lease),
            age=_age(age),
            state=json.loads(beat)["state"] if beat else None,
            config=json.loads(config) if config else {},
        )

    call = script("look", [keys.lease(step.room), keys.keepalive(step.room), keys.config(step.room)])
    return Command((call,), read)


@encode.register
def _(step: steps.WriteConfig) -> Command:
    call = script(
        "write_config",
        [keys.lease(step.room), keys.config(step.room)],
        *(str(step.epoch), dumps(dict(step.changes)), ms(step.lasts)),
    )
    return Command((call,), lambda replies: replies[0] == 1)


@encode.register
def _(step: steps.WriteState) -> Command:
    entries = [dumps({"value": it.value, "owner": it.owner}) if it else "" for it in step.changes.values()]
    call = script(
        "write_state",
        [keys.lease(step.room), *(_state_key(step.room, name) for name in step.changes)],
        step.owner,
        str(step.epoch),
        ms(step.lasts),
        *entries,
    )
    return Command((call,), lambda replies: replies[0] == 1)


@encode.register
def _(step: steps.ReadState) -> Command:
    def read(replies: list[Reply]) -> dict[Open, Opened]:
        return {name: Opened(**json.loads(text)) for name, text in zip(Open, replies[0], strict=True) if text}

    return Command((Call(("MGET", *(_state_key(step.room, name) for name in Open))),), read)


def _state_key(room: Room, name: Open) -> str:
    return dict(zip(Open, keys.room_state(room), strict=True))[name]


@encode.register
def _(step: steps.Mark) -> Command:
    call = script("mark", [keys.ROOMS_KEEPALIVE], str(step.room), ms(step.within), int(step.unless_marked))
    return Command((call,), nothing)


@encode.register
def _(step: steps.Unmark) -> Command:
    return Command((script("unmark", [keys.ROOMS_KEEPALIVE], str(step.room)),), nothing)


@encode.register
def _(step: steps.Overdue) -> Command:
    call = script("overdue", [keys.ROOMS_KEEPALIVE], step.limit)
    return Command((call,), lambda replies: [Room.parse(url) for url in replies[0]])


# Sessions


def _fields(session: Session) -> list[str | int]:
    """A session as its hash; created_ms and updated_ms are Redis's to say."""
    fields: dict[str, str | int | None] = {
        "id": session.id,
        "room": str(session.room),
        "user_id": session.user_id,
        "bot": session.bot,
        "personality": session.personality,
        "mode": session.mode,
        "persistence_ms": ms(session.persistence),
        "max_duration_ms": ms(session.max_duration),
        "epoch": str(session.epoch),
        "persona": session.persona,
        "voice": session.voice,
        "host": session.host,
        "person": session.person,
        "link": session.link,
        "metadata": dumps(dict(session.metadata)),
        "state": session.state,
        "launches": session.launches,
        "version": session.version,
    }
    return [part for name, value in fields.items() if value is not None for part in (name, value)]


def _session(record: Mapping[str, str]) -> Session:
    return Session(
        id=record["id"],
        room=Room.parse(record["room"]),
        user_id=record["user_id"],
        bot=record["bot"],
        personality=record["personality"],
        mode=record["mode"],
        persistence=timedelta(milliseconds=int(record["persistence_ms"])),
        max_duration=timedelta(milliseconds=int(record["max_duration_ms"])),
        epoch=int(record["epoch"]),
        persona=record.get("persona"),
        voice=record.get("voice"),
        metadata=json.loads(record["metadata"]),
        state=State(record["state"]),
        reason=Reason(record["reason"]) if "reason" in record else None,
        host=record.get("host"),
        person=record.get("person"),
        link=record.get("link"),
        alone_ms=int(record.get("alone_ms", 0)),
        launches=int(record["launches"]),
        crashes=tuple(int(at) for at in record.get("crashes", "").split(",") if at),
        version=int(record["version"]),
        created_ms=int(record["created_ms"]),
        updated_ms=int(record["updated_ms"]),
    )


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


@encode.register
def _(step: steps.Create) -> Command:
    session = step.session
    lasts = session.max_duration + steps.KEPT_AFTER_END
    user_bot = {
        "session_id": session.id,
        "room": str(session.room),
        "personality": session.personality,
        "persona": session.persona,
    }
    names = [keys.session(session.id), keys.events(session.id), keys.last_session(session.room)]
    names += [keys.user_bot(session.user_id), keys.user_sessions(session.counts_for), keys.SESSIONS_LIVE]
    launch: tuple[str | int, ...] = ("",) * 8
    if step.launching:
        push, limits = step.launching.push, step.launching.limits
        names += [keys.LAUNCHES_WAITING, keys.ROOMS_KEEPALIVE, push.queue]
        launch = (push.message, str(session.room), ms(step.launching.within), step.launching.free)
        launch += (limits.sessions, limits.line, limits.user_sessions, limits.user_line)
    about = (session.id, str(session.epoch), session.state, dumps(user_bot))
    lives = (ms(lasts), ms(steps.KEPT_AFTER_END))
    call = script("create", names, *lives, *about, *launch, *_fields(session))
    return Command((call,), lambda replies: steps.Created(replies[0]))


@encode.register
def _(step: steps.Transition) -> Command:
    def read(replies: list[Reply]) -> Session:
        outcome, *rest = replies[0]
        if outcome == "missing":
            raise NoSuchSession(session_id=step.session_id)
        if outcome == "refused":
            raise IllegalTransition(session_id=step.session_id, state=rest[0], to=str(step.to))
        return _session(_pairs(rest))

    ends = step.to is State.ENDED
    call = script(
        "transition",
        [keys.session(step.session_id), keys.events(step.session_id)],
        step.to,
        f",{','.join(sorted(predecessors(step.to)))},",
        str(step.epoch),
        step.reason or "",
        step.detail or "",
        step.host or "",
        EVENTS_KEPT,
        ms(steps.KEPT_AFTER_END) if ends else 0,
    )
    return Command((call,), read)


@encode.register
def _(step: steps.Succeed) -> Command:
    def read(replies: list[Reply]) -> steps.Succession:
        if not replies[0]:
            raise NoSuchSession(session_id=step.session_id)
        crashes, *record = replies[0]
        return steps.Succession(_session(_pairs(record)), int(crashes))

    call = script(
        "succeed",
        [keys.session(step.session_id), keys.events(step.session_id)],
        *(str(step.epoch), step.to or "", step.event, step.detail or ""),
        *(ms(steps.CRASHES_COUNT_FOR) if step.is_crash else 0, EVENTS_KEPT, step.host or ""),
    )
    return Command((call,), read)


@encode.register
def _(step: steps.Forget) -> Command:
    calls = (
        Call(("ZREM", keys.SESSIONS_LIVE, step.session_id)),
        Call(("ZREM", keys.LAUNCHES_WAITING, step.session_id)),
    )
    return Command(calls, nothing)


@encode.register
def _(step: steps.Note) -> Command:
    fields = [
        "event",
        step.event,
        "epoch",
        str(step.epoch),
        *(["detail", step.detail] if step.detail else []),
    ]
    call = script(
        "note",
        [keys.session(step.session_id), keys.events(step.session_id)],
        EVENTS_KEPT,
        step.person or "",
        str(step.epoch),
        *fields,
    )
    return Command((call,), nothing)


@encode.register
def _(step: steps.CountLaunch) -> Command:
    def read(replies: list[Reply]) -> int:
        if not replies[0]:
            raise NoSuchSession(session_id=step.session_id)
        return int(replies[0])

    return Command((script("count_launch", [keys.session(step.session_id)]),), read)


@encode.register
def _(step: steps.ReadSession) -> Command:
    def read(replies: list[Reply]) -> Session:
        if not replies[0]:
            raise NoSuchSession(session_id=step.session_id)
        record = replies[0]
        return _session(record if isinstance(record, dict) else _pairs(record))

    return Command((Call(("HGETALL", keys.session(step.session_id))),), read)


@encode.register
def _(step: steps.LiveSessions) -> Command:
    call = Call(("ZRANGE", keys.SESSIONS_LIVE, 0, step.limit - 1))
    return Command((call,), lambda replies: list(replies[0]))


@encode.register
def _(step: steps.PageOfSessions) -> Command:
    def read(replies: list[Reply]) -> steps.Page:
        after, *session_ids = replies[0]
        return steps.Page(session_ids, after or None)

    since, _, session_id = step.after.partition("-")
    call = script("page", [keys.SESSIONS_LIVE], since or "-inf", session_id, step.limit)
    return Command((call,), read)


@encode.register
def _(step: steps.ReadSessions) -> Command:
    def read(replies: list[Reply]) -> list[Session | None]:
        records = [reply if isinstance(reply, dict) else _pairs(reply) for reply in replies]
        return [_session(record) if record else None for record in records]

    return Command(tuple(Call(("HGETALL", keys.session(each))) for each in step.session_ids), read)


def _stream(reply: Reply) -> list[tuple[str, dict[str, str]]]:
    """The entries of the one stream that was read; redis-py's shape differs between protocols."""
    if not reply:
        return []
    entries = next(iter(reply.values()))[0] if isinstance(reply, dict) else reply[0][1]
    return [(entry[0], entry[1] if isinstance(entry[1], dict) else _pairs(entry[1])) for entry in entries]


def _read_stream(key: str, after: str, wait: timedelta) -> Call:
    block = ("BLOCK", max(1, ms(wait))) if wait else ()  # BLOCK 0 would wait for ever
    return Call(("XREAD", *block, "STREAMS", key, after))


@encode.register
def _(step: steps.ReadEvents) -> Command:
    def read(replies: list[Reply]) -> list[Event]:
        return [
            Event(
                id=entry_id,
                at_ms=int(entry_id.split("-")[0]),
                event=fields["event"],
                epoch=int(fields["epoch"]),
                reason=fields.get("reason"),
                detail=fields.get("detail"),
            )
            for entry_id, fields in _stream(replies[0])
        ]

    return Command((_read_stream(keys.events(step.session_id), step.after, step.wait),), read)


# Messages to a session's bot


@encode.register
def _(step: steps.Send) -> Command:
    def read(replies: list[Reply]) -> str:
        if not replies[0]:
            raise InboxFull(session_id=step.session_id)
        return str(replies[0])

    call = script(
        "send",
        [keys.inbox(step.session_id), keys.sent(step.session_id, step.nonce)],
        *(INBOX_HOLDS, ms(steps.KEPT_AFTER_END), ms(step.good_for)),
        *(step.kind, str(step.epoch), dumps(dict(step.body)), ms(SENDING_KEPT_FOR)),
    )
    return Command((call,), read)


@encode.register
def _(step: steps.Receive) -> Command:
    def read(replies: list[Reply]) -> list[steps.Message]:
        seconds, microseconds = replies[1]
        now_ms = int(seconds) * 1000 + int(microseconds) // 1000
        return [
            steps.Message(
                id=entry_id,
                kind=fields["kind"],
                body=json.loads(fields["body"]),
                epoch=int(fields["epoch"]),
                expired=int(fields["expires"]) < now_ms,
            )
            for entry_id, fields in _stream(replies[0])
        ]

    return Command((_read_stream(keys.inbox(step.session_id), step.after, step.wait), Call(("TIME",))), read)


@encode.register
def _(step: steps.Answer) -> Command:
    call = script(
        "answer",
        [keys.inbox(step.session_id), keys.answer(step.session_id, step.message_id)],
        *(step.message_id, dumps(dict(step.result)), ms(ANSWER_KEPT_FOR)),
    )
    return Command((call,), nothing)


@encode.register
def _(step: steps.AwaitAnswer) -> Command:
    seconds = max(0.01, step.wait.total_seconds())  # BLMOVE 0 would wait for ever
    key = keys.answer(step.session_id, step.message_id)
    # Moved to where it was: what is taken is lost, should the connection be cut before the reply arrives.
    call = Call(("BLMOVE", key, key, "LEFT", "LEFT", seconds))
    return Command((call,), lambda replies: json.loads(replies[0]) if replies[0] else None)


# Conversations


@encode.register
def _(step: steps.Record) -> Command:
    said = step.said
    turn = {
        "id": said.id,
        "role": said.role,
        "content": said.content,
        "epoch": str(step.epoch),
        "person": said.person,
    }
    call = script(
        "record",
        [keys.session(step.session_id), keys.turns(step.session_id)],
        str(step.epoch),
        said.id,
        dumps({name: value for name, value in turn.items() if value is not None}),
        TURNS_KEPT,
        ms(steps.KEPT_AFTER_END),
    )
    return Command((call,), lambda replies: replies[0] == 1)


@encode.register
def _(step: steps.Conversation) -> Command:
    def read(replies: list[Reply]) -> list[steps.Said]:
        turns = [json.loads(turn) for turn in replies[0]]
        return [
            steps.Said(turn["id"], turn["role"], turn["content"], int(turn["at"]), turn.get("person"))
            for turn in turns
        ]

    return Command((Call(("LRANGE", keys.turns(step.session_id), 0, -1)),), read)


@encode.register
def _(step: steps.Erase) -> Command:
    call = script("erase", [keys.session(step.session_id), keys.turns(step.session_id)], str(step.epoch))
    return Command((call,), nothing)


# Workers


@encode.register
def _(step: steps.Report) -> Command:
    host = step.host
    card = {name: value for name, value in vars(host).items() if name != "id"}
    held = "" if step.held is None else dumps(dict(step.held))
    return Command(
        (
            script(
                "report",
                [keys.host(host.id), keys.held(host.id), keys.wish(host.id), keys.MEMORY],
                *(dumps(card), ms(step.lasts), held, ms(steps.KEPT_AFTER_END)),
                *(ms(steps.SETTLES_WITHIN), ms(steps.SILENT_AT_MOST)),
            ),
            script("mark", [keys.HOSTS], host.id, ms(step.lasts), 0),
            Call(("HSET", keys.HOSTS_FREE, host.id, host.free)),
        ),
        lambda replies: steps.Wish(replies[0]),
    )


@encode.register
def _(step: steps.ReadHeld) -> Command:
    call = Call(("GET", keys.held(step.host_id)))
    return Command((call,), lambda replies: json.loads(replies[0]) if replies[0] else {})


@encode.register
def _(step: steps.AskHost) -> Command:
    call = Call(("SET", keys.wish(step.host_id), step.wish, "PX", ms(WISH_KEPT_FOR)))
    return Command((call,), nothing)


@encode.register
def _(step: steps.Retire) -> Command:
    calls = (
        Call(("DEL", keys.host(step.host_id))),
        Call(("ZREM", keys.HOSTS, step.host_id)),
        Call(("HDEL", keys.HOSTS_FREE, step.host_id)),
    )
    return Command(calls, nothing)


@encode.register
def _(step: steps.LivingHosts) -> Command:
    return Command((script("living", [keys.HOSTS, keys.HOSTS_FREE]),), lambda replies: list(replies[0]))


HOST_SAYS = {field.name for field in fields(steps.Host)} - {"id"}


@encode.register
def _(step: steps.ReadHost) -> Command:
    def read(replies: list[Reply]) -> steps.Host | None:
        if not replies[0]:
            return None
        told = json.loads(replies[0])  # by a worker that may be of a later version, and say more
        return steps.Host(id=step.host_id, **{name: told[name] for name in HOST_SAYS & told.keys()})

    return Command((Call(("GET", keys.host(step.host_id))),), read)


@encode.register
def _(step: steps.TakeTurn) -> Command:
    turn = Call(("SET", keys.turn(step.work), "1", "NX", "PX", ms(step.lasts)))
    came = Call(("SET", keys.came(step.work), "1", "PX", ms(steps.KEPT_AFTER_END)))
    return Command((turn, came), lambda replies: bool(replies[0]))


@encode.register
def _(step: steps.Once) -> Command:
    names = [keys.once(step.what), step.queue] if step.queue else [keys.once(step.what)]
    return Command((script("once", names, ms(step.lasts), step.message),), lambda replies: bool(replies[0]))


@encode.register
def _(step: steps.CountRequest) -> Command:
    names = [keys.requests(who) for who in step.whose]
    call = script("count_request", names, ms(step.within), *step.whose.values())
    return Command((call,), lambda replies: timedelta(milliseconds=replies[0]) if replies[0] else None)


@encode.register
def _(step: steps.NoteEmptied) -> Command:
    call = Call(("SET", keys.emptied(step.room), step.at_ms, "PX", ms(steps.KEPT_AFTER_END)))
    return Command((call,), nothing)


@encode.register
def _(step: steps.LastEmptied) -> Command:
    call = Call(("GET", keys.emptied(step.room)))
    return Command((call,), lambda replies: int(replies[0]) if replies[0] else None)


@encode.register
def _(step: steps.Push) -> Command:
    names = [step.queue, keys.LAUNCHES_WAITING]
    call = script("push", names, step.message, step.session_id, ms(-IN_FRONT) if step.in_front else 0)
    return Command((call,), nothing)


@encode.register
def _(step: steps.FindPlace) -> Command:
    def read(replies: list[Reply]) -> steps.Place:
        ahead, waiting, free, since, served = replies[0]
        return steps.Place(None if ahead < 0 else ahead, waiting, free, int(since), int(served))

    line = [keys.LAUNCHES_WAITING, keys.HOSTS, keys.HOSTS_FREE, keys.served()]
    return Command((script("find_place", line, step.session_id),), read)


@encode.register
def _(step: steps.Line) -> Command:
    call = Call(("ZRANGE", keys.LAUNCHES_WAITING, 0, step.limit - 1))
    return Command((call,), lambda replies: list(replies[0]))


@encode.register
def _(step: steps.LeaveLine) -> Command:
    if not step.is_served:
        return Command((Call(("ZREM", keys.LAUNCHES_WAITING, step.session_id)),), nothing)
    names = [keys.LAUNCHES_WAITING, keys.served()]
    call = script("leave_line", names, step.session_id, ms(-IN_FRONT) // 2, ms(steps.KEPT_AFTER_END))
    return Command((call,), nothing)


@encode.register
def _(step: steps.QueueLength) -> Command:
    return Command((Call(("LLEN", step.queue)),), lambda replies: int(replies[0]))


@encode.register
def _(step: steps.Ping) -> Command:
    return Command((Call(("PING",)),), nothing)


@encode.register
def _(step: steps.Now) -> Command:
    return Command((Call(("TIME",)),), lambda replies: int(replies[0][0]) * 1000 + int(replies[0][1]) // 1000)


# For people who look


WRITES = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")


FOR_EVER = -1  # what PTTL says of a key without a lifetime
# Words with which Redis refuses a write that it would refuse again; of a script's, Redis 6 says only ERR.
REFUSALS = ("OOM", "MISCONF", "NOPERM", "READONLY", "WRONGTYPE", "ERR")


def _refused(told: Reply) -> dict[str, int]:
    """How often Redis has refused writes, by its own word for why."""
    counts = {why: told.get(f"errorstat_{why}", {}) for why in REFUSALS}
    return {why: int(said["count"]) for why, said in counts.items() if said}


@encode.register
def _(step: steps.ReadCondition) -> Command:
    def read(replies: list[Reply]) -> steps.Condition:
        told = replies[0]
        trouble = [f"{name}: {told[name]}" for name in WRITES if told.get(name, "ok") != "ok"]
        trouble += ["loading: its data is not read yet"] if told.get("loading") else []
        trouble += (
            ["role: it copies another Redis, and takes no writes"] if told.get("role") == "slave" else []
        )
        return steps.Condition(
            version=str(told["redis_version"]),
            up=timedelta(seconds=told["uptime_in_seconds"]),
            used_bytes=int(told["used_memory"]),
            limit_bytes=int(told.get("maxmemory", 0)),
            machine_bytes=int(told.get("total_system_memory", 0)),
            drops=str(told.get("maxmemory_policy", "noeviction")),
            is_kept=bool(told.get("aof_enabled")),
            trouble=tuple(trouble),
            refused=_refused(told),
        )

    return Command((Call(("INFO",)),), read)


@encode.register
def _(step: steps.LastRun) -> Command:
    def read(replies: list[Reply]) -> timedelta | None:
        return None if replies[0] < 0 else steps.KEPT_AFTER_END - timedelta(milliseconds=replies[0])

    return Command((Call(("PTTL", keys.came(step.work))),), read)  # written with that lifetime each time


@encode.register
def _(step: steps.LeasedRooms) -> Command:
    before, _, after = keys.LEASES.partition("*")

    def read(replies: list[Reply]) -> tuple[int, list[Room]]:
        cursor, found = replies[0]
        return int(cursor), [Room.parse(key.removeprefix(before).removesuffix(after)) for key in found]

    return Command((Call(("SCAN", step.cursor, "MATCH", keys.LEASES, "COUNT", step.batch)),), read)


@encode.register
def _(step: steps.KeptNames) -> Command:
    def read(replies: list[Reply]) -> tuple[int, list[str]]:
        cursor, found = replies[0]
        return int(cursor), [name for name in found if keys.is_to_end(name)]

    return Command((Call(("SCAN", step.cursor, "COUNT", step.batch)),), read)


@encode.register
def _(step: steps.HaveLifetimes) -> Command:
    calls = tuple(Call(("PTTL", name)) for name in step.names)
    return Command(calls, lambda replies: [left != FOR_EVER for left in replies])


@encode.register
def _(step: steps.LastSession) -> Command:
    return Command((Call(("GET", keys.last_session(step.room))),), lambda replies: replies[0] or None)
