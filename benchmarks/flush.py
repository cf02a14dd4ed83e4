"""Turns from Redis's outboxes into SQL: how many a second, in batches and with a commit each.

    make bench-flush
    make bench-flush ARGS="--turns 2000"

Both read the same outboxes of a Redis of their own, store every turn with the same statements, and take them out when
that is committed.  The peer commits each turn for itself, as whoever saves it where it is said does.  On SQLite and on
PostgreSQL, each with all that makes a commit outlive a power cut; the line tells the smaller of the two ratios.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import report
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.database import Database, Patience
from greenroom.app.conversations.migrating import migrate
from greenroom.app.local.embedded_redis import temporary_redis
from greenroom.app.rooms.archive import Batch, Refusal
from greenroom.app.rooms.conversations import Record, Turn
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.postgresql import postgresql_server

TURNS = 2000
CONVERSATIONS = 20
ROUNDS = 5
PATIENCE = Patience(connection=60, lock=60, statement=60)
WORDS = "I should like to know what the weather will be like tomorrow afternoon, please. "


class ACommitATurn(SqlArchive):
    """The peer."""

    def keep_turns(self, batches: Sequence[Batch]) -> list[Refusal]:
        refusals: list[Refusal] = []
        for batch in batches:
            for delivery in batch.deliveries:
                one = Batch(batch.conversation_id, batch.tenant, batch.user_id, (delivery,))
                refusals += super().keep_turns([one])
        return refusals


class Stage:
    """One database and one Redis, with new conversations for each run."""

    def __init__(self, redis_url: str, database_url: str, turns: int) -> None:
        self._ledger = RedisLedger(redis_url)
        self._database = Database(database_url, patience=PATIENCE)
        self._turns = turns
        self._run = 0

    def ours(self) -> float:
        return self._flush(SqlArchive(self._database))

    def peer(self) -> float:
        return self._flush(ACommitATurn(self._database))

    def _flush(self, archive: SqlArchive) -> float:
        """Turns a second."""
        self._fill()
        flusher, left = Flusher(self._ledger, archive), self._turns
        began = time.monotonic()
        while left:
            done = flusher.flush()
            if not done or done.has_done_nothing or done.refused:
                raise SystemExit("the flush stood still")
            left -= done.turns
        return self._turns / (time.monotonic() - began)

    def _fill(self) -> None:
        self._run += 1
        for number in range(self._turns):
            which = f"run-{self._run}-conversation-{number % CONVERSATIONS}"
            turn = Turn(f"7-{number}", ("user", "assistant")[number // CONVERSATIONS % 2], WORDS, epoch=7)
            self._ledger.run(Record("a-session", which, 7, turn, owner=f"main/{which}"))


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast turns are stored.")
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    with ExitStack() as stack:
        redis_url = stack.enter_context(temporary_redis()).redis_url
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="greenroom-bench-"))
        urls = {
            "sqlite": f"sqlite:///{Path(folder) / 'greenroom.db'}",
            "postgresql": stack.enter_context(postgresql_server(options=())).url,
        }
        contenders = {}
        for name, url in urls.items():
            migrate(url)
            stage = Stage(redis_url, url, chosen.turns)
            contenders[f"{name}_ours"], contenders[f"{name}_peer"] = stage.ours, stage.peer
        results = report.alternate(chosen.rounds, **contenders)
    _say(results, chosen.turns)


def _say(results: dict[str, list[float]], turns: int) -> None:
    middle = {name: report.median(found) for name, found in results.items()}
    ratios = {name: middle[f"{name}_ours"] / middle[f"{name}_peer"] for name in ("sqlite", "postgresql")}
    slower = min(ratios, key=lambda name: ratios[name])
    print(f"{turns} turns a run, on {report.machine()}", file=sys.stderr)
    report.say(
        bench="flush",
        ours=middle[f"{slower}_ours"],
        peer=middle[f"{slower}_peer"],
        peer_name=f"a commit a turn, {slower}",
        unit="turns/s",
        ratio=ratios[slower],
        sqlite_ours=middle["sqlite_ours"],
        sqlite_peer=middle["sqlite_peer"],
        postgresql_ours=middle["postgresql_ours"],
        postgresql_peer=middle["postgresql_peer"],
    )


if __name__ == "__main__":
    main()
