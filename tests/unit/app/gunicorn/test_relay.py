"""Which requests are for a stream of events, and how one is passed on."""

import socket
from types import SimpleNamespace

import pytest

from greenroom.app.gunicorn.relay import connection_to, is_for_events


def a_request(path, accept=None, method="GET", **headers):
    sent = [("HOST", "greenroom.example.com"), *((name.upper(), value) for name, value in headers.items())]
    sent += [("ACCEPT", accept)] if accept else []
    return SimpleNamespace(path=path, uri=f"{path}?types=session.*", method=method, headers=sent)


@pytest.mark.parametrize("accept", [None, "*/*", "text/event-stream", "application/json"])
def test_all_events_are_a_stream_whatever_is_accepted(accept):
    assert is_for_events(a_request("/events", accept))


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream; q=0.9, application/json;q=0.5", True),
        ("text/event-stream, */*;q=0.1", True),
        ("text/event-stream, application/json", False),
        ("text/event-stream;q=0.1, application/json", False),
        ("text/event-stream;q=0", False),
        ("*/*", False),
        ("application/*", False),
        (None, False),
        (";;q=,,", False),
    ],
)
def test_a_session_s_events_are_json_unless_a_stream_is_wanted_more(accept, is_stream):
    assert is_for_events(a_request("/sessions/x/events", accept)) is is_stream


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/events"),
        ("GET", "/events/"),
        ("GET", "/sessions//x/events"),
        ("GET", "/sessions/x/y/events"),
        ("GET", "/sessions/x"),
        ("GET", "/"),
    ],
)
def test_nothing_else_is(method, path):
    assert not is_for_events(a_request(path, "text/event-stream", method))


def test_a_request_is_passed_on_with_its_headers_but_for_those_between_us_and_the_client():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        headers = {"authorization": "Bearer k", "connection": "keep-alive", "last-event-id": "1-1_0-0"}
        with connection_to(url, a_request("/events", **headers)):
            theirs, _ = server.accept()
            with theirs:
                head = theirs.recv(10_000).decode()

    assert head.startswith("GET /events?types=session.* HTTP/1.1\r\nHOST: greenroom.example.com\r\n")
    assert "AUTHORIZATION: Bearer k\r\n" in head and "LAST-EVENT-ID: 1-1_0-0\r\n" in head
    assert "keep-alive" not in head and head.endswith("Connection: close\r\n\r\n")
