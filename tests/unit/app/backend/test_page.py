"""The backend in docs/backend.md, run as it stands there."""

import json
import re
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from greenroom.app.backend.archive import BackendArchive
from greenroom.app.backend.calls import Backend
from greenroom.app.backend.erasing import erasure_at
from greenroom.app.backend.memory import BackendMemory
from greenroom.app.backend.taking_up import BackendEarlier
from greenroom.app.errors.storage import BackendAway
from greenroom.app.rooms.archive import Batch, Delivery, Report, Visit
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.memory import HEADING
from greenroom.app.rooms.sessions import Reason, State
from tests.fakes.backend_server import SECRET
from tests.rigs.makers import a_session

PAGE = Path(__file__).parents[4] / "docs" / "backend.md"


def _example():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return code


@pytest.fixture
def page(tmp_path, monkeypatch):
    """What the page's code has made, and where it answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKEND_SECRET", SECRET)
    made = {"__name__": "backend"}
    exec(compile(_example(), str(PAGE), "exec"), made)
    server = make_server("127.0.0.1", 0, made["app"], threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()
    made["db"].close()


def rows(query):
    db = sqlite3.connect("backend.db")
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def a_batch(*numbers, of="a-conversation", by="ada"):
    turns = [
        Turn(f"turn-{number}", "user", f"words {number}", sequence=number, ended_ms=number)
        for number in numbers
    ]
    return Batch(of, "main", by, tuple(Delivery(turn, "a-session", 7) for turn in turns))


def test_the_page_s_backend_is_of_some_thirty_lines():
    assert sum(bool(line.strip()) for line in _example().splitlines()) <= 38


def test_it_keeps_each_turn_once_and_in_order(page):
    archive = BackendArchive(Backend(page, SECRET))
    for batch in (a_batch(1, 2), a_batch(1, 2, 3)):
        assert archive.keep_turns([batch]) == []

    kept = rows("SELECT content FROM turns WHERE talk = 'a-conversation' ORDER BY sequence")
    assert [said for (said,) in kept] == ["words 1", "words 2", "words 3"]


def test_it_keeps_what_happens_once(page):
    report = Report(
        a_session(state=State.ENDED, reason=Reason.LEFT, created_ms=1, updated_ms=9),
        (),
        (Visit("ada", 2, 8),),
    )
    for _ in range(2):
        assert BackendArchive(Backend(page, SECRET)).keep_session(report) is None

    told = [json.loads(facts)["event"] for (facts,) in rows("SELECT facts FROM events")]
    assert told == ["started", "joined", "left", "ended", "remember"]


def test_it_recalls_what_its_user_alone_has_said_in_earlier_conversations(page):
    backend = Backend(page, SECRET)
    BackendArchive(backend).keep_turns(
        [a_batch(1, 2), a_batch(3, of="now"), a_batch(4, of="of-bob", by="bob")]
    )

    recalled = BackendMemory(backend).recall("main", "ada", besides="now")
    assert recalled == f"{HEADING}\nuser: words 1\nuser: words 2"


def test_it_tells_what_was_said_in_a_conversation_that_goes_on(page):
    backend = Backend(page, SECRET)
    BackendArchive(backend).keep_turns([a_batch(1, 2), a_batch(3, of="now")])

    earlier = BackendEarlier(backend, "ada").find("main", "a-conversation")
    assert [turn.content for turn in earlier.turns] == ["words 1", "words 2"] and earlier.last_sequence == 2
    assert BackendEarlier(backend, "bob").find("main", "a-conversation") is None
    assert BackendEarlier(backend, "ada").find("main", "new") is None


@pytest.mark.parametrize(
    ("secret", "seconds"), [("another-secret-than-that-of-the-backend", 0), (SECRET, -330), (SECRET, 330)]
)
def test_it_refuses_what_others_have_signed_and_what_is_old(page, secret, seconds):
    backend = Backend(page, secret, now=lambda: time.time() + seconds)
    with pytest.raises(BackendAway) as raised:
        backend.call("turns", {"conversation_id": "a-conversation", "turns": []})

    assert raised.value.facts == {"because": "status 401", "status": 401}
    assert rows("SELECT * FROM turns") == []


@pytest.mark.parametrize("gone", ["ada", "b_n", "be", "%"])
def test_it_erases_a_person_and_nobody_else(page, gone):
    archive = BackendArchive(Backend(page, SECRET))
    for who in (gone, "ben"):
        archive.keep_turns([a_batch(1, of=f"of-{who}", by=who)])
        archive.keep_session(Report(a_session(f"s-{who}", user_id=who), (), (Visit(who, 2),)))

    erasure_at(page, SECRET).erase("main", gone, 9)
    assert rows("SELECT user FROM turns") == [("ben",)]
    events = str(rows("SELECT facts FROM events"))
    assert f'"{gone}"' not in events and '"ben"' in events
