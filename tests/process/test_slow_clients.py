"""The web process among clients that send slowly, read slowly, wait, or hang up: others are answered all the same."""

import json
import re
import select
import signal
import socket
import time
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from greenroom.app.api.seats import SHARES, Wait
from greenroom.app.events.server import STREAMS_OF_ONE
from tests.rigs.eventually import eventually
from tests.rigs.product import KEY, product

CROWD = 64
HELD_AT_LEAST = 8  # seconds that one of a crowd would hold a thread; on a busy machine an answer takes two
SEATS = 64 * SHARES[Wait.BOT] // 16  # in which requests of that process may wait for a bot
OFFER = json.dumps({"sdp": "v=0\r\n", "type": "offer"})


@pytest.fixture(scope="module")
def web():
    """No worker lives, so every session waits for its bot."""
    with product(names=("redis", "web", "events"), WEB_WORKERS="1") as running:
        eventually(lambda: streams(running), within=60)
        joined(running, "first")  # an empty Redis gives no room away for some seconds
        yield running


def streams(web):
    """Whether the events process answers, through the web process's port."""
    return ask(web, "GET", "/events?types=voice.error", key="nobody-s")[0] == 401


def request(method, path, body="", key=KEY, **headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


def connect(web, data=b"", reads_ahead=None):
    """`reads_ahead`: the bytes that are taken before the client asks for them; else as many as the kernel likes."""
    sock = socket.socket()
    sock.settimeout(5)
    if reads_ahead is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, reads_ahead)
    sock.connect(("127.0.0.1", web.port))
    sock.sendall(data)
    return sock


def answer(sock, within=10.0):
    """An answer's status, headers and body, as far as they have come when the body is whole."""
    sock.settimeout(within)
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := sock.recv(65536)):
            raise AssertionError(f"hung up after {data!r}")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while length and len(body) < int(length[1]):
        body += sock.recv(65536)
    return int(head.split()[1]), head.decode().lower(), body


def ask(web, *args, **more):
    with connect(web, request(*args, **more)) as sock:
        return answer(sock)


def joined(web, room):
    """By a user of its own: one user has few places in line."""
    status, _, body = ask(web, "POST", "/join", json.dumps({"room_url": f"local:{room}", "user_id": room}))
    assert status in (200, 202), body
    return json.loads(body)


@contextmanager
def crowd(web, data, size=CROWD, **how):
    """So many clients that have sent that, and are still there."""
    with ExitStack() as all_of_them:
        yield [all_of_them.enter_context(connect(web, data, **how)) for _ in range(size)]


def assert_others_are_served(web, name):
    """While the crowd is there: a thread that waits for one of them answers nobody for ten seconds and more."""
    for number in range(3):
        began = time.monotonic()
        assert ask(web, "GET", "/livez", key=None)[0] == 200
        joined(web, f"{name}-{number}")
        assert time.monotonic() - began < HELD_AT_LEAST, "it waited until the server gave the crowd up"


def test_its_processes_are_small(web):
    """The first of these tests: what threads of it kept of a thousand requests is not given back by the allocator."""
    with crowd(web, request("POST", "/join?wait=5", "{}")):
        [child] = web.process("web").children()

        assert psutil.Process(child.pid).memory_full_info().pss < 80e6


@pytest.mark.parametrize(
    "half",
    [
        b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        request("POST", "/join", "{}").removesuffix(b"}"),
        request("POST", "/webhooks/livekit", "{}", key=None).removesuffix(b"}"),
        b"POST /webhooks/daily HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"",
    ],
    ids=["head", "body", "webhook", "chunk", "nothing"],
)
def test_half_a_request_holds_nobody_up(web, half):
    """48 of them made the API deaf for as long as they stayed."""
    with crowd(web, half):
        assert_others_are_served(web, "half")


def test_half_a_request_is_given_up_in_words(web):
    with connect(web, b"GET /livez HTTP/1.1\r\nHost: ") as slow:
        status, head, body = answer(slow, within=15)

    assert status == 408
    assert "content-type: application/problem+json" in head
    assert json.loads(body)["detail"]


def test_an_answer_that_nobody_reads_holds_nobody_up(web):
    big = request("GET", "/docs/swagger-ui-bundle.js", key=None)
    with crowd(web, big * 8, reads_ahead=4096):  # more than the server's own buffers take
        assert_others_are_served(web, "unread")


def test_an_answer_that_is_read_slowly_arrives_whole(web):
    with connect(web, request("GET", "/docs/swagger-ui-bundle.js", key=None)) as slow:
        time.sleep(0.5)
        status, head, body = answer(slow)

    assert status == 200
    assert f"content-length: {len(body)}" in head


def test_offers_with_one_token_hold_nobody_up(web):
    """40 of them made /livez take nine seconds."""
    here = joined(web, "offers")
    offer = request("POST", here["connect"]["offer_url"], OFFER, key=here["connect"]["token"])
    with crowd(web, offer, size=200):
        assert_others_are_served(web, "offered")


def test_an_offer_makes_room_for_the_one_that_takes_its_place_and_none_is_refused_for_good(web):
    """Any 4xx ends pipecat's own client."""
    here = joined(web, "twice")
    offer = request("POST", here["connect"]["offer_url"], OFFER, key=here["connect"]["token"])
    with crowd(web, offer, size=6) as offers:

        def answered():
            return select.select(offers, [], [], 0)[0]

        eventually(lambda: len(answered()) >= 5)
        told = [answer(each) for each in answered()]

    assert len(told) == 5  # the bot is still asked for the sixth
    assert {status for status, *_ in told} == {503}
    assert all("retry-after: 1" in head for _, head, _ in told)


def test_who_hangs_up_gives_back_the_seat_in_which_they_waited(web):
    """Their offers would have waited for their bots for half a minute, in all the seats that there are."""

    def offer_of(name):
        here = joined(web, name)
        return connect(
            web, request("POST", here["connect"]["offer_url"], OFFER, key=here["connect"]["token"])
        )

    def is_waited_for(name):
        with offer_of(name) as sock:
            return not select.select([sock], [], [], 1)[0]

    with ExitStack() as open_:
        for number in range(SEATS):
            open_.enter_context(offer_of(f"hangs-up-{number}"))
        eventually(lambda: not is_waited_for("finds-no-seat"), within=5)
    eventually(lambda: is_waited_for("finds-a-seat"), within=10)


def test_joins_that_wait_hold_nobody_up(web):
    with crowd(web, request("POST", "/join?wait=30", '{"room_url": "local:waited-for"}')):
        assert_others_are_served(web, "waited")


def test_leaves_hold_nobody_up(web):
    """Each asks a bot that no process has: its lease says that one is there."""
    here = joined(web, "left")
    lease = json.loads(web.redis.get("room_active:{local:left}"))
    web.redis.set("room_active:{local:left}", json.dumps({**lease, "status": "active", "owner": "b@x/j/1"}))
    leave = json.dumps({"session_id": here["session_id"]})
    with crowd(web, request("POST", "/leave", leave)):
        assert_others_are_served(web, "leaving")


def follow(web, here, key=None):
    events = f"{here['session_url']}/events"
    return connect(
        web, request("GET", events, key=key or here["connect"]["token"], Accept="text/event-stream")
    )


def test_one_token_does_not_take_the_streams_of_others(web):
    greedy, other = joined(web, "greedy"), joined(web, "modest")
    with ExitStack() as open_:
        streams = [open_.enter_context(follow(web, greedy)) for _ in range(CROWD)]
        told = [answer(each)[0] for each in streams]
        assert told.count(200) == STREAMS_OF_ONE
        assert set(told) == {200, 429}
        assert answer(open_.enter_context(follow(web, other)))[0] == 200
        assert_others_are_served(web, "followed")


def test_a_stream_whose_client_has_gone_is_free_for_the_next(web):
    """They were still taken 2.5 s after they had been closed."""
    here = joined(web, "gone")
    for _ in range(STREAMS_OF_ONE):
        with follow(web, here) as stream:
            assert answer(stream)[0] == 200

    def another_gets_in():
        with follow(web, here) as stream:
            return answer(stream)[0] == 200

    eventually(another_gets_in, within=2.5)


def test_what_is_no_http_is_refused_in_words(web):
    in_chunks = b"POST /webhooks/livekit HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    for wrong in (
        b"what is this\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nbroken\r\n\r\n",
        in_chunks + b"zz\r\n\r\n",
        in_chunks + b"2\r\nabcd\r\n0\r\n\r\n",
    ):
        with connect(web, wrong) as sock:
            status, head, body = answer(sock)
        assert status == 400, wrong
        assert "application/problem+json" in head and "nosniff" in head
        assert json.loads(body)["type"] == "urn:greenroom:problem:bad-http"
    assert "Traceback" not in web.process("web").logs()


def test_a_body_in_chunks_is_read_whole(web):
    chunks = b'9\r\n{"room_ur\r\n8;a=b\r\nl": "loc\r\n9\r\nal:bits"}\r\n0\r\nX-Sum: 26\r\n\r\n'
    head = request("POST", "/join", Content_Type="application/json", Transfer_Encoding="chunked")
    with connect(web) as sock:
        for byte in head + chunks:
            sock.send(bytes([byte]))
        status, _, body = answer(sock)

    assert status == 202
    assert json.loads(body)["room_url"] == "local:bits"


def test_requests_that_come_at_once_are_answered_in_turn(web):
    with connect(
        web, request("GET", "/livez") + request("GET", "/nothing") + request("GET", "/livez")
    ) as sock:
        time.sleep(0.5)
        told = sock.recv(65536).decode()

    assert re.findall(r"HTTP/1.1 (\d+)", told) == ["200", "404", "200"]


def test_a_client_that_asks_before_it_sends_its_body_is_told_to(web):
    head, _, body = request(
        "POST", "/join", '{"room_url": "local:expected"}', Expect="100-continue"
    ).partition(b"\r\n\r\n")
    with connect(web, head + b"\r\n\r\n") as sock:
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(body)

        assert answer(sock)[0] == 202


def test_a_script_name_is_not_believed(web):
    with connect(
        web, b"GET /elsewhere/ HTTP/1.1\r\nHost: 127.0.0.1\r\nSCRIPT_NAME: /elsewhere\r\n\r\n"
    ) as sock:
        status, *_ = answer(sock)

    assert status == 404  # else it is the front page, which leads to /elsewhere/talk


def test_more_connections_than_there_may_be_take_the_places_of_those_that_say_nothing(web):
    with crowd(web, b"GET /", size=500):
        assert_others_are_served(web, "many")


def test_it_stops_in_time_with_streams_open_and_ends_them():
    with product(names=("redis", "web", "events")) as own:
        eventually(lambda: streams(own), within=60)
        here = joined(own, "stopped")
        with follow(own, here) as stream:
            status, _, rest = answer(stream)
            assert status == 200
            began = time.monotonic()
            own.process("web").kill(signal.SIGTERM)
            took = time.monotonic() - began
            told = rest
            while more := stream.recv(65536):
                told += more

    assert took < 5  # or gunicorn kills it
    assert b"session.pending" in told


def test_it_stops_in_time_while_joins_wait():
    with product(names=("redis", "web")) as own:
        joined(own, "stopped")
        with crowd(own, request("POST", "/join?wait=30", "{}"), size=8):
            began = time.monotonic()
            own.process("web").kill(signal.SIGTERM)

            assert time.monotonic() - began < 7
