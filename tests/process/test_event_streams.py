"""Streams of events through the one port, while the events process is killed, and while crowds listen."""

import http.client
import json
import signal
import time
from contextlib import ExitStack

import pytest

from greenroom.app.gunicorn.relay import RELAYED_AT_MOST
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.eventually import eventually
from tests.rigs.makers import a_session
from tests.rigs.product import KEY, product

ID, EPOCH = "a-session", 7


@pytest.fixture(scope="module")
def running():
    with product(names=("redis", "web", "events"), WEB_WORKERS="1") as it:
        eventually(lambda: is_served(it), within=60)
        yield it


@pytest.fixture
def ledger(running):
    ledger = RedisLedger(running.environ["REDIS_URL"])
    ledger.run(Create(a_session(ID, epoch=EPOCH)))
    yield ledger
    ledger.close()


class Stream:
    """One listener, through the web process's port."""

    def __init__(self, running, path="/events", *, last_id=None, key=KEY):
        self._connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
        try:
            self._connection.request(
                "GET", path, headers=headers | ({"Last-Event-ID": last_id} if last_id else {})
            )
            self._response = self._connection.getresponse()
        except BaseException:
            self._connection.close()
            raise
        self.status, self.headers = self._response.status, self._response.headers

    def next(self, count):
        """The next events, as id and data; fewer, if it is hung up on."""
        found, last_id = [], None
        try:
            while len(found) < count and (line := self._response.readline()):
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    last_id = value
                elif name == "data":
                    found.append((last_id, json.loads(value)))
        except (http.client.HTTPException, ConnectionError):
            pass
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._response.close()
        self._connection.close()


def is_served(running):
    with Stream(running) as stream:
        return stream.status == 200


def tell(ledger, count):
    ledger.run_all([Note(ID, Happened.QUEUED, EPOCH) for _ in range(count)])


def test_nothing_is_lost_when_the_events_process_is_killed(running, ledger):
    with Stream(running) as stream:
        tell(ledger, 3)
        before = stream.next(3)
        running.process("events").kill(signal.SIGKILL)
        assert stream.next(1) == []  # it ends at once, and not when somebody loses patience
    tell(ledger, 5)
    with Stream(running) as refused:
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    running.process("events").start()
    eventually(lambda: is_served(running), within=60)
    with Stream(running, last_id=before[-1][0]) as stream:
        tell(ledger, 2)
        after = stream.next(7)

    sequences = [data["sequence"] for _, data in (*before, *after)]
    assert sequences == list(range(sequences[0], sequences[0] + 10))


def test_a_stream_that_a_frozen_events_process_does_not_begin_is_refused(running):
    running.process("events").kill(signal.SIGSTOP)
    try:
        with Stream(running) as refused:
            assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    finally:
        running.process("events").kill(signal.SIGCONT)
    eventually(lambda: is_served(running), within=60)


def test_a_web_process_that_stops_ends_its_streams_at_once_and_the_next_one_goes_on(running, ledger):
    with Stream(running) as stream:
        tell(ledger, 1)
        ((last_id, first),) = stream.next(1)
        began = time.monotonic()
        running.process("web").restart()
        assert stream.next(1) == []
        assert time.monotonic() - began < 20, "gunicorn had to kill it"
    eventually(running.is_live, within=60)
    tell(ledger, 1)
    with Stream(running, last_id=last_id) as stream:
        assert stream.next(1)[0][1]["sequence"] == first["sequence"] + 1


def test_a_session_is_followed_through_the_one_port_with_its_token(running):
    joined = running.call("POST", "/join", {"room_url": "local:followed"})
    with Stream(running, f"{joined['session_url']}/events", key=joined["connect"]["token"]) as stream:
        (_, pending), *_ = stream.next(1)

    assert (pending["type"], pending["session"]) == ("session.pending", joined["session_id"])
    assert "user" not in pending


def test_more_streams_than_threads_hold_nobody_up(running, ledger):
    with ExitStack() as all_of_them:
        streams = [all_of_them.enter_context(Stream(running)) for _ in range(100)]
        assert running.get("/livez")["live"]
        tell(ledger, 1)
        assert all(len(stream.next(1)) == 1 for stream in streams)


def test_of_too_many_the_last_are_sent_to_the_events_process_s_own_port(running):
    with ExitStack() as all_of_them:
        streams = [all_of_them.enter_context(Stream(running)) for _ in range(RELAYED_AT_MOST)]
        with Stream(running) as refused:
            assert refused.status == 503
        assert {stream.status for stream in streams} == {200}
    eventually(lambda: is_served(running), within=10)
