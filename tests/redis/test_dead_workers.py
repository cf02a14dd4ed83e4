"""What a worker that died leaves in Redis."""

from datetime import timedelta

from greenroom.app.rooms.workers import Host, ReadHosts, Report
from greenroom.app.storage import keys
from tests.rigs.redis_world import pass_time


def test_a_worker_that_is_dead_is_on_no_list_once_somebody_has_looked(redis_url, server, ledger):
    ledger.run(Report(Host("bots@here", "bots", 4, 0, "1")))
    pass_time(redis_url, timedelta(minutes=1))

    assert ledger.run(ReadHosts()) == []
    assert server.zrange(keys.HOSTS, 0, -1) == []
    assert server.hgetall(keys.HOSTS_FREE) == {}
