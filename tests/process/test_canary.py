"""A sentence that somebody says in a call is in the database, and in Redis's conversation, and nowhere else.

So are what an admin has the bot say, what they tell it, and what a server says in a person's name: on their way they
are in the bot's inbox, and an instruction in the room's config, as long as the session is on.

Everything is read that the whole product writes meanwhile: each command to Redis as it is sent, Celery's messages among
them; logs at the level that says the most; events, webhooks, and all figures; and each file that is left.
"""

import base64
import binascii
import re
import threading
import urllib.request
from contextlib import contextmanager

import pytest

from greenroom.app.storage.commands import SHAS
from tests.fakes.backend_server import a_backend
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import Problem, product

pytestmark = pytest.mark.anyio

CANARY = "quetzalcoatl"
SENTENCE = f"My parrot is called {CANARY}."
EVERYBODY = ("redis", "web", "bots", "control", "beat", "events", "flower")
PASSWORD = "oboe-under-jazz-fjord"
MAY_CARRY_IT = {"record", "settle"}  # scripts: they write a turn down, and take it out of its outbox
DIRECTS = {"send", "write_config"}  # and those by which an admin or a server reaches the bot
REACHES_IT = re.compile(r"bot:config:\{[^}]+\}|session:\{[^}]+\}:inbox")  # by these keys
MAY_HOLD_IT = re.compile(r"conversation:\{[^}]+\}:(turns|outbox)")
KEEPS_IT = re.compile(r"greenroom\.db(-wal|-shm)?|redis/.*")  # files: the database, and Redis's own
IN_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")  # as Celery sends its messages' bodies


def is_said_in(text):
    """Also where it is said in base64."""
    return CANARY in text.lower() or CANARY in _decoded(text).lower()


def _decoded(text):
    found = []
    for each in IN_BASE64.findall(text):
        try:
            found.append(base64.b64decode(each + "=" * (-len(each) % 4)).decode("utf-8", "replace"))
        except (ValueError, binascii.Error):
            continue
    return " ".join(found)


class Wiretap:
    """Every command that Redis is sent, until it is taken down."""

    def __init__(self, server):
        self.commands = []
        self._server = server
        self._is_on = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        assert self._is_on.wait(10)

    def _listen(self):
        with self._server.monitor() as monitor:
            self._is_on.set()
            for each in monitor.listen():
                self.commands.append(each["command"])
                if each["command"] == "ECHO enough":
                    return

    def take_down(self):
        self._server.echo("enough")
        self._thread.join(30)
        return self.commands


def page_of(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as reply:
        return reply.read().decode()


def written_elsewhere(folder):
    """The files that have the sentence, but for those that shall."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        name
        for path in files
        if not KEEPS_IT.fullmatch(name := str(path.relative_to(folder)))
        and is_said_in(path.read_bytes().decode("utf-8", "replace"))
    ]


def carried_elsewhere(commands, may_carry_it, reaches=None):
    """What else of Redis was sent it: a script that has no business with it, or a key that is no conversation's."""
    said = [command for command in commands if is_said_in(command)]
    assert said, "nobody has written it down"
    scripts = {SHAS[name] for name in may_carry_it}
    return [
        command[:200]
        for command in said
        if not (command.startswith("EVALSHA") and command.split()[1] in scripts)
        and not (command.startswith(("ZADD", "RPUSH", "LREM")) and MAY_HOLD_IT.fullmatch(command.split()[1]))
        and not (reaches and command.startswith(("SET", "XADD")) and reaches.fullmatch(command.split()[1]))
    ]


def keys_with_it(server):
    """All that Redis holds it under, a conversation's turns apart."""
    reads = {"string": server.get, "hash": server.hgetall, "stream": server.xrange}
    found = []
    for key in server.scan_iter():
        read = reads.get(server.type(key))
        held = read(key) if read else server.sort(key, by="nosort", alpha=True)
        if is_said_in(str(held)) and not MAY_HOLD_IT.fullmatch(key):
            found.append(key)
    return found


@contextmanager
def told_of_everything():
    """A product with all its processes, whose webhooks come to a receiver; both."""
    with (
        a_backend() as receiver,
        product(
            EVERYBODY,
            LOG_LEVEL="DEBUG",
            FLOWER_PASSWORD=PASSWORD,
            APP_EVENTS="page_opened",
            WEBHOOK_URLS=f"{receiver.url}/hook",
            WEBHOOK_SECRET="whsec_" + base64.b64encode(b"a secret of these tests only").decode(),
            WEBHOOK_PRIVATE="1",
        ) as running,
    ):
        yield running, receiver


def assert_it_is_nowhere_else(running, receiver, session_id, commands, may_carry_it, reaches=None):
    """Than in the database, and in Redis's own file; the product is stopped for that."""
    events = str(running.get(f"/sessions/{session_id}/events"))
    figures = [page_of(f"http://127.0.0.1:{running.environ['EVENTS_PORT']}/metrics")]
    basic = "Basic " + base64.b64encode(f"greenroom:{PASSWORD}".encode()).decode()
    flower = f"http://127.0.0.1:{running.environ['FLOWER_PORT']}"
    figures += [
        page_of(f"{flower}/{path}", Authorization=basic)
        for path in ("metrics", "api/tasks", "tasks", "workers")
    ]
    logs = {name: running.process(name).logs() for name in EVERYBODY}

    assert carried_elsewhere(commands, may_carry_it, reaches) == []
    assert any(session_id in _decoded(command) for command in commands), "no task's arguments were read"
    assert [name for name, log in logs.items() if is_said_in(log)] == []
    assert not is_said_in(events)
    assert [each[:200] for each in figures if is_said_in(each)] == []
    assert any("bots@" in each for each in figures), "Flower has seen no worker"
    assert [call.body for call in receiver.calls if is_said_in(call.body.decode())] == []
    running.stop()  # what is still to be written is
    assert written_elsewhere(running.folder) == []
    assert is_said_in((running.folder / "greenroom.db").read_bytes().decode("utf-8", "replace"))


async def test_what_is_said_in_a_call_is_kept_where_it_shall_be_and_nowhere_else():
    with told_of_everything() as (running, receiver):
        tap = Wiretap(running.redis)
        joined = running.join("local:parrots", bot="assistant", user_id="ann")
        session_id = joined["session_id"]
        async with Person(running.url, joined["connect"]) as person:
            await person.until(lambda person: person.of_type("bot-stopped-speaking"))
            before = len(person.of_type("bot-stopped-speaking"))
            person.type(SENTENCE)
            await person.until(lambda person: len(person.of_type("bot-stopped-speaking")) > before)
        leave_and_wait(running, receiver, joined)

        assert_it_is_nowhere_else(running, receiver, session_id, tap.take_down(), MAY_CARRY_IT)


async def test_what_an_admin_or_a_server_says_goes_to_the_bot_and_is_kept_nowhere_else():
    with told_of_everything() as (running, receiver):
        tap = Wiretap(running.redis)
        joined = running.join("local:whispers", bot="assistant", user_id="ann")
        session_id = joined["session_id"]

        def ask(name, **body):
            return running.post(f"/sessions/{session_id}/requests/{name}", body)

        async with Person(running.url, joined["connect"]) as person:
            await person.until(lambda person: person.of_type("bot-stopped-speaking"))
            for action, text in (("instruct", f"Never name {CANARY}."), ("say", f"Mind the {CANARY}.")):
                running.post("/admin", {"session_id": session_id, "action": action, "text": text})
            await person.until(lambda person: f"Mind the {CANARY}." in person.transcript)
            ask("app_event", event="page_opened", data={"of": CANARY})
            ask("user-message", content=SENTENCE, timestamp=1)
            await person.until(lambda person: SENTENCE in str(person.of_type("user-input")))
        with pytest.raises(Problem) as refused:
            ask("app_event", event=f"{CANARY}_seen")
        with pytest.raises(Problem) as unreadable:
            running.post("/admin", {"session_id": session_id, "action": "say", "text": "", CANARY: CANARY})
        leave_and_wait(running, receiver, joined)

        assert (refused.value.status, unreadable.value.status) == (422, 422)
        eventually(lambda: keys_with_it(running.redis) == [])
        commands = tap.take_down()
        may_carry_it = MAY_CARRY_IT | DIRECTS
        assert_it_is_nowhere_else(running, receiver, session_id, commands, may_carry_it, REACHES_IT)


def leave_and_wait(running, receiver, joined):
    """End the session, and wait until all that comes of it has come."""
    session_id, talk = joined["session_id"], joined["conversation_id"]
    running.post("/leave", {"session_id": session_id})
    running.ended(session_id)
    eventually(lambda: running.get(f"/conversations?q={CANARY}")["conversations"], within=30)
    eventually(lambda: not running.redis.exists(f"conversation:{{{talk}}}:outbox"), within=30)
    eventually(lambda: any("session.ended" in str(call.body) for call in receiver.calls), within=30)
