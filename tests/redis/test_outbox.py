"""The outbox of a conversation: what nobody has stored yet, for whoever stores turns for good."""

import json

from greenroom.app.rooms.conversations import OUTBOX_KEEPS_FOR, Record, Turn
from greenroom.app.storage import keys
from greenroom.app.storage.conversations import OUTBOX_HOLDS
from tests.rigs.redis_world import pass_time


def say(ledger, number, conversation_id="a-conversation"):
    return ledger.run(Record("a-session", conversation_id, 7, Turn(f"turn-{number}", "user", "words")))


def lying(server, conversation_id="a-conversation"):
    return [json.loads(entry) for entry in server.lrange(keys.outbox(conversation_id), 0, -1)]


def test_a_turn_is_in_the_outbox_as_soon_as_it_is_among_the_turns(ledger, server):
    for number in (0, 1, 1):
        say(ledger, number)

    assert [(turn["id"], turn["sequence"]) for turn in lying(server)] == [("turn-0", "1"), ("turn-1", "2")]
    assert server.zrange(keys.OUTBOXES, 0, -1) == ["a-conversation"]


def test_an_outbox_that_nobody_empties_goes_and_is_not_listed_any_more(ledger, server, redis_url):
    say(ledger, 0)
    pass_time(redis_url, OUTBOX_KEEPS_FOR)
    server.zincrby(keys.OUTBOXES, -OUTBOX_KEEPS_FOR.total_seconds() * 1000 - 1, "a-conversation")
    say(ledger, 1, "another")

    assert lying(server) == []
    assert server.zrange(keys.OUTBOXES, 0, -1) == ["another"]


def test_an_outbox_does_not_grow_without_end(ledger, server):
    server.rpush(keys.outbox("a-conversation"), *["{}"] * OUTBOX_HOLDS)
    say(ledger, 0)

    assert server.llen(keys.outbox("a-conversation")) == OUTBOX_HOLDS
    assert lying(server)[-1]["id"] == "turn-0"
