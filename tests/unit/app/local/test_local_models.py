"""A server of models on this machine is found by asking it, within a bound, and whatever it answers."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from greenroom.app.local import local_models
from greenroom.app.local.local_models import LocalModel, find_local_models


@contextmanager
def serving(body, *, status=200, after=0.0):
    """A real HTTP server; yields its port, and the paths that it was asked for."""
    asked = []
    let_go = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            let_go.wait(after)
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:  # whoever asked has hung up
                pass

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()


def models(*names):
    return json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode()


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    monkeypatch.setattr(local_models, "ANSWERS_WITHIN", 10.0)


def test_the_first_model_that_talks_is_offered_with_the_line_that_uses_it():
    with serving(models("nomic-embed-text", "llama3.2:3b", "qwen2")) as (port, asked):
        found = find_local_models({"Ollama": port})

    assert found == [LocalModel("Ollama", port, "llama3.2:3b")]
    assert asked == ["/v1/models"]
    assert LocalModel("Ollama", 11434, "llama3.2:3b").settings == "THINKING=ollama/llama3.2:3b"
    assert LocalModel("LM Studio", 1234, "qwen2").settings == (
        "THINKING=ollama/qwen2 OLLAMA_BASE_URL=http://127.0.0.1:1234/v1"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"data": null}',
        b'{"data": [null, 7, {"id": 7}, {"id": ""}]}',
        b"[" * 100_000,
        b"\xff" * 300_000,
        models("x; rm -rf ~", "$(reboot)", "a\nb", "x" * 200, "nomic-embed-text"),
    ],
)
def test_whatever_else_is_there_is_offered_to_nobody(body):
    with serving(body) as (port, _):
        assert find_local_models({"Ollama": port}) == []


def test_an_error_and_a_redirection_are_no_models():
    for status in (302, 401, 500):
        with serving(models("llama3.2"), status=status) as (port, _):
            assert find_local_models({"Ollama": port}) == []


def test_where_nobody_listens_nobody_is_waited_for():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        assert find_local_models({"Ollama": taken.getsockname()[1]}) == []


def test_one_that_hangs_is_left_and_holds_up_no_other(monkeypatch):
    monkeypatch.setattr(local_models, "ANSWERS_WITHIN", 1.0)
    began = time.monotonic()
    with serving(models("slow"), after=300) as (slow, _), serving(models("fast")) as (fast, _):
        found = find_local_models({"Ollama": slow, "LM Studio": fast})

    assert [each.model for each in found] == ["fast"]
    assert time.monotonic() - began < 60
