"""A real LiveKit server: what we ask of it, what it says by itself, and what the product does then."""

import asyncio
import queue
import signal
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from livekit import rtc

from greenroom.app.errors.callers import BadSignature
from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.providers import bot_identity
from greenroom.app.rooms.room import LIVEKIT, Room
from greenroom.app.rooms.sessions import ReadSession, Reason
from greenroom.app.storage.ledger import RedisLedger
from tests.fakes.puppet import Puppet
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import livekit_server
from tests.rigs.makers import a_session
from tests.rigs.ports import free_port
from tests.rigs.product import Problem, product


class Clients:
    """People and bots in rooms, on an event loop of their own."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._rooms = []

    def connect(self, url, token):
        async def enter():
            room = rtc.Room()
            await room.connect(url, token)
            return room

        self._rooms.append(self._run(enter()))
        return self._rooms[-1]

    def disconnect(self, room):
        self._rooms.remove(room)
        self._run(room.disconnect())

    def close(self):
        for room in list(self._rooms):
            self.disconnect(room)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


@pytest.fixture
def clients():
    clients = Clients()
    yield clients
    clients.close()


@contextmanager
def listener():
    """Somebody who takes webhooks: their bodies and headers."""
    heard = queue.Queue()

    class Take(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.put((self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/webhooks/livekit", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture(scope="module")
def server():
    with livekit_server() as server:
        yield server


@contextmanager
def asking(server, *, secret=None):
    livekit = LiveKit(server.url, server.key, secret or server.secret)
    try:
        yield livekit
    finally:
        livekit.close()


@pytest.fixture
def livekit(server):
    with asking(server) as livekit:
        yield livekit


@pytest.fixture
def room(server):
    return Room.parse(server.room())


def person(clients, livekit, room, name="ada"):
    return clients.connect(livekit.server, livekit.admit(room, name).room_token)


def bot(clients, livekit, room, session_id="a-session", epoch=7):
    token = livekit.bot_token(a_session(session_id, epoch=epoch, room=room))
    return clients.connect(livekit.server, token)


def identities(livekit, room):
    return {who.identity for who in livekit.presence(room)}


def test_presence_tells_people_from_bots(clients, livekit, room):
    assert livekit.presence(room) == []
    person(clients, livekit, room)
    bot(clients, livekit, room)

    there = {who.identity: who for who in livekit.presence(room)}
    assert set(there) == {"ada", bot_identity(room)}
    assert not there["ada"].is_bot and there["ada"].session_id is None
    ours = there[bot_identity(room)]
    assert (ours.is_bot, ours.session_id, ours.epoch) == (True, "a-session", 7)


def test_rooms_with_somebody_in_them_are_found(clients, livekit, room):
    assert room not in livekit.busy_rooms()
    person(clients, livekit, room)

    eventually(lambda: room in livekit.busy_rooms(), within=30)


def test_a_bot_that_is_put_out_is_out_and_the_people_stay(clients, livekit, room):
    person(clients, livekit, room)
    bot(clients, livekit, room)
    (ours,) = [who for who in livekit.presence(room) if who.is_bot]
    livekit.evict(room, ours)

    eventually(lambda: identities(livekit, room) == {"ada"})
    livekit.evict(room, ours)  # it has gone already


def test_who_came_after_under_the_same_identity_is_not_put_out(clients, livekit, room):
    bot(clients, livekit, room, epoch=7)
    (old,) = livekit.presence(room)
    bot(clients, livekit, room, epoch=8)
    eventually(lambda: [who.epoch for who in livekit.presence(room)] == [8])
    livekit.evict(room, old)

    assert [who.epoch for who in livekit.presence(room)] == [8]


def test_a_second_bot_of_a_room_throws_out_the_first(clients, livekit, room):
    first = bot(clients, livekit, room, epoch=7)
    bot(clients, livekit, room, epoch=8)

    eventually(lambda: not first.isconnected())
    assert [who.epoch for who in livekit.presence(room)] == [8]


def test_a_person_s_token_opens_one_room_under_one_name(clients, livekit, server, room):
    token = livekit.admit(room, "ada").room_token
    there = clients.connect(livekit.server, token)

    assert (there.name, there.local_participant.identity) == (room.name, "ada")


def test_a_server_that_is_away_is_said_to_be_away_in_bounded_time():
    gone = LiveKit(f"ws://127.0.0.1:{free_port()}", "a-key", "a-secret-of-more-than-thirty-two-characters")
    with closing(gone), pytest.raises(ProviderAway):
        gone.presence(Room.parse(f"{gone.server}/stage"))


def test_one_that_accepts_and_says_nothing_is_away_as_well(monkeypatch):
    monkeypatch.setattr(sys.modules[LiveKit.__module__], "ANSWERS_WITHIN", timedelta(milliseconds=100))
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as mute:  # it is never served
        hung = LiveKit(f"ws://127.0.0.1:{mute.server_port}", "a-key", "a-secret-of-thirty-two-characters!!")
        with closing(hung):
            for _ in range(2):  # the second time at once: it is not asked again for some seconds
                with pytest.raises(ProviderAway):
                    hung.busy_rooms()


def test_a_server_that_has_another_key_refuses_and_it_is_said(server):
    with (
        asking(server, secret="another-secret-of-more-than-thirty-two-characters") as stranger,
        pytest.raises(ProviderAway, match="LIVEKIT_API_SECRET"),
    ):
        stranger.busy_rooms()


def test_what_it_says_by_itself_is_believed_and_nothing_else(clients):
    with listener() as (url, heard), livekit_server(webhook=url) as server, asking(server) as livekit:
        room = Room.parse(server.room("stage"))
        ada = person(clients, livekit, room)
        ours = bot(clients, livekit, room)
        clients.disconnect(ours)
        clients.disconnect(ada)
        told, said = [], []  # the room's own end comes after, between or before them
        while len(said) < 4:
            told.append(heard.get(timeout=20))
            evidence = livekit.evidence(*told[-1])
            said += [evidence] if evidence and evidence.participant else []
        assert {(each.event, each.participant.identity) for each in said} == {
            ("participant_joined", "ada"),
            ("participant_joined", "bot:stage"),
            ("participant_left", "ada"),
            ("participant_left", "bot:stage"),
        }
        assert {each.room for each in said} == {room} and len({each.id for each in said}) == 4
        (left,) = [e for e in said if (e.event, e.participant.is_bot) == ("participant_left", True)]
        assert (left.participant.session_id, left.participant.epoch) == ("a-session", 7)
        body, headers = told[0]
        for bad in (body + b" ", body.replace(b"stage", b"other")):
            with pytest.raises(BadSignature):
                livekit.evidence(bad, headers)


# The product, with its web process and control; its bots are played


@pytest.fixture(scope="module")
def stage():
    """A product without workers for bots, and a server that tells it who comes and goes."""
    port = free_port()
    webhook = f"http://127.0.0.1:{port}/webhooks/livekit"
    with (
        livekit_server(webhook=webhook) as server,
        asking(server) as livekit,
        product(("redis", "web", "control", "beat"), PORT=str(port), **server.settings) as greenroom,
    ):
        yield greenroom, livekit


def played(greenroom, ledger, room):
    """The bot of a room's session, on stage as far as Redis knows."""
    joined = greenroom.join(str(room), wait=0, user_id=f"of-{room.name}")
    lease = ledger.run(ReadRoom(room)).lease
    session = ledger.run(ReadSession(joined["session_id"]))
    return Puppet(ledger, session, lease.token, owner="bots@nowhere/job/1").go_live()


def detail_of(greenroom, session_id, event):
    """What a session's history says of an event, once it is there."""
    events = greenroom.get(f"/sessions/{session_id}/events")["events"]
    return next((each["detail"] for each in events if each["event"] == event), None)


def test_a_bot_that_its_room_says_has_left_and_that_is_not_heard_has_a_successor(stage, clients):
    """The room's evidence; by its silence alone it would be 24 seconds."""
    greenroom, livekit = stage
    ledger, room = RedisLedger(greenroom.environ["REDIS_URL"]), Room.fresh(LIVEKIT, livekit.server)
    puppet = played(greenroom, ledger, room)
    ours = bot(clients, livekit, room, puppet.session.id, puppet.session.epoch)
    person(clients, livekit, room)
    puppet.beat()
    clients.disconnect(ours)

    detail = eventually(lambda: detail_of(greenroom, puppet.session.id, "lost"), within=60)
    assert "left its room" in detail
    assert ledger.run(ReadRoom(room)).lease.epoch > puppet.session.epoch


A_MACHINE = """
import asyncio, sys
from livekit import rtc

async def main():
    room = rtc.Room()
    await room.connect(*sys.argv[1:])
    print("there", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_a_machine_that_is_lost_is_missed_by_its_rooms_before_its_silence_tells(stage, clients):
    """It sends nothing any more, not even that it goes: the server notices after some twenty seconds."""
    greenroom, livekit = stage
    ledger, room = RedisLedger(greenroom.environ["REDIS_URL"]), Room.fresh(LIVEKIT, livekit.server)
    puppet = played(greenroom, ledger, room)
    token = livekit.bot_token(puppet.session)
    machine = subprocess.Popen(
        [sys.executable, "-c", A_MACHINE, livekit.server, token], stdout=subprocess.PIPE
    )
    try:
        assert machine.stdout.readline() == b"there\n"
        puppet.beat()
        machine.send_signal(signal.SIGSTOP)

        detail = eventually(lambda: detail_of(greenroom, puppet.session.id, "lost"), within=60)
        assert "left its room" in detail
    finally:
        machine.kill()
        machine.wait()
        machine.stdout.close()


def test_people_who_find_their_room_without_a_bot_get_one(stage, clients):
    greenroom, livekit = stage
    ledger, room = RedisLedger(greenroom.environ["REDIS_URL"]), Room.fresh(LIVEKIT, livekit.server)
    puppet = played(greenroom, ledger, room)
    puppet.leave(Reason.ROOM_GONE)
    with pytest.raises(Problem, match="bad-signature"):  # from somebody else
        greenroom.post("/webhooks/livekit", {"event": "participant_joined", "room": {"name": room.name}})
    person(clients, livekit, room)

    lease = eventually(lambda: ledger.run(ReadRoom(room)).lease, within=20)
    assert lease.session_id != puppet.session.id
    assert lease.brief.user_id == f"of-{room.name}"
