"""What a bot leaves in its process: it is cleared away in bounded time, or makes the process unfit for another bot."""

import json
import os
import subprocess
import sys
import textwrap

import psutil
import pytest

from greenroom.bots.leftovers import _descendants_of

pytestmark = pytest.mark.heavy

BEFORE = """
import asyncio, json, os, subprocess, sys, threading, time
from greenroom.bots.leftovers import this_process

kept, exits = [], []

def begin(work):
    kept.append(asyncio.get_running_loop().create_task(work))

async def clings():
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass

async def blocks():
    try:
        await asyncio.sleep(600)
    finally:
        time.sleep(600)

async def exits_python():
    sys.exit(3)

async def exits_when_closed():
    try:
        yield
    finally:
        sys.exit(3)

async def bot():
    await asyncio.sleep(0)
"""
AFTER = """
raised = None
this_process.note_baseline()
try:
    this_process.run(bot(), exits.append)
except Exception as error:
    raised = repr(error)
pids = [each for each in kept if isinstance(each, int)]
print(json.dumps({"unfit": this_process.unfit, "raised": raised, "exits": len(exits), "pids": pids}))
sys.stdout.flush()
os._exit(0)
"""


def left_by(body):
    """What is told of a bot of these lines, in a process of its own: its exit code, and what it says at the end."""
    source = BEFORE + textwrap.indent(textwrap.dedent(body), "    ") + AFTER
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    lines = ran.stdout.strip().splitlines()
    return ran.returncode, json.loads(lines[-1]) if ran.returncode == 0 else ran.stderr


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "begin(asyncio.sleep(600))",
        "await asyncio.to_thread(time.sleep, 0.01)",
        "threading.Thread(target=time.sleep, args=(0.1,)).start()",
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
        "kept.append(bytearray(os.urandom(1024)) * (100 * 1024))",
    ],
)
def test_a_process_in_which_little_is_left_takes_the_next_bot(body):
    assert left_by(body) == (0, {"unfit": [], "raised": None, "exits": 0, "pids": []})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("begin(clings())", "tasks that do not end: clings"),
        (
            "threading.Thread(target=time.sleep, args=(600,), name='mine').start()",
            "threads that do not end: mine",
        ),
        (
            "asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)",
            "threads that do not end: bot_0",
        ),
        (
            "for _ in range(40): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
            " threads more than before its first bot",
        ),
        ("kept.append(bytearray(os.urandom(1024)) * (300 * 1024))", " MB more than before its first bot"),
    ],
)
def test_a_process_in_which_more_is_left_is_unfit_and_says_why(body, said):
    code, told = left_by(body)

    assert code == 0 and said in "; ".join(told["unfit"])


def test_a_process_in_which_clearing_away_fails_is_unfit_and_its_bot_has_ended_as_it_did():
    """The watchdog stayed armed for the next bot, and the end of this one became a failure."""
    code, told = left_by("import shutil; this_process._growth = lambda: shutil.rmtree('/nowhere')")

    assert code == 0 and told["raised"] is None
    assert told["unfit"] == ["what its bot left could not be cleared away"]


def test_a_process_whose_loop_is_blocked_at_the_end_ends_itself_and_says_where():
    code, said = left_by("begin(blocks())\nawait asyncio.sleep(0.1)")

    assert code == 1
    assert "Timeout" in said and "in blocks" in said


def test_the_processes_that_a_bot_began_are_ended():
    code, told = left_by(
        "kept.append(subprocess.Popen(['sh', '-c', 'sleep 601 & wait']).pid)\nawait asyncio.sleep(0.3)"
    )

    assert code == 0 and len(told["pids"]) == 1
    assert not any(psutil.pid_exists(pid) for pid in told["pids"])


def test_of_a_bot_that_failed_nothing_is_waited_for():
    """What blocks when it is cancelled would hold the news of the failure up until the watchdog ends it."""
    code, told = left_by("begin(blocks())\nawait asyncio.sleep(0.1)\nraise ValueError('no')")

    assert (code, told["raised"]) == (0, "ValueError('no')")
    assert "tasks that do not end" in told["unfit"][0]


def test_sys_exit_in_a_task_is_told_and_the_stay_goes_on_to_its_end():
    code, told = left_by("begin(exits_python())\nawait asyncio.sleep(0.1)")

    assert (code, told["exits"], told["raised"]) == (0, 1, None)


def test_sys_exit_in_what_is_closed_at_the_end_is_not_the_process_s():
    """It came out of a stay that had ended well: the launch counted as failed, and the rest was not cleared away."""
    code, told = left_by("kept.append(exits_when_closed())\nawait anext(kept[0])")

    assert (code, told["raised"]) == (0, None)


def test_a_process_whose_name_is_no_text_is_seen_as_any_other():
    """Names are cut at 15 bytes: one that ended in half a letter, anybody's, kept every worker from starting."""
    names_itself = (
        "import time; open('/proc/self/comm', 'wb').write(b'\\xc3'); print(flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", names_itself], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        try:
            found = _descendants_of(os.getpid())
        finally:
            child.kill()

    assert child.pid in found
