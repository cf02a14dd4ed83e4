"""What memory costs at a bot's start: of somebody with ten earlier conversations, and of one with ten thousand.

    make bench-recall
    make bench-recall ARGS="--starts 200"

Each start does what a bot's process does that has met its database: it opens a connection of its own, reads facts, the
last summary and how the last conversation ended, and makes a text of them.  Both people are in the same database, and
take turns; on SQLite and on PostgreSQL.  The line tells of the database where many conversations cost most beside few.
"""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from benchmarks import report
from greenroom.app.conversations.database import Database, Patience
from greenroom.app.conversations.memory import SqlMemory
from greenroom.app.conversations.migrating import migrate
from greenroom.app.conversations.tables import conversations, facts, summaries, turns, users
from tests.rigs.postgresql import postgresql_server

STARTS = 100  # of each person's bot
FEW, MANY = 10, 10_000  # conversations
TURNS = 10  # of each conversation
PATIENCE = Patience(connection=60, lock=60, statement=60)
WORDS = "I should like to know what the weather will be like tomorrow afternoon, please. "


def main() -> None:
    parser = argparse.ArgumentParser(description="What memory costs at a bot's start.")
    parser.add_argument("--starts", type=int, default=STARTS)
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="greenroom-bench-"))
        urls = {
            "sqlite": f"sqlite:///{Path(folder) / 'greenroom.db'}",
            "postgresql": stack.enter_context(postgresql_server(options=())).url,
        }
        took: dict[str, list[float]] = {f"{name}_{whose}": [] for name in urls for whose in ("few", "many")}
        for url in urls.values():
            migrate(url)
            _fill(url, "few", FEW)
            _fill(url, "many", MANY)
        for _ in range(chosen.starts):
            for name, url in urls.items():
                for whose in ("few", "many"):
                    took[f"{name}_{whose}"].append(_start(url, whose))
    _say(took)


def _start(url: str, whose: str) -> float:
    """How many ms until what is known of a person is a text."""
    memory = SqlMemory(Database(url, pooled=False))
    memory.recall("main", "", besides="")
    began = time.perf_counter()
    text = memory.recall("main", whose, besides="the-one-that-begins")
    took = (time.perf_counter() - began) * 1000
    if WORDS.strip() not in text:
        raise SystemExit("nothing was recalled")
    return took


def _fill(url: str, whose: str, number: int) -> None:
    names = [f"{whose}-{which}" for which in range(number)]
    at = {"created_ms": 1, "updated_ms": 1}
    of = {"tenant": "main"}
    rows: dict[Any, list[dict[str, Any]]] = {
        users: [{**of, "id": whose, **at}],
        conversations: [
            {**of, "id": name, "user_id": whose, "started_ms": which, "last_ms": which}
            for which, name in enumerate(names)
        ],
        turns: [_turn(name, sequence) for name in names for sequence in range(1, TURNS + 1)],
        summaries: [
            {**of, "conversation_id": name, "up_to": TURNS, "text": WORDS, "model": "m", "created_ms": 1}
            for name in names
        ],
        facts: [
            {**of, "user_id": whose, "key": f"key {which}", "text": WORDS, **at}
            for which in range(min(number, 50))
        ],
    }
    database = Database(url, patience=PATIENCE)
    with database.writing() as connection:
        for table, those in rows.items():
            connection.execute(insert(table), those)
    database.close()


def _turn(conversation_id: str, sequence: int) -> dict[str, Any]:
    role = ("user", "assistant")[sequence % 2]
    return {
        "tenant": "main",
        "conversation_id": conversation_id,
        "sequence": sequence,
        "id": f"turn-{sequence}",
        "role": role,
        "content": WORDS,
        "message": {"role": role, "content": WORDS},
        "interrupted": False,
        "started_ms": sequence,
        "ended_ms": sequence,
        "source": "live",
    }


def _say(took: dict[str, list[float]]) -> None:
    middle = {name: report.median(found) for name, found in took.items()}
    ratios = {name: middle[f"{name}_few"] / middle[f"{name}_many"] for name in ("sqlite", "postgresql")}
    worst = min(ratios, key=lambda name: ratios[name])
    print(f"{len(took['sqlite_few'])} starts each, on {report.machine()}", file=sys.stderr)
    report.say(
        bench="recall",
        ours=middle[f"{worst}_many"],
        p99=round(report.percentile(took[f"{worst}_many"], 99), 1),
        peer=middle[f"{worst}_few"],
        peer_p99=round(report.percentile(took[f"{worst}_few"], 99), 1),
        peer_name=f"{FEW} earlier conversations, {worst}",
        unit=f"ms to recall at a start with {MANY} earlier conversations",
        ratio=ratios[worst],
        sqlite_ours=round(middle["sqlite_many"], 2),
        sqlite_peer=round(middle["sqlite_few"], 2),
        sqlite_p99=round(report.percentile(took["sqlite_many"], 99), 1),
        postgresql_ours=round(middle["postgresql_many"], 2),
        postgresql_peer=round(middle["postgresql_few"], 2),
        postgresql_p99=round(report.percentile(took["postgresql_many"], 99), 1),
    )


if __name__ == "__main__":
    main()
