"""kill -9 between every two steps on the way from a turn to SQL: each turn is there once, and in order."""

import itertools
import os
import random
import signal
import traceback

import pytest
from sqlalchemy import event

from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.rooms.conversations import Source
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.outboxes import WaitingOutboxes
from greenroom.app.storage.ledger import RedisLedger
from tests.sql.worlds import kept, say

TURNS = 1000
CONVERSATIONS = 7
BETWEEN_DEATHS = 10  # turns
AGAIN = 0.3  # how often a turn is written again, as by a bot whose forerunner died before it heard that it was written


class Mortal:
    """Counts steps, and is killed at one of them."""

    def __init__(self, dies_at):
        self._left = dies_at

    def step(self, *_, **__):
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, thing):
        """Each of its calls begins and ends with a step."""

        return Watched(self, thing)


class Watched:
    def __init__(self, mortal, thing):
        self._mortal, self._thing = mortal, thing

    def __getattr__(self, name):
        def call(*arguments):
            self._mortal.step()
            result = getattr(self._thing, name)(*arguments)
            self._mortal.step()
            return result

        return call


def flush_and_die(redis_url, database, dies_at):
    """In a process of its own, which has no connection yet but all statements compiled; whether it was killed."""
    database.close()
    child = os.fork()
    if child == 0:
        try:
            mortal = Mortal(dies_at)
            for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
                event.listen(database.engine, moment, mortal.step)
            ledger, archive = RedisLedger(redis_url), SqlArchive(database)
            Flusher(mortal.watch(ledger), mortal.watch(archive)).flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.heavy
def test_a_flush_that_is_killed_at_any_step_loses_no_turn_and_keeps_none_twice(ledger, redis_url, database):
    say(ledger, 0, conversation_id="before")
    Flusher(ledger, SqlArchive(database)).flush()
    dice, said = random.Random(7), [0] * CONVERSATIONS
    steps, rounds = itertools.count(1), 0
    while sum(said) < TURNS:
        for _ in range(BETWEEN_DEATHS):
            which = dice.randrange(CONVERSATIONS)
            say(ledger, said[which], conversation_id=f"c-{which}")
            if dice.random() < AGAIN:
                sequence = said[which] + 1
                say(
                    ledger,
                    said[which],
                    conversation_id=f"c-{which}",
                    sequence=sequence,
                    source=Source.RESTORED,
                )
            said[which] += 1
        if not flush_and_die(redis_url, database, next(steps)):  # it was not that long
            steps, rounds = itertools.count(1), rounds + 1
    flush_and_die(redis_url, database, 0)

    assert rounds, "it was not killed at its last steps"
    assert ledger.run(WaitingOutboxes()) == []
    for which, count in enumerate(said):
        assert kept(database, f"c-{which}") == [f"turn-{number}" for number in range(count)]
