"""What is kept for a while: how old it may be, who reads it, and what happens when it cannot be read."""

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from greenroom.app.errors.limits import Busy
from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms.cached import Cached
from tests.rigs.eventually import eventually

LASTS = timedelta(seconds=3)


class Source:
    """Somewhere to read from, which can be away, and slow."""

    def __init__(self):
        self.values = {}
        self.reads = []
        self.is_away = False
        self.is_open = threading.Event()
        self.is_open.set()

    def read(self, keys):
        self.reads.append(" ".join(keys))
        found = {key: self.values[key] for key in keys if key in self.values}
        self.is_open.wait(30)
        if self.is_away:
            raise DatabaseAway
        return found


@pytest.fixture
def source():
    it = Source()
    it.values["pearl"] = "Pearl"
    yield it
    it.is_open.set()


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def cached(source, now):
    return Cached(source.read, lasts=LASTS, at_most=3, within=timedelta(seconds=20), clock=lambda: now[0])


def test_a_value_is_read_once_and_again_when_it_is_old(cached, source, now):
    assert [cached.get("pearl") for _ in range(5)] == ["Pearl"] * 5
    source.values["pearl"] = "Ruby"
    now[0] += 1.4
    assert cached.get("pearl") == "Pearl" and source.reads == ["pearl"]

    now[0] += 1.7

    assert cached.get("pearl") == "Ruby" and len(source.reads) == 2


def test_what_is_asked_for_all_the_time_is_read_anew_and_nobody_waits_for_it(cached, source, now):
    """Under load a read takes longer than a join, and all threads of a process waited for it each three seconds."""
    cached.get("pearl")
    source.values["pearl"] = "Ruby"
    source.is_open.clear()
    now[0] += 2.9

    assert [cached.get("pearl") for _ in range(5)] == ["Pearl"] * 5

    source.is_open.set()
    eventually(lambda: cached.get("pearl") == "Ruby")
    assert len(source.reads) == 2


def test_all_that_is_asked_for_is_read_anew_at_once(cached, source, now):
    """A read for each assistant took a quarter of the joins that a process answers."""
    source.values |= {"ruby": "Ruby", "jade": "Jade"}
    for name in ("pearl", "ruby", "jade"):
        cached.get(name)
        now[0] += 0.4
    cached.get("ruby"), cached.get("pearl")  # nobody asks for jade again
    source.reads.clear()
    source.values |= {"pearl": "Opal", "ruby": "Agate"}
    now[0] += 0.5

    cached.get("pearl")

    eventually(lambda: (cached.get("pearl"), cached.get("ruby")) == ("Opal", "Agate"))
    assert source.reads == ["ruby pearl"]


def test_what_cannot_be_read_anew_is_tried_once_until_it_is_old(cached, source, now):
    cached.get("pearl")
    source.is_away = True
    now[0] += 2

    assert [cached.get("pearl") for _ in range(3)] == ["Pearl"] * 3
    with pytest.raises(DatabaseAway):
        cached.get("ruby")  # behind all that was asked for
    assert [cached.get("pearl") for _ in range(3)] == ["Pearl"] * 3
    with pytest.raises(DatabaseAway):
        cached.get("ruby")

    assert source.reads.count("pearl") == 2


def test_what_is_not_there_is_looked_for_each_time(cached, source):
    """Another process may make it at any moment, and who made it joins with it at once."""
    assert cached.get("ruby") is None

    source.values["ruby"] = "Ruby"

    assert cached.get("ruby") == "Ruby"


def test_what_is_gone_is_not_kept(cached, source, now):
    cached.get("pearl")
    del source.values["pearl"]
    now[0] += 4

    assert cached.get("pearl") is None

    source.is_away = True
    with pytest.raises(DatabaseAway):
        cached.get("pearl")


def test_many_who_ask_at_once_cause_one_read(cached, source):
    source.is_open.clear()
    found = []
    threads = [threading.Thread(target=lambda: found.append(cached.get("pearl"))) for _ in range(30)]
    for each in threads:
        each.start()
    eventually(lambda: source.reads)

    source.is_open.set()
    for each in threads:
        each.join()

    assert found == ["Pearl"] * 30 and source.reads == ["pearl"]


def test_while_the_source_is_away_what_was_known_is_used_however_old_it_is(cached, source, now):
    cached.get("pearl")
    source.is_away = True
    now[0] += 3600

    assert [cached.get("pearl") for _ in range(9)] == ["Pearl"] * 9
    assert len(source.reads) == 2  # one of nine tried, and the others did not wait for it
    with pytest.raises(DatabaseAway):
        cached.get("ruby")

    source.is_away, source.values["pearl"] = False, "Ruby"
    now[0] += 4
    assert cached.get("pearl") == "Ruby"


def test_nobody_waits_for_a_source_that_hangs(source, now):
    cached = Cached(
        source.read, lasts=LASTS, at_most=3, within=timedelta(milliseconds=150), clock=lambda: now[0]
    )
    source.is_open.clear()

    with pytest.raises(DatabaseAway):
        cached.get("pearl")
    source.is_open.set()
    eventually(lambda: cached.get("pearl") == "Pearl")

    source.is_open.clear()
    now[0] += 4
    assert cached.get("pearl") == "Pearl"


def test_who_waits_longer_than_a_moment_waits_where_only_a_few_may(source, now):
    """Else whoever asks for unknown names takes all threads of a process whose database hangs."""
    waits = []

    @contextmanager
    def one_at_a_time():
        if waits:
            raise Busy
        waits.append("one")
        yield

    cached = Cached(
        source.read,
        lasts=LASTS,
        at_most=3,
        within=timedelta(seconds=20),
        waiting=one_at_a_time,
        clock=lambda: now[0],
    )
    assert cached.get("pearl") == "Pearl" and not waits
    source.is_open.clear()
    found = []
    first = threading.Thread(target=lambda: found.append(cached.get("ruby")))
    first.start()
    eventually(lambda: waits)

    with pytest.raises(Busy):
        cached.get("jade")
    now[0] += 4
    assert cached.get("pearl") == "Pearl"  # which is known, and waits nowhere
    source.is_open.set()
    first.join()
    assert found == [None]


def test_what_was_changed_here_is_read_anew_at_once(cached, source):
    cached.get("pearl")
    source.values["pearl"] = "Ruby"

    cached.forget(lambda old: old == "Pearl")

    assert cached.get("pearl") == "Ruby"


def test_a_read_that_began_before_a_change_is_not_kept(cached, source):
    source.is_open.clear()
    early = threading.Thread(target=lambda: cached.get("pearl"))
    early.start()
    eventually(lambda: source.reads)
    source.values["pearl"] = "Ruby"

    cached.forget(lambda old: old == "Pearl")
    source.is_open.set()
    early.join()

    assert cached.get("pearl") == "Ruby"


def test_what_was_being_read_anew_when_another_was_changed_is_read_again(cached, source, now):
    source.values["ruby"] = "Ruby"
    cached.get("pearl"), cached.get("ruby")
    source.is_open.clear()
    now[0] += 2
    cached.get("pearl")
    eventually(lambda: len(source.reads) == 3)

    cached.forget(lambda old: old == "Ruby")
    source.is_open.set()
    source.values["pearl"] = "Opal"

    eventually(lambda: cached.get("pearl") == "Opal")


def test_others_are_kept_when_one_is_forgotten(cached, source):
    source.values["ruby"] = "Ruby"
    cached.get("pearl"), cached.get("ruby")

    cached.forget(lambda old: old == "Pearl")
    cached.get("ruby")

    assert source.reads == ["pearl", "ruby"]


def test_a_few_are_kept_those_that_were_asked_for_last(cached, source):
    source.values |= {name: name for name in "abcd"}
    for name in ("a", "b", "c", "a", "d"):  # b is the one that nobody has asked for since
        cached.get(name)
    source.reads.clear()

    for name in ("a", "c", "d", "b"):
        cached.get(name)

    assert source.reads == ["b"]
