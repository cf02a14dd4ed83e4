"""Letters to receivers of webhooks, as Redis commands."""

import json
from dataclasses import asdict
from datetime import timedelta

from greenroom.app.rooms.letters import (
    CLAIMED_FOR,
    DEAD_AT_MOST,
    QUEUED_AT_MOST,
    TRIED_FOR,
    ClaimLetters,
    DeadLetter,
    DropLetter,
    Letter,
    PutLetters,
    ReadCursor,
    ReadDead,
    ReadWaitingLetters,
    SendAgain,
    SettleLetter,
    Waiting,
)
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, dumps, ms, nothing, pairs, script

QUEUED_FOR = 2 * TRIED_FOR  # a queue whose receiver is not set any more goes by itself
KEPT_FOR = timedelta(days=30)


def read_cursor(step: ReadCursor) -> Command:
    return Command((Call(("GET", keys.webhook_cursor(step.receiver))),), lambda replies: replies[0] or "")


def put_letters(step: PutLetters) -> Command:
    call = script(
        "put_letters",
        {
            "cursor": keys.webhook_cursor(step.receiver),
            "due": keys.webhook_due(step.receiver),
            "queue": keys.webhook_queue(step.receiver, "*"),
            "dropped": keys.webhook_dropped(step.receiver),
            "gaps": keys.webhook_gaps(step.receiver),
        },
        before=step.before,
        upto=step.upto,
        ttl_ms=ms(QUEUED_FOR),
        kept_ms=ms(KEPT_FOR),
        cap=QUEUED_AT_MOST,
        after_gap=int(step.after_gap),
        letters=[part for letter in step.letters for part in (letter.session, letter.text)],
    )
    return Command((call,), lambda replies: replies[0] == 1)


def claim_letters(step: ClaimLetters) -> Command:
    def read(replies: list[Reply]) -> list[Letter]:
        flat = replies[0]
        return [
            Letter(session, text, int(tries))
            for session, text, tries in zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        ]

    call = script(
        "claim_letters",
        {
            "due": keys.webhook_due(step.receiver),
            "queue": keys.webhook_queue(step.receiver, "*"),
            "tries": keys.webhook_tries(step.receiver),
        },
        limit=step.limit,
        while_ms=ms(CLAIMED_FOR),
    )
    return Command((call,), read)


def settle_letter(step: SettleLetter) -> Command:
    letter, dead = step.letter, step.dead
    epitaph = {**asdict(dead), "letter": dead.text} if dead else {}
    epitaph.pop("text", None)
    call = script(
        "settle_letter",
        {
            "due": keys.webhook_due(step.receiver),
            "queue": keys.webhook_queue(step.receiver, letter.session),
            "tries": keys.webhook_tries(step.receiver),
            "dead": keys.webhook_dead(step.receiver),
        },
        session=letter.session,
        letter=letter.text,
        again_ms=max(1, ms(step.again)) if step.again is not None else 0,
        id=dead.id if dead else "",
        epitaph=dumps(epitaph),
        ttl_ms=ms(QUEUED_FOR),
        kept_ms=ms(KEPT_FOR),
        cap=DEAD_AT_MOST,
    )
    return Command((call,), nothing)


def read_dead(step: ReadDead) -> Command:
    def read(replies: list[Reply]) -> list[DeadLetter]:
        found = replies[0] if isinstance(replies[0], dict) else pairs(replies[0])
        letters = [_dead_of(text) for text in found.values()]
        return sorted(letters, key=lambda letter: letter.died_ms)

    return Command((Call(("HGETALL", keys.webhook_dead(step.receiver))),), read)


def _dead_of(text: str) -> DeadLetter:
    facts = json.loads(text)
    return DeadLetter(text=facts.pop("letter"), **facts)


def send_again(step: SendAgain) -> Command:
    call = script(
        "send_again",
        {
            "dead": keys.webhook_dead(step.receiver),
            "due": keys.webhook_due(step.receiver),
            "queue": keys.webhook_queue(step.receiver, "*"),
        },
        id=step.id,
        ttl_ms=ms(QUEUED_FOR),
    )
    return Command((call,), lambda replies: replies[0] == 1)


def drop_letter(step: DropLetter) -> Command:
    call = script("drop_letter", {"dead": keys.webhook_dead(step.receiver)}, id=step.id)
    return Command((call,), lambda replies: replies[0] == 1)


def read_waiting_letters(step: ReadWaitingLetters) -> Command:
    def read(replies: list[Reply]) -> Waiting:
        sessions, first, dead, dropped, gaps = replies
        due = [float(part) for part in _flat(first)[1:]]
        return Waiting(sessions, int(due[0]) if due else 0, dead, int(dropped or 0), int(gaps or 0))

    due = keys.webhook_due(step.receiver)
    calls = (
        Call(("ZCARD", due)),
        Call(("ZRANGE", due, 0, 0, "WITHSCORES")),
        Call(("HLEN", keys.webhook_dead(step.receiver))),
        Call(("GET", keys.webhook_dropped(step.receiver))),
        Call(("GET", keys.webhook_gaps(step.receiver))),
    )
    return Command(calls, read)


def _flat(reply: Reply) -> list[str]:
    """A member and its score; redis-py pairs them up or not, by protocol."""
    return [part for each in reply for part in (each if isinstance(each, list | tuple) else (each,))]


ENCODERS: Encoders = {
    ReadCursor: read_cursor,
    PutLetters: put_letters,
    ClaimLetters: claim_letters,
    SettleLetter: settle_letter,
    ReadDead: read_dead,
    SendAgain: send_again,
    DropLetter: drop_letter,
    ReadWaitingLetters: read_waiting_letters,
}
