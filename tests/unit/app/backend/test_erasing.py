"""A backend is told of an erasure, and whoever asks for one hears whether it has done it."""

import pytest

from greenroom.app.backend.erasing import BackendErasure, erasure_at
from greenroom.app.errors.storage import BackendAway


def test_a_backend_is_told_whom_and_up_to_when(fake, backend):
    BackendErasure(backend).erase("main", "ada", 9)

    assert fake.to("/erase") == [{"id": "main/ada/9", "tenant": "main", "user_id": "ada", "at_ms": 9}]
    assert all(call.is_signed for call in fake.calls)


@pytest.mark.parametrize("status", [404, 422, 500])
def test_without_its_word_the_erasure_is_not_done(fake, backend, status):
    fake.answers = lambda call: (status, b"")

    with pytest.raises(BackendAway):
        BackendErasure(backend).erase("main", "ada", 9)


def test_without_a_backend_nobody_is_told():
    assert erasure_at("", "") is None
