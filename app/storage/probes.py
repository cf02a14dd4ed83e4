"""Probes as Redis commands."""

from datetime import timedelta

from greenroom.app.rooms.probes import (
    Condition,
    HaveLifetimes,
    KeptNames,
    LastRun,
    LeasedRooms,
    ReadCondition,
)
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply

WRITES = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
FOR_EVER = -1  # PTTL's reply for a key without a lifetime
# The first words of errors with which Redis refuses a write, and would again; for one in a script Redis 6 says ERR.
REFUSALS = ("OOM", "MISCONF", "NOPERM", "READONLY", "WRONGTYPE", "ERR")


def _refused(told: Reply) -> dict[str, int]:
    """How often Redis has refused writes, by its own word for why.

    A client's own CLIENT commands are none: kombu's connections try CLIENT SETINFO, which Redis 6 does not know.
    """
    counts = {why: int(told.get(f"errorstat_{why}", {}).get("count", 0)) for why in REFUSALS}
    clients = told.get("cmdstat_client", {})
    counts["ERR"] -= int(clients.get("failed_calls", 0)) + int(clients.get("rejected_calls", 0))
    return {why: count for why, count in counts.items() if count > 0}


def read_condition(step: ReadCondition) -> Command:
    def read(replies: list[Reply]) -> Condition:
        told = replies[0]
        trouble = [f"{name}: {told[name]}" for name in WRITES if told.get(name, "ok") != "ok"]
        trouble += ["loading: its data is not read yet"] if told.get("loading") else []
        trouble += (
            ["role: it copies another Redis, and takes no writes"] if told.get("role") == "slave" else []
        )
        return Condition(
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

    return Command((Call(("INFO", "all")),), read)


def last_run(step: LastRun) -> Command:
    def read(replies: list[Reply]) -> timedelta | None:
        return None if replies[0] < 0 else KEPT_AFTER_END - timedelta(milliseconds=replies[0])

    return Command(
        (Call(("PTTL", keys.came(step.work))),), read
    )  # each run writes the key with this lifetime: what is gone of it is its age


def leased_rooms(step: LeasedRooms) -> Command:
    before, _, after = keys.LEASES.partition("*")

    def read(replies: list[Reply]) -> tuple[int, list[Room]]:
        cursor, found = replies[0]
        return int(cursor), [Room.parse(key.removeprefix(before).removesuffix(after)) for key in found]

    return Command((Call(("SCAN", step.cursor, "MATCH", keys.LEASES, "COUNT", step.batch)),), read)


def kept_names(step: KeptNames) -> Command:
    def read(replies: list[Reply]) -> tuple[int, list[str]]:
        cursor, found = replies[0]
        return int(cursor), [name for name in found if keys.is_to_end(name)]

    return Command((Call(("SCAN", step.cursor, "COUNT", step.batch)),), read)


def have_lifetimes(step: HaveLifetimes) -> Command:
    calls = tuple(Call(("PTTL", name)) for name in step.names)
    return Command(calls, lambda replies: [left != FOR_EVER for left in replies])


ENCODERS: Encoders = {
    ReadCondition: read_condition,
    LastRun: last_run,
    LeasedRooms: leased_rooms,
    KeptNames: kept_names,
    HaveLifetimes: have_lifetimes,
}
