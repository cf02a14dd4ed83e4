"""Inboxes as Redis commands."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from greenroom.app.errors.limits import InboxFull
from greenroom.app.rooms.inbox import Answer, AwaitAnswer, Message, Receive, Send
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.storage import keys
from greenroom.app.storage.commands import (
    Call,
    Command,
    Encoders,
    Reply,
    dumps,
    entries,
    ms,
    nothing,
    read_stream,
    script,
)

INBOX_HOLDS = 1000  # unread messages; a fuller inbox means that nobody reads it
ANSWER_KEPT_FOR = timedelta(seconds=30)
SENDING_KEPT_FOR = timedelta(seconds=60)  # longer than any sender repeats a message whose reply was lost


def send(step: Send) -> Command:
    def read(replies: list[Reply]) -> str:
        if not replies[0]:
            raise InboxFull(session_id=step.session_id)
        return str(replies[0])

    call = script(
        "send",
        {"inbox": keys.inbox(step.session_id), "sent": keys.sent(step.session_id, step.nonce)},
        cap=INBOX_HOLDS,
        ttl_ms=ms(KEPT_AFTER_END),
        good_for_ms=ms(step.good_for),
        kind=step.kind,
        epoch=str(step.epoch),
        body=dumps(dict(step.body)),
        sent_ms=ms(SENDING_KEPT_FOR),
    )
    return Command((call,), read)


def messages(found: Sequence[tuple[str, Mapping[str, str]]], now_ms: int) -> list[Message]:
    return [
        Message(
            id=entry_id,
            kind=fields["kind"],
            body=json.loads(fields["body"]),
            epoch=int(fields["epoch"]),
            expired=int(fields["expires"]) < now_ms,
        )
        for entry_id, fields in found
    ]


def receive(step: Receive) -> Command:
    def read(replies: list[Reply]) -> list[Message]:
        seconds, microseconds = replies[1]
        now_ms = int(seconds) * 1000 + int(microseconds) // 1000
        return messages(entries(replies[0]), now_ms)

    return Command((read_stream(keys.inbox(step.session_id), step.after, step.wait), Call(("TIME",))), read)


def answer(step: Answer) -> Command:
    call = script(
        "answer",
        {"inbox": keys.inbox(step.session_id), "answer": keys.answer(step.session_id, step.message_id)},
        id=step.message_id,
        result=dumps(dict(step.result)),
        ttl_ms=ms(ANSWER_KEPT_FOR),
    )
    return Command((call,), nothing)


def await_answer(step: AwaitAnswer) -> Command:
    seconds = max(0.01, step.wait.total_seconds())  # BLMOVE 0 would wait for ever
    key = keys.answer(step.session_id, step.message_id)
    # Moved to where it was: what is taken is lost, should the connection be cut before the reply arrives.
    call = Call(("BLMOVE", key, key, "LEFT", "LEFT", seconds))
    return Command((call,), lambda replies: json.loads(replies[0]) if replies[0] else None)


ENCODERS: Encoders = {
    Send: send,
    Receive: receive,
    Answer: answer,
    AwaitAnswer: await_answer,
}
