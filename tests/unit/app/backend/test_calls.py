"""A call of somebody's own backend: signed, and at an end in time whatever the backend does."""

import threading
from datetime import timedelta

import pytest

from greenroom.app.backend.calls import LONGEST_ANSWER, Backend
from greenroom.app.backend.signing import sign
from greenroom.app.errors.storage import BackendAway, BackendRefused
from tests.fakes.backend_server import SECRET
from tests.rigs.ports import free_port


def test_the_signature_is_what_openssl_says():
    """`printf '%s' '1800000000.an-id.{"a":1}' | openssl dgst -sha256 -hmac a-secret`"""
    assert sign("a-secret", "an-id", 1_800_000_000, b'{"a":1}') == (
        "t=1800000000,v1=463318eb0067c8d9e7058573d05fb66afc1b1401fbef97b9eb507a199e39deda"
    )


def test_a_call_is_signed_with_its_id_and_the_time(fake, backend):
    assert backend.call("turns", {"said": "grüß \ud83d"}) == {}

    (call,) = fake.calls
    assert call.path == "/turns" and call.is_signed
    assert call.headers["X-Greenroom-Signature"].startswith("t=1800000000,v1=")
    assert call.facts == {"said": "grüß \ud83d"}
    assert not any(SECRET in text for text in (*call.headers.values(), call.body.decode()))


def test_the_same_facts_have_the_same_id_and_others_another(fake, backend):
    for path, facts in (
        ("turns", {"a": 1}),
        ("turns", {"a": 1}),
        ("turns", {"a": 2}),
        ("sessions", {"a": 1}),
    ):
        backend.call(path, facts)

    first, again, other, elsewhere = (call.headers["X-Greenroom-Id"] for call in fake.calls)
    assert first == again
    assert len({first, other, elsewhere}) == 3


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_what_it_never_takes_is_told_from_what_it_takes_later(fake, backend, status):
    fake.answers = lambda call: (status, b"no")
    with pytest.raises(BackendRefused):
        backend.call("turns", {})


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 408, 429, 500, 503])
def test_any_other_answer_may_change(fake, backend, status):
    fake.answers = lambda call: (status, b"{}")
    with pytest.raises(BackendAway) as raised:
        backend.call("turns", {})

    assert raised.value.facts["because"] == f"status {status}"
    assert [call.path for call in fake.calls] == ["/turns"]  # and no redirect is followed


@pytest.mark.parametrize("body", [b"", b"OK", b"[1]", b"null", b"\xff\xfe", b"[" * 60_000])
def test_an_answer_that_is_no_object_is_an_empty_one(fake, backend, body):
    fake.answers = lambda call: (200, body)

    assert backend.call("turns", {}) == {}


def test_what_it_answers_is_read(fake, backend):
    fake.answers = lambda call: (201, b'{"conversation_id": "theirs"}')

    assert backend.call("joined", {}) == {"conversation_id": "theirs"}


def test_an_answer_without_end_is_none(fake, backend):
    fake.answers = lambda call: (200, b" " * (LONGEST_ANSWER + 1))
    with pytest.raises(BackendAway):
        backend.call("turns", {})


def test_a_backend_that_does_not_answer_is_not_waited_for(fake, backend):
    is_over = threading.Event()
    fake.answers = lambda call: (is_over.wait(60) and 200, b"{}")
    try:
        with pytest.raises(BackendAway):
            backend.call("turns", {}, within=timedelta(milliseconds=200))
    finally:
        is_over.set()


def test_where_nobody_listens_it_is_away():
    backend = Backend(f"http://127.0.0.1:{free_port()}", SECRET)
    with pytest.raises(BackendAway) as raised:
        backend.call("turns", {})

    assert raised.value.facts == {"because": "ConnectError"}
