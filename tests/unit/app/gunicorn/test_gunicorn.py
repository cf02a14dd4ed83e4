"""Requests that arrive in pieces, and answers that are taken in pieces: without a process, a thread or a port."""

import socket

import pytest
from gunicorn.config import Config
from gunicorn.http import errors as http_errors

from greenroom.app.gunicorn.incoming import BODY_AT_MOST, HEAD_AT_MOST, Incoming
from greenroom.app.gunicorn.outlet import UNSENT_AT_MOST, Outlet
from greenroom.app.gunicorn.refusals import Refused, refusal_of

CLIENT = ("127.0.0.1", 50000)
PLAIN = b"POST /join HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST /join HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\n\r\n"


@pytest.fixture
def pair():
    here, there = socket.socketpair()
    here.setblocking(False)
    there.settimeout(5)
    with here, there:
        yield here, there


@pytest.fixture
def outlet(pair):
    return Outlet(pair[0], lambda: True)


@pytest.fixture
def incoming(outlet):
    return Incoming(Config(), CLIENT, outlet)


@pytest.mark.parametrize("sent", [PLAIN, CHUNKED])
def test_a_request_is_whole_with_its_last_byte_and_not_before(incoming, sent):
    for byte in range(len(sent) - 1):
        incoming.feed(sent[byte : byte + 1])
        assert not incoming.is_whole()
    incoming.feed(sent[-1:])

    assert incoming.is_whole()
    assert incoming.request.body.read() == b"hello"


def test_what_comes_after_a_request_is_kept_for_the_next(incoming):
    incoming.feed(PLAIN + CHUNKED + b"GET /livez HTTP/1.1\r\nHo")
    for _ in range(2):
        assert incoming.is_whole()
        assert incoming.request.body.read() == b"hello"
        incoming.forget()

    assert not incoming.is_whole()
    assert incoming.has_begun
    incoming.feed(b"st: here\r\n\r\n")
    assert incoming.is_whole()
    assert incoming.request.path == "/livez"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"x" * HEAD_AT_MOST, 431),
        (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % (BODY_AT_MOST + 1), 413),
        (
            b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (BODY_AT_MOST + 1)
            + b"x" * (BODY_AT_MOST + 1),
            413,
        ),
    ],
)
def test_a_request_that_is_too_large_is_refused_before_all_of_it_is_here(incoming, sent, status):
    incoming.feed(sent)

    with pytest.raises(Refused) as refused:
        incoming.is_whole()
    assert refused.value.status == status
    assert refused.value.as_answer().startswith(b"HTTP/1.1 %d " % status)


def test_a_chunk_that_is_none_is_left_to_the_parser_at_once(incoming):
    incoming.feed(CHUNKED.replace(b"3;a=b\r\nllo\r\n0\r\n\r\n", b"xyz\r\n"))

    with pytest.raises(http_errors.InvalidChunkSize) as raised:
        incoming.is_whole()
    assert refusal_of(raised.value).status == 400


def test_a_client_that_asks_before_its_body_is_told_to_go_on_once(pair, incoming):
    head, _, body = PLAIN.partition(b"\r\n\r\n")
    incoming.feed(head + b"\r\nExpect: 100-continue\r\n\r\n")
    assert not incoming.is_whole()
    assert not incoming.is_whole()
    incoming.feed(body)

    assert incoming.is_whole()
    assert pair[1].recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_what_a_client_does_not_take_at_once_is_kept_for_it_in_order(pair, outlet):
    here, there = pair
    here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    answer = bytes(number % 251 for number in range(200_000))
    outlet.sendall(b"head ")
    outlet.sendall(answer)
    assert not outlet.flush()

    taken = b""
    while not outlet.flush():
        taken += there.recv(65536)
    here.close()
    while more := there.recv(65536):
        taken += more
    assert taken == b"head " + answer


def test_a_stream_that_nobody_reads_breaks_off(outlet):
    piece = b"x" * 64 * 1024

    def stream():
        for _ in range(1000 * UNSENT_AT_MOST // len(piece)):
            outlet.sendall(piece)

    with pytest.raises(BrokenPipeError):
        stream()


@pytest.mark.parametrize(("is_serving", "has_gone"), [(False, False), (True, True)])
def test_nobody_waits_for_an_answer_whose_client_has_gone_or_whose_process_ends(pair, is_serving, has_gone):
    outlet = Outlet(pair[0], lambda: is_serving)
    outlet.has_gone = has_gone

    assert not outlet.is_awaited
