"""Conversations as Redis commands."""

import json
from dataclasses import asdict
from typing import Any

from greenroom.app.rooms.archive import Delivery
from greenroom.app.rooms.conversations import (
    OUTBOX_HOLDS,
    OUTBOX_KEEPS_FOR,
    BeginConversation,
    CountMessages,
    ReadTurns,
    Record,
    Source,
    SumsUp,
    TakeUp,
    ToolCall,
    ToolStatus,
    Turn,
    whole,
)
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, dumps, ms, script

TURNS_KEPT = 1000  # of a conversation
SPEAKERS = ("user", "assistant")  # whose turns are messages, where they have words


def _entry(step: Record) -> dict[str, str]:
    """A turn's facts, each as a string: cjson rounds large numbers, and takes an empty list for an object."""
    turn = step.turn
    facts: dict[str, Any] = {
        "id": turn.id,
        "session": step.session_id,
        "by": str(
            step.epoch
        ),  # of the bot that writes it, which is another than said it where it is restored
        "role": turn.role,
        "content": turn.content,
        "tool_calls": dumps([asdict(call) for call in turn.tool_calls]) if turn.tool_calls else None,
        "tool_call_id": turn.tool_call_id,
        "tool_status": turn.tool_status,
        "person": turn.person,
        "interrupted": "1" if turn.interrupted else None,
        "epoch": str(turn.epoch),
        "source": turn.source,
        "started": str(turn.started_ms) if turn.started_ms else None,
        "ended": str(turn.ended_ms) if turn.ended_ms else None,
        "up_to": str(turn.sums_up.up_to) if turn.sums_up else None,
        "model": turn.sums_up.model if turn.sums_up else None,
    }
    return {name: whole(fact) for name, fact in facts.items() if fact is not None}


def turn_of(entry: str) -> Turn:
    """Read a turn from its entry among the turns or in the outbox."""
    facts = json.loads(entry)
    return Turn(
        id=facts["id"],
        role=facts["role"],
        content=facts["content"],
        tool_calls=tuple(ToolCall(**call) for call in json.loads(facts.get("tool_calls", "[]"))),
        tool_call_id=facts.get("tool_call_id"),
        tool_status=ToolStatus(facts["tool_status"]) if "tool_status" in facts else None,
        person=facts.get("person"),
        interrupted="interrupted" in facts,
        epoch=int(facts["epoch"]),
        source=Source(facts["source"]),
        sequence=int(facts["sequence"]),
        started_ms=int(facts.get("started", 0)),
        ended_ms=int(facts.get("ended", 0)),
        sums_up=SumsUp(int(facts["up_to"]), facts["model"]) if "up_to" in facts else None,
    )


def delivery_of(entry: str) -> Delivery:
    """A turn in an outbox, with what the archive is told of it."""
    facts = json.loads(entry)
    turn = turn_of(entry)
    return Delivery(turn, facts.get("session"), int(facts.get("by", turn.epoch)))


def record(step: Record) -> Command:
    conversation_id, turn = step.conversation_id, step.turn
    call = script(
        "record",
        {
            "session": keys.session(step.session_id),
            "conversation": keys.conversation(conversation_id),
            "turns": keys.turns(conversation_id),
            "outbox": keys.outbox(conversation_id),
            "outboxes": keys.OUTBOXES,
            "dropped": keys.turns_dropped(),
            "told": keys.told(),
            "heard": keys.heard(),
        },
        epoch=str(step.epoch),
        id=turn.id,
        turn=dumps(_entry(step)),
        sequence=turn.sequence,
        after=step.after,
        conversation=conversation_id,
        cap=TURNS_KEPT,
        ttl_ms=ms(KEPT_AFTER_END),
        out_cap=OUTBOX_HOLDS,
        out_ms=ms(OUTBOX_KEEPS_FOR),
        owner=step.owner,
    )
    return Command((call,), lambda replies: int(replies[0]))


def take_up(step: TakeUp) -> Command:
    entries: list[int | str] = []
    for turn in step.turns:
        # Of no session that is on: what is said in that one is counted
        entry = _entry(Record("", step.conversation_id, turn.epoch, turn))
        entries += [turn.sequence, dumps({**entry, "sequence": str(turn.sequence)})]
    call = script(
        "take_up",
        {
            "session": keys.session(step.session_id),
            "conversation": keys.conversation(step.conversation_id),
            "turns": keys.turns(step.conversation_id),
        },
        epoch=str(step.epoch),
        last=step.last_sequence,
        ttl_ms=ms(KEPT_AFTER_END),
        kept_ms=ms(OUTBOX_KEEPS_FOR),
        entries=entries,
    )
    return Command((call,), lambda replies: replies[0] == 1)


def read_turns(step: ReadTurns) -> Command:
    def read(replies: list[Reply]) -> list[Turn]:
        return [turn_of(entry) for entry in replies[0]]

    return Command((Call(("ZRANGE", keys.turns(step.conversation_id), 0, -1)),), read)


def count_messages(step: CountMessages) -> Command:
    def count(replies: list[Reply]) -> int:
        said = [json.loads(entry) for entry in replies[0]]
        return sum(
            each.get("session") == step.session_id and each["role"] in SPEAKERS and bool(each["content"])
            for each in said
        )

    return Command((Call(("ZRANGE", keys.turns(step.conversation_id), 0, -1)),), count)


def begin_conversation(step: BeginConversation) -> Command:
    call = script(
        "begin_conversation",
        {
            "session": keys.session(step.session_id),
            "conversation": keys.conversation(step.conversation_id),
            "changed": keys.SESSIONS_CHANGED,
        },
        epoch=str(step.epoch),
        id=step.conversation_id,
        owner=step.owner,
        ttl_ms=ms(KEPT_AFTER_END),
        brief=step.brief,
    )
    return Command((call,), lambda replies: replies[0] == 1)


ENCODERS: Encoders = {
    Record: record,
    TakeUp: take_up,
    ReadTurns: read_turns,
    CountMessages: count_messages,
    BeginConversation: begin_conversation,
}
