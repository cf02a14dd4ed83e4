"""`greenroom up`, with small processes in place of ours and the real Redis: what it starts, says, and leaves behind."""

import base64
import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import threading
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from redis import Redis

from greenroom.app.local.embedded_livekit import answers
from greenroom.app.local.embedded_redis import temporary_redis
from greenroom.app.passes import Passes
from greenroom.app.settings import Settings
from tests.rigs.eventually import eventually
from tests.rigs.ports import free_port, free_ports

ROOT = Path(__file__).parent.parent.parent

# A process that tells, when it is asked to stop, that it is and whether Redis still answers.
STUB = """
import http.server, os, pathlib, signal, subprocess, sys, threading, time
from greenroom.app.local.embedded_redis import answers
from greenroom.app.settings import read
name, *habits = sys.argv[1:]
settings = read()
here = settings.var_dir.parent
def note(text):
    with open(here / "notes", "a") as notes:
        notes.write(f"{name} {text}\\n")
def stop(*_):
    note("asked" if answers(settings.redis_socket) else "asked without redis")
    if "deaf" not in habits:
        note("gone")
        os._exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, lambda *_: note("interrupted"))
note("started")
print(f"{name} says hello", flush=True)
if "child" in habits:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if "dies" in habits or ("dies-once" in habits and (here / "notes").read_text().count(f"{name} started") == 1):
    print("I cannot go on", flush=True)
    sys.exit(3)
if "chatty" in habits:
    os.write(1, b"\\x1b[2Jcleared\\n" + b"x" * 300_000 + b"\\nafter the long line\\n")
port = {"web": settings.port, "flower": settings.flower_port}.get(name)
if port:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        def log_message(self, *_): pass
    server = http.server.ThreadingHTTPServer((settings.host, port), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
while True:
    time.sleep(600)
"""
NAMES = ("web", "bots", "control", "beat", "flower")
AT_LAST = (
    120  # seconds, for what is not about seconds: a busy machine takes long to start a process, and to end it
)


class Folder:
    """A folder to start Greenroom in, with an environment by which all that it starts can be found."""

    def __init__(self, path):
        self.path = path
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PORT": str(free_port()),
            "FLOWER_PORT": str(free_port()),
            "EVENTS_PORT": str(free_port()),
            "VAR_DIR": str(path / "var"),  # also what all that is started here can be told by
        }
        (path / "stub.py").write_text(STUB)
        self.ups = []
        self.procfile()

    def procfile(self, **habits):
        lines = [f"{name}: python stub.py {name} {habits.get(name, '')}" for name in NAMES]
        (self.path / "Procfile").write_text(
            "\n".join(["redis: greenroom redis", *lines, "livekit: greenroom livekit"])
        )

    def up(self, *arguments, **environ):
        """With the stubs of this folder's Procfile, unless the arguments say otherwise."""
        process = subprocess.Popen(
            [sys.executable, "-m", "greenroom.app.cli", "up", "--procfile", "Procfile", *arguments],
            cwd=self.path,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.ups.append(Up(process))
        return self.ups[-1]

    def ready(self, **environ):
        up = self.up(**environ).says("Ctrl-C stops everything")
        eventually(lambda: {f"{name} started" for name in NAMES} <= set(self.notes), AT_LAST)
        return up

    @property
    def notes(self):
        file = self.path / "notes"
        return file.read_text().splitlines() if file.exists() else []

    def left(self):
        """Whatever was started here and still runs."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process):
        with contextlib.suppress(psutil.Error):
            return (
                process.environ().get("VAR_DIR") == self.environ["VAR_DIR"]
                and process.status() != psutil.STATUS_ZOMBIE
            )
        return False


class Terminal:
    """What a person sees of a `greenroom up`."""

    def __init__(self, descriptor):
        self._descriptor = descriptor

    def reads_until(self, text):
        said = b""
        while text.encode() not in said:
            said += os.read(self._descriptor, 65536)
        return said.decode()


@contextlib.contextmanager
def in_a_terminal(folder):
    """`greenroom up` in a terminal, which is closed at the end of the block."""
    ours, theirs = pty.openpty()

    def take_the_terminal():
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [sys.executable, "-m", "greenroom.app.cli", "up", "--procfile", "Procfile"],
        cwd=folder.path,
        env=folder.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_the_terminal,
    )
    os.close(theirs)
    try:
        yield Terminal(ours)
    finally:
        os.close(ours)
        process.wait(AT_LAST)


class Up:
    """A running `greenroom up`, and what it has said so far."""

    def __init__(self, process):
        self.process = process
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.said += line.decode(errors="replace")

    def says(self, text, within=AT_LAST):
        eventually(lambda: text in self.said or self._must_run(), within)
        return self

    def _must_run(self):
        assert self.process.poll() is None, self.said
        return False

    def ends(self, within=AT_LAST):
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended in {within} s:\n{self.said}") from None
        self.close()
        return code

    def close(self):
        self._reader.join()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def folder(tmp_path):
    it = Folder(tmp_path)
    yield it
    for _ in range(5):  # a supervisor may start again what is killed before it
        left = it.left()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=2)
    for up in it.ups:
        up.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_stop_it_leaves_no_process_behind(folder, number):
    folder.procfile(bots="child")
    up = folder.ready()
    up.process.send_signal(number)

    assert up.ends() == 0
    assert folder.left() == []


def test_when_all_is_ready_and_a_person_looks_on_it_prints_one_link_with_a_pass(folder):
    with in_a_terminal(folder) as terminal:
        said = terminal.reads_until("Ctrl-C stops everything")
    links = re.findall(r"http\S*#\S+", said)
    signed = links[0].partition("pass=")[2]
    secret = (folder.path / "var" / "signing-secret").read_text().strip()

    assert links == [f"http://127.0.0.1:{folder.environ['PORT']}/talk#pass={signed}"]
    assert Passes(secret).read(signed).room is None
    assert (folder.path / "var" / "api-key").read_text().strip() not in said
    assert {note.split()[0] for note in folder.notes} == set(NAMES)


def test_where_its_output_is_kept_it_prints_no_link_and_says_how_to_get_one(folder):
    up = folder.ready()

    assert "pass=" not in up.said and "key=" not in up.said
    assert "greenroom link" in up.said
    for name in ("api-key", "signing-secret", "flower-password"):
        assert (folder.path / "var" / name).read_text().strip() not in up.said
    up.process.send_signal(signal.SIGINT)
    assert up.ends() == 0


def test_a_process_gets_its_part_of_the_environment(folder):
    up = folder.ready(CARTESIA_API_KEY="of-a-bot", API_KEY="fjord-mimic-taxi-plumb-oboe")
    by_name = {
        process.cmdline()[2]: process.environ() for process in folder.left() if "stub.py" in process.cmdline()
    }
    up.process.send_signal(signal.SIGINT)
    up.ends()

    assert by_name["web"]["API_KEY"] and "CARTESIA_API_KEY" not in by_name["web"]
    assert by_name["bots"]["CARTESIA_API_KEY"] and not by_name["bots"].get("API_KEY")
    assert not by_name["flower"].get("API_KEY") and "CARTESIA_API_KEY" not in by_name["flower"]


def test_it_stops_in_order_and_redis_last(folder):
    up = folder.ready()
    up.process.send_signal(signal.SIGINT)
    up.ends()
    stopped = [note for note in folder.notes if not note.endswith("started")]

    assert sorted(stopped[:6]) == sorted(
        f"{name} {what}" for name in ("web", "beat", "flower") for what in ("asked", "gone")
    )
    assert stopped[6:] == ["bots asked", "bots gone", "control asked", "control gone"]


def test_the_link_is_not_printed_before_the_web_answers(folder):
    folder.procfile(web="dies")
    up = folder.up()

    assert up.ends() == 1
    assert "greenroom link" not in up.said


def test_it_is_not_ready_before_a_join_is_accepted(folder):
    """Redis answered all who only read, and kept the first join waiting for longer than a join waits."""
    with temporary_redis() as other, Redis.from_url(other.redis_url) as redis:
        redis.client_pause(AT_LAST * 1000, all=False)  # writes
        up = folder.up(REDIS_URL=other.redis_url).says("flower says hello")
        is_ready, tries = "Ctrl-C stops everything", connections(redis)
        eventually(lambda: is_ready in up.said or connections(redis) > tries + 3, AT_LAST)
        was_ready = is_ready in up.said
        redis.client_unpause()
        up.says(is_ready)
        up.process.send_signal(signal.SIGINT)
        up.ends()

    assert not was_ready


def connections(redis):
    """How many it has had; each try to join has one of its own."""
    return redis.info("stats")["total_connections_received"]


def test_closing_the_terminal_leaves_no_process_behind(folder):
    with in_a_terminal(folder) as terminal:
        terminal.reads_until("Ctrl-C stops everything")
        eventually(lambda: {f"{name} started" for name in NAMES} <= set(folder.notes), AT_LAST)

    assert folder.left() == []
    assert {f"{name} gone" for name in NAMES} < set(folder.notes)


def test_a_supervisor_that_is_killed_leaves_no_process_behind(folder):
    folder.procfile(bots="deaf child")
    up = folder.ready()
    up.process.kill()

    eventually(lambda: not folder.left(), within=AT_LAST)
    assert "web gone" in folder.notes


def test_after_a_killed_supervisor_it_can_be_started_again(folder):
    killed = folder.ready()
    killed.process.kill()
    eventually(lambda: not folder.left(), within=AT_LAST)
    up = folder.ready()
    up.process.send_signal(signal.SIGINT)

    assert up.ends() == 0


def test_a_second_one_in_the_same_folder_says_that_one_is_running(folder):
    first = folder.ready()
    second = folder.up()

    assert second.ends() == 1
    assert len(second.said.splitlines()) == 1
    assert f"http://127.0.0.1:{folder.environ['PORT']}" in second.said
    assert first.process.poll() is None
    first.process.send_signal(signal.SIGINT)
    first.ends()


def test_a_taken_port_is_one_line_before_anything_starts(folder):
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", int(folder.environ["PORT"])))
        somebody.listen()
        up = folder.up()
        code = up.ends()

    assert code == 1
    assert len(up.said.splitlines()) == 1
    assert folder.environ["PORT"] in up.said and "PORT=" in up.said
    assert folder.notes == []


def test_wrong_settings_are_all_said_before_anything_starts(folder):
    up = folder.up(PORT="x", SLOTS="0")

    assert up.ends() == 2
    assert "PORT is 'x'" in up.said and "SLOTS is '0'" in up.said
    assert folder.notes == []


def test_a_process_that_dies_is_started_again_and_said_so(folder):
    folder.procfile(control="dies-once")
    up = folder.ready()

    up.says("control ended with exit code 3; it is started again")
    eventually(lambda: folder.notes.count("control started") == 2, AT_LAST)
    up.process.send_signal(signal.SIGINT)
    up.ends()


def test_a_process_that_is_killed_later_is_started_again(folder):
    up = folder.ready()
    (bots,) = [process for process in folder.left() if "bots" in process.cmdline()]
    bots.kill()

    up.says("bots was ended by SIGKILL; it is started again")
    eventually(lambda: folder.notes.count("bots started") == 2, AT_LAST)
    up.process.send_signal(signal.SIGINT)
    assert up.ends() == 0


def test_a_process_that_cannot_start_ends_all_and_its_last_lines_are_shown(folder):
    folder.procfile(beat="dies")
    up = folder.up()

    assert up.ends() == 1
    assert "beat ended with exit code 3 5 times in a row" in up.said
    assert "I cannot go on" in up.said.partition("the last lines of beat")[2]
    assert folder.left() == []


def test_a_command_that_is_not_there_is_named(folder):
    with (folder.path / "Procfile").open("a") as procfile:
        procfile.write("\nshop: no-such-command\n")
    up = folder.up()

    assert up.ends() == 1
    assert "shop could not be started" in up.said and "no-such-command" in up.said


def test_a_second_ctrl_c_does_not_wait_for_one_that_does_not_listen(folder):
    folder.procfile(bots="deaf child")
    up = folder.ready()
    up.process.send_signal(signal.SIGINT)
    eventually(lambda: "bots asked" in folder.notes, AT_LAST)
    up.process.send_signal(signal.SIGINT)

    assert up.ends() == 0
    assert "hurrying" in up.said
    assert "bots is not done yet and is ended: their calls go on after the next start" in up.said
    assert folder.left() == []


def test_one_ctrl_c_is_enough_where_bots_do_not_end(folder):
    """It waited 40 s for bots, as where another worker may take their calls over."""
    folder.procfile(bots="deaf child")
    up = folder.ready()
    up.process.send_signal(signal.SIGINT)

    assert up.ends() == 0
    assert "bots is not done yet and is ended: their calls go on after the next start" in up.said
    assert folder.notes[-1] == "control gone"
    assert folder.left() == []


def test_an_interrupt_in_the_terminal_is_for_the_supervisor_alone(folder):
    up = folder.ready()
    os.killpg(up.process.pid, signal.SIGINT)
    up.ends()

    assert not [note for note in folder.notes if "interrupted" in note]


def test_stopping_while_it_starts_leaves_no_process_behind(folder):
    up = folder.up().says("says hello")
    up.process.send_signal(signal.SIGINT)

    assert up.ends() == 0
    assert folder.left() == []


def test_with_a_redis_of_ones_own_none_is_started_and_none_is_missed(folder):
    with temporary_redis() as other:
        up = folder.ready(REDIS_URL=other.redis_url)
        up.says("REDIS_URL is set")  # that Redis answers before ours has said why it does not start
        up.process.send_signal(signal.SIGINT)
        code = up.ends()

    assert code == 0
    assert "REDIS_URL is set" in up.said and "started again" not in up.said
    assert not Settings(var_dir=folder.path / "var").redis_socket.exists()


def test_a_livekit_server_of_our_own_is_kept_running_and_goes_with_the_rest(folder):
    port = free_ports(3)
    up = folder.ready(LIVEKIT="1", LIVEKIT_PORT=str(port))
    assert f"ws://127.0.0.1:{port}" in up.said
    assert answers(port)
    (server,) = [process for process in folder.left() if "livekit-server" in process.name()]
    kept = folder.path / "var" / "livekit"
    secret = (kept / "secret").read_text().strip()
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir()} == {0o600}
    assert not [process for process in folder.left() if secret in " ".join(process.cmdline())]
    server.kill()

    up.says("livekit was ended by SIGKILL; it is started again")
    eventually(lambda: answers(port), AT_LAST)
    up.process.send_signal(signal.SIGINT)
    assert up.ends() == 0
    assert folder.left() == []


def test_where_the_operator_names_a_livekit_server_none_is_started(folder):
    theirs = {"LIVEKIT_URL": "wss://livekit.example.com", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}
    up = folder.ready(LIVEKIT="1", **theirs)
    up.process.send_signal(signal.SIGINT)

    assert up.ends() == 0
    assert not (folder.path / "var" / "livekit").exists()


def test_each_process_has_a_log_and_nothing_in_it_moves_the_cursor(folder):
    folder.procfile(beat="chatty")
    up = folder.ready().says("after the long line")
    up.process.send_signal(signal.SIGINT)
    up.ends()
    logs = {path.stem: path.read_text() for path in (folder.path / "var" / "log").glob("*.log")}

    assert set(logs) == {"redis", *NAMES}
    assert "after the long line" in logs["beat"]
    assert "\x1b" not in up.said


def test_a_procfile_that_cannot_be_read_is_named_with_its_line(folder):
    (folder.path / "Procfile").write_text("web: python stub.py web\nthis is not it\n")
    up = folder.up()

    assert up.ends() == 1
    assert "Procfile, line 2" in up.said


def test_what_the_repository_lists_comes_up_answers_with_the_key_and_goes(folder):
    """Greenroom itself, in a folder that is not the repository; its first bots take their models' time.

    With a Redis of one's own: nobody need be killed then, since only with an embedded one all must have gone in 9 s.
    """
    with temporary_redis() as other:
        comes_up_answers_and_goes(folder, REDIS_URL=other.redis_url)


def comes_up_answers_and_goes(folder, **settings):
    port = free_ports(3)
    settings |= {"SLOTS": "1", "LIVEKIT": "1", "LIVEKIT_PORT": str(port)}
    up = folder.up("--procfile", str(ROOT / "Procfile"), **settings)
    up.says("Ctrl-C stops everything")
    key = (folder.path / "var" / "api-key").read_text().strip()
    site = f"http://127.0.0.1:{folder.environ['PORT']}"
    fleet = f"http://127.0.0.1:{folder.environ['FLOWER_PORT']}/api/workers"
    password = (folder.path / "var" / "flower-password").read_text().strip()

    assert status(f"{site}/sessions") == 401
    assert status(f"{site}/sessions", Authorization=f"Bearer {key}") == 200
    assert status(fleet) == 401
    assert status(fleet, Authorization=basic(key)) == 401
    assert status(fleet, Authorization=basic(password)) == 200
    fresh = join(site, key)
    assert fresh["room_url"].startswith(f"ws://127.0.0.1:{port}/")  # where the printed link leads
    assert fresh["connect"]["room_token"]
    assert all(key not in " ".join(process.cmdline()) for process in folder.left())
    up.process.send_signal(signal.SIGINT)
    assert up.ends() == 0
    assert folder.left() == []
    killed = [line for line in up.said.splitlines() if "is killed" in line]
    assert [
        line for line in killed if "livekit" not in line
    ] == []  # which waits for a bot that has only just left


def join(site, key):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{site}/join", b"{}", headers), timeout=10) as reply:
        return json.load(reply)


def basic(password):
    return f"Basic {base64.b64encode(f'greenroom:{password}'.encode()).decode()}"


def status(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as reply:
            return reply.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code
