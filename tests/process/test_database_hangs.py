"""A database that answers nobody any more: whoever reads back is refused in time, and joins go on."""

import threading

import pytest

from tests.fakes.person import Person
from tests.process.test_moves import GREETING
from tests.rigs.eventually import eventually
from tests.rigs.postgresql import postgresql_server
from tests.rigs.product import Problem, product

THREADS = 16  # the fewest that a web process may have
READERS = 3 * THREADS
PATHS = ("/conversations", "/conversations?q=tea", "/users/ann", "/users/ann/export", "/analytics")


@pytest.fixture(scope="module")
def frozen():
    """The product over a PostgreSQL that has been frozen in the middle of its work, with all connections open."""
    with (
        postgresql_server() as server,
        product(
            names=("redis", "web", "bots", "control", "beat"),
            DATABASE_URL=server.url,
            WEB_WORKERS="1",
            WEB_THREADS=str(THREADS),
        ) as running,
    ):
        running.call("PUT", "/users/ann", {"profile": {"first_name": "Ann"}})
        assert running.join("local:before", user_id="ann")["status"] == "live"
        server.freeze()
        try:
            yield running
        finally:
            server.thaw()


def test_joins_go_on_while_everybody_reads(frozen):
    refused = []

    def read(path):
        try:
            frozen.get(path)
        except Problem as problem:
            refused.append(problem)

    readers = [threading.Thread(target=read, args=(PATHS[each % len(PATHS)],)) for each in range(READERS)]
    for reader in readers:
        reader.start()
    eventually(lambda: len(refused) >= READERS // 2)

    joined = frozen.join("local:meanwhile", user_id="ben")
    is_read_still = any(reader.is_alive() for reader in readers)
    for reader in readers:
        reader.join(60)

    assert joined["status"] == "live"
    assert is_read_still, "the join has not met a database that hangs"
    assert len(refused) == READERS
    assert {each.status for each in refused} == {503}
    assert {each.body["type"].rpartition(":")[2] for each in refused} == {"busy", "database-away"}


@pytest.mark.anyio
async def test_a_bot_greets_whom_it_may_know_while_nobody_can_tell_it_what(frozen):
    """The database answers no more in this test: a bot that waited for what it knows of her would say nothing."""
    joined = frozen.join("local:greets", bot="assistant", user_id="ann")
    async with Person(frozen.url, joined["connect"]) as ann:
        await ann.until(lambda ann: GREETING in ann.transcript)

    complaints = {each["event"] for each in frozen.complaints(joined["session_id"])}
    assert "memory_load_failed" in complaints, "it has not met a database that hangs"
