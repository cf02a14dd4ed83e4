"""A backend names the conversation that a session begins with; away, slow or wrong it keeps no bot from its room."""

import json

import pytest
from structlog.testing import capture_logs

from greenroom.app.backend.calls import Backend
from greenroom.app.backend.naming import begin_as_named
from greenroom.app.rooms.conversations import Record, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.sessions import ReadSession, State, Transition
from greenroom.app.settings import read
from greenroom.bots import run, services
from tests.fakes.backend_server import SECRET, a_backend
from tests.rigs.makers import a_claim, a_session


@pytest.fixture
def fake():
    with a_backend() as it:
        yield it


@pytest.fixture
def backend(fake):
    it = Backend(fake.url, SECRET)
    yield it
    it.close()


@pytest.fixture
def session(ledger):
    ledger.run(Create(a_session(epoch=1)))
    return ledger.run(ReadSession("a-session"))


def naming(name):
    return lambda call: (200, json.dumps({"conversation_id": name}).encode())


def say(ledger, conversation_id, owner):
    ledger.run(Record("yesterday", conversation_id, 1, Turn("turn-1", "user", "hello"), owner=owner))


def test_the_session_begins_with_the_conversation_that_is_named(ledger, fake, backend, session):
    say(ledger, "theirs", "main/ada")
    fake.answers = naming("theirs")
    begun = begin_as_named(ledger, session, backend)

    (asked,) = fake.to("/joined")
    assert (asked["room_name"], asked["user_id"]) == ("stage", "ada")
    assert asked["conversation_id"] == session.conversation_id
    kept = ledger.run(ReadSession("a-session"))
    assert begun.conversation_id == kept.conversation_id == kept.brief.conversation_id == "theirs"
    assert kept.brief == begun.brief
    assert kept.conversation_owner == "main/ada"


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"{}"),
        (200, b"garbage"),
        (200, b'{"conversation_id": null}'),
        (404, b""),
        (500, b""),
        (422, b""),
    ],
)
def test_a_backend_that_names_none_leaves_the_session_its_own(ledger, fake, backend, session, answer):
    fake.answers = lambda call: answer

    assert begin_as_named(ledger, session, backend) == session
    assert ledger.run(ReadSession("a-session")) == session


@pytest.mark.parametrize("name", ["of-bob", "with {braces}", "", "x" * 65, 7, ["a"]])
def test_a_conversation_that_cannot_be_this_user_s_is_not_taken_up(ledger, fake, backend, session, name):
    say(ledger, "of-bob", "main/bob")
    fake.answers = naming(name)
    with capture_logs() as lines:
        assert begin_as_named(ledger, session, backend) == session

    assert [line["event"] for line in lines] == ["conversation_name_failed"]
    assert ledger.run(ReadSession("a-session")) == session


def test_a_first_bot_asks_and_a_later_one_goes_on(ledger, fake, redis_url):
    say(ledger, "theirs", "main/ada")
    fake.answers = naming("theirs")
    settings = read({"REDIS_URL": redis_url, "BACKEND_URL": fake.url, "BACKEND_SECRET": SECRET})
    claim = a_claim()
    claimed = ledger.run(claim)
    ledger.run(Create(a_session(claim.session_id, epoch=claimed.epoch, room=claim.room)))
    adopted = run.adopt(claim.session_id, claim.token, host="here", job_id="job", settings=settings)

    assert adopted.session.conversation_id == "theirs"
    assert [turn.content for turn in adopted.conversation] == ["hello"]
    ledger.run(Transition(claim.session_id, State.JOINING, claimed.epoch))
    run.adopt(claim.session_id, claim.token, host="here", job_id="job", settings=settings)
    services.backend_at(fake.url, SECRET).close()
    assert len(fake.to("/joined")) == 1
