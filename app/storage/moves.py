"""Moves as Redis commands."""

from greenroom.app.errors.sessions import IllegalTransition, NoSuchSession
from greenroom.app.rooms.moves import CallOffMove, CommitMove, as_told
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import CAME_FROM_AT_MOST, Session, State
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Command, Encoders, Reply, ms, pairs, script
from greenroom.app.storage.leases import EPOCH_KEPT_FOR
from greenroom.app.storage.sessions import EVENTS_KEPT, session_of


def _carried(room: Room) -> list[str]:
    return [keys.config(room), *keys.room_state(room)]


def commit_move(step: CommitMove) -> Command:
    session, target = step.session, step.target
    call = script(
        "commit_move",
        {
            "session": keys.session(session.id),
            "events": keys.events(session.id),
            "alone": keys.SESSIONS_ALONE,
            "changed": keys.SESSIONS_CHANGED,
            "user_bot": keys.user_bot(session.brief.user_id),
            "deadlines": keys.ROOMS_KEEPALIVE,
            "old_lease": keys.lease(session.room),
            "old_keepalive": keys.keepalive(session.room),
            "old_epoch": keys.epoch(session.room),
            "lease": keys.lease(target.room),
            "keepalive": keys.keepalive(target.room),
            "last_session": keys.last_session(target.room),
            "told": keys.told(),
            "carried": [*_carried(session.room), *_carried(target.room)],
        },
        epoch=str(session.epoch),
        new_epoch=str(target.epoch),
        owner=step.owner or "",
        room=str(target.room),
        starts_anew=int(step.starts_anew),
        named=f",{','.join(target.named)},",
        detail=as_told(session.room, target.room),
        cap=EVENTS_KEPT,
        active_ms=ms(step.lasts),
        pending_ms=ms(step.pending_for),
        within_ms=ms(step.within),
        epoch_ms=ms(EPOCH_KEPT_FOR),
        came_from_at_most=CAME_FROM_AT_MOST,
    )

    def read(replies: list[Reply]) -> Session:
        outcome, *rest = replies[0]
        if outcome == "missing":
            raise NoSuchSession(session_id=session.id)
        if outcome == "refused":
            raise IllegalTransition(session_id=session.id, state=rest[0], to=str(State.TRANSITIONING))
        return session_of(pairs(rest))

    return Command((call,), read)


def call_off_move(step: CallOffMove) -> Command:
    call = script(
        "call_off_move",
        {
            "session": keys.session(step.session_id),
            "events": keys.events(step.session_id),
            "changed": keys.SESSIONS_CHANGED,
            "lease": keys.lease(step.room),
            "epoch": keys.epoch(step.room),
            "told": keys.told(),
            "things": [keys.keepalive(step.room), *_carried(step.room)],
        },
        session_id=step.session_id,
        epoch=str(step.epoch),
        kind=step.why,
        detail=step.detail,
        cap=EVENTS_KEPT,
        epoch_ms=ms(EPOCH_KEPT_FOR),
    )
    return Command((call,), lambda replies: replies[0] == 1)


ENCODERS: Encoders = {
    CommitMove: commit_move,
    CallOffMove: call_off_move,
}
