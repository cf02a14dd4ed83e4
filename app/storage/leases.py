"""Leases as Redis commands."""

import json
from collections.abc import Mapping
from datetime import timedelta

from greenroom.app.rooms.brief import NOBODYS, Brief
from greenroom.app.rooms.inbox import Message
from greenroom.app.rooms.leases import (
    DOUBT_KEEPS_FOR,
    DOUBT_LASTS,
    LOOKS_EVERY,
    SETTLES_WITHIN,
    SILENT_AT_MOST,
    STALE_AFTER,
    Adopt,
    Adoption,
    Beat,
    Beaten,
    Claim,
    Claimed,
    Found,
    Held,
    Hold,
    Lease,
    LeaseStatus,
    NotYet,
    ReadRoom,
    Release,
    RoomView,
    Successor,
    Supersede,
    Withdraw,
    WriteConfig,
)
from greenroom.app.rooms.line import NOT_IN_LINE
from greenroom.app.rooms.minds import Mind
from greenroom.app.rooms.moves import MOVE
from greenroom.app.rooms.precedence import LISTS
from greenroom.app.rooms.procedures import Underway
from greenroom.app.rooms.sessions import State
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Command, Encoders, Reply, dumps, ms, pairs, script
from greenroom.app.storage.inbox import messages
from greenroom.app.storage.line import place_of
from greenroom.app.storage.user_bots import card_of

EPOCH_KEPT_FOR = timedelta(days=30)


def _lease(text: str) -> Lease | None:
    if not text:
        return None
    card = json.loads(text)
    successor = card.get("next")
    return Lease(
        status=LeaseStatus(card["status"]),
        session_id=card["session_id"],
        epoch=int(card["epoch"]),
        since_ms=int(card["since"]),
        brief=Brief.from_json(card["brief"]) if "brief" in card else NOBODYS,
        host=card.get("host"),
        job_id=card.get("job_id"),
        owner=card.get("owner"),
        token=card.get("token"),
        asked_ms=int(card.get("asked", 0)),
        tries=int(card.get("tries", 1)),
        tried_ms=int(card.get("tried", 0)),
        lasts=timedelta(milliseconds=card.get("lasts", 0)),
        successor=Successor(int(successor["epoch"]), "ready" in successor) if successor else None,
    )


def _card(lease: Lease, owner: str) -> str:
    """An adopted lease as Redis keeps it."""
    return dumps(
        {
            "status": lease.status,
            "session_id": lease.session_id,
            "epoch": str(lease.epoch),
            "since": lease.since_ms,
            "brief": lease.brief.to_json(),
            "host": lease.host,
            "job_id": lease.job_id,
            "owner": owner,
        }
    )


def _age(age_ms: int) -> timedelta | None:
    return None if age_ms < 0 else timedelta(milliseconds=age_ms)


def claim(step: Claim) -> Command:
    card = {"session_id": step.session_id, "brief": step.brief.to_json()}

    def read(replies: list[Reply]) -> Claimed | Held | NotYet:
        if replies[0][0] == "claimed":
            _, epoch, session_id, took_over, elsewhere = replies[0]
            return Claimed(int(epoch), session_id, took_over or None, elsewhere or None)
        if replies[0][0] == "wait":
            return NotYet(timedelta(milliseconds=replies[0][1]))
        _, card, age, state, (recorded, conversation_id, room, procedure), *place = replies[0]
        lease = _lease(card)
        assert lease is not None
        is_here = room == str(step.room)
        underway = Underway.from_json(procedure) if procedure else None
        return Held(
            lease,
            _age(age),
            State(state),
            recorded=State(recorded) if conversation_id else None,
            conversation_id=conversation_id or lease.brief.conversation_id,
            place=place_of(*place) if place else NOT_IN_LINE,
            is_on_its_way=bool(conversation_id) and not is_here,
            is_leaving=is_here and underway is not None and underway.kind == MOVE,
        )

    call = script(
        "claim",
        {
            "lease": keys.lease(step.room),
            "epoch": keys.epoch(step.room),
            "keepalive": keys.keepalive(step.room),
            "config": keys.config(step.room),
            "memory": keys.MEMORY,
            "session": keys.SESSIONS,
            "waiting": keys.LAUNCHES_WAITING,
            "hosts": keys.HOSTS,
            "free": keys.HOSTS_FREE,
            "user_bot": keys.user_bot(step.brief.user_id),
            "state": keys.room_state(step.room),
        },
        token=step.token,
        card=dumps(card),
        pending_ms=ms(step.lasts),
        stale_ms=ms(step.stale_after),
        doubt_ms=ms(DOUBT_LASTS),
        keeps_ms=ms(DOUBT_KEEPS_FOR),
        settle_ms=ms(SETTLES_WITHIN),
        silent_ms=ms(SILENT_AT_MOST),
        look_ms=ms(LOOKS_EVERY),
        epoch_ms=ms(EPOCH_KEPT_FOR),
        above=str(step.above),
    )
    return Command((call,), read)


def adopt(step: Adopt) -> Command:
    def read(replies: list[Reply]) -> tuple[Adoption, int]:
        outcome, *epoch = replies[0]
        return Adoption(outcome), int(epoch[0]) if epoch else 0

    call = script(
        "adopt",
        {"lease": keys.lease(step.room), "keepalive": keys.keepalive(step.room)},
        token=step.token,
        owner=step.owner,
        host=step.host,
        job_id=step.job_id,
        active_ms=ms(step.lasts),
    )
    return Command((call,), read)


def beat(step: Beat) -> Command:
    call = script(
        "beat",
        {
            "lease": keys.lease(step.room),
            "keepalive": keys.keepalive(step.room),
            "epoch": keys.epoch(step.room),
            "deadlines": keys.ROOMS_KEEPALIVE,
            "inbox": keys.inbox(step.session_id),
            "user_bot": keys.user_bot(step.lease.brief.user_id),
            "session": keys.session(step.session_id),
        },
        owner=step.owner,
        epoch=str(step.epoch),
        session_id=step.session_id,
        state=step.state,
        active_ms=ms(step.lasts),
        card=_card(step.lease, step.owner),
        epoch_ms=ms(EPOCH_KEPT_FOR),
        room=str(step.room),
        stale_ms=ms(STALE_AFTER),
        after=step.after,
        user_bot=card_of(step.session_id, step.room, step.lease.brief, step.lease.since_ms),
        mind=step.mind.to_json() if step.mind else "",
    )

    def read(replies: list[Reply]) -> tuple[Beaten, list[Message]]:
        outcome, now_ms, unread = replies[0]
        return Beaten(outcome), messages([(entry_id, pairs(flat)) for entry_id, flat in unread], now_ms)

    return Command((call,), read)


def release(step: Release) -> Command:
    things = [keys.keepalive(step.room), keys.config(step.room), *keys.room_state(step.room)]
    call = script(
        "release",
        {"lease": keys.lease(step.room), "epoch": keys.epoch(step.room), "things": things},
        owner=step.owner,
        epoch=str(step.epoch),
        epoch_ms=ms(EPOCH_KEPT_FOR),
    )
    return Command((call,), lambda replies: replies[0] == 1)


def withdraw(step: Withdraw) -> Command:
    things = [keys.config(step.room), *keys.room_state(step.room)]
    call = script("withdraw", {"lease": keys.lease(step.room), "things": things}, epoch=str(step.epoch))
    return Command((call,), lambda replies: replies[0] == 1)


def hold(step: Hold) -> Command:
    tries = "" if step.tries is None else step.tries
    call = script(
        "hold", {"lease": keys.lease(step.room)}, epoch=str(step.epoch), lasts_ms=ms(step.lasts), tries=tries
    )
    return Command((call,), lambda replies: replies[0] == 1)


def supersede(step: Supersede) -> Command:
    call = script(
        "supersede",
        {
            "lease": keys.lease(step.room),
            "keepalive": keys.keepalive(step.room),
            "epoch": keys.epoch(step.room),
        },
        token=step.token,
        owner=step.owner or "",
        epoch="" if step.epoch is None else str(step.epoch),
        quiet_ms=ms(step.quiet_for),
        doubt_ms=ms(DOUBT_LASTS) if step.raises_doubt else 0,
        keeps_ms=ms(DOUBT_KEEPS_FOR),
        pending_ms=ms(step.lasts),
        epoch_ms=ms(EPOCH_KEPT_FOR),
    )
    return Command((call,), lambda replies: (Found(replies[0][0]), _lease(replies[0][1])))


def _config(text: str) -> Mapping[str, object]:
    """A room's changed configuration.  What a script has written again has `{}` where a list was empty."""
    config: dict[str, object] = json.loads(text)
    return {name: fact or [] if name in LISTS else fact for name, fact in config.items()}


def read_room(step: ReadRoom) -> Command:
    def read(replies: list[Reply]) -> RoomView:
        lease, age, beat, config = replies[0]
        told = json.loads(beat) if beat else {}
        return RoomView(
            lease=_lease(lease),
            age=_age(age),
            state=told.get("state"),
            mind=Mind.from_json(told["mind"]) if "mind" in told else None,
            config=_config(config) if config else {},
        )

    call = script(
        "look",
        {
            "lease": keys.lease(step.room),
            "keepalive": keys.keepalive(step.room),
            "config": keys.config(step.room),
        },
    )
    return Command((call,), read)


def write_config(step: WriteConfig) -> Command:
    call = script(
        "write_config",
        {"lease": keys.lease(step.room), "config": keys.config(step.room)},
        epoch=str(step.epoch),
        changes=dumps(dict(step.changes)),
        ttl_ms=ms(step.lasts),
    )
    return Command((call,), lambda replies: replies[0] == 1)


ENCODERS: Encoders = {
    Claim: claim,
    Adopt: adopt,
    Beat: beat,
    Release: release,
    Withdraw: withdraw,
    Hold: hold,
    Supersede: supersede,
    ReadRoom: read_room,
    WriteConfig: write_config,
}
