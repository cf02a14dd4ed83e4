"""One question to a vendor's server ends in time, whatever the server does."""

import socket
import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest

from greenroom.app.providers.http import Http, NoAnswer

SOON = timedelta(milliseconds=300)


@contextmanager
def a_server(answer):
    """Takes connections, and gives each, with its request read, to `answer`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        answer(connection)
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@pytest.fixture
def http():
    http = Http()
    yield http
    http.close()


def ask(http, url, within=SOON):
    return http.ask("POST", url, {}, within=within, headers={"Authorization": "Bearer x"})


def answering(status, body, extra=""):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}Connection: close\r\n\r\n"
    return lambda connection: connection.sendall(head.encode() + body)


def drip(connection):
    """A byte now and then: each comes well within any time limit of a single read.

    After ten seconds it is an answer after all, so that whoever waits for it fails, and does not hang.
    """
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        connection.sendall(b"1\r\nx\r\n")
        time.sleep(0.02)
    connection.sendall(b"0\r\n\r\n")


def flood(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def test_an_answer_is_its_status_its_headers_and_the_object_that_it_holds(http):
    with a_server(answering("429 Too Many", b'{"error": "slow down"}', "Retry-After: 7\r\n")) as url:
        answer = ask(http, url, timedelta(seconds=10))

    assert (answer.status, answer.headers["retry-after"], answer.is_good) == (429, "7", False)
    assert answer.told == {"error": "slow down"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"[" * 100_000])
def test_what_is_no_object_tells_nothing(http, body):
    with a_server(answering("200 OK", body)) as url:
        assert ask(http, url, timedelta(seconds=10)).told is None


@pytest.mark.parametrize("server", [drip, flood])
def test_an_answer_that_does_not_end_is_none(http, server):
    with a_server(server) as url, pytest.raises(NoAnswer, match="does not end"):
        ask(http, url, SOON if server is drip else timedelta(seconds=10))


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_was_said(http):
    over = threading.Event()
    with a_server(lambda _: over.wait(20)) as url, pytest.raises(NoAnswer, match="ReadTimeout"):
        ask(http, url)
    over.set()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[oops/"])
def test_nobody_there_is_no_answer(http, url):
    with pytest.raises(NoAnswer):
        ask(http, url, timedelta(seconds=5))


def test_a_redirect_is_not_followed_with_our_credentials(http):
    with a_server(answering("302 Found", b"", "Location: http://127.0.0.1:1/\r\n")) as url:
        assert ask(http, url, timedelta(seconds=10)).status == 302


def test_what_was_closed_is_opened_again_by_the_next_question(http):
    with a_server(answering("200 OK", b"{}")) as url:
        for _ in range(2):
            assert ask(http, url, timedelta(seconds=10)).told == {}
            http.close()
