"""What is said of a bot that failed: what was raised, and where in its own code."""

import json

import pytest

from greenroom.bots.blame import SAID_AT_MOST, failure_of
from greenroom.tasks.worker.pool import how_it_ended


def raised_by(doing):
    try:
        doing()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def fails():
    raise ValueError("no such key:\n  'colour'")


def fails_in_a_library():
    json.loads("{")


def test_a_failure_is_named_with_its_message_in_one_line_and_its_place():
    assert str(failure_of(raised_by(fails), "tests.unit:bot")) == (
        f"raised ValueError: no such key: 'colour' (tests/unit/bots/test_blame.py:{fails.__code__.co_firstlineno + 1})"
    )


def test_a_failure_in_a_library_is_placed_where_the_bot_called_it():
    line = fails_in_a_library.__code__.co_firstlineno + 1

    assert str(failure_of(raised_by(fails_in_a_library), "tests.unit:bot")).endswith(
        f"(tests/unit/bots/test_blame.py:{line})"
    )


def test_code_that_does_not_parse_is_placed_where_it_does_not(tmp_path):
    said = str(failure_of(raised_by(lambda: compile("def (", "mine.py", "exec")), "mine:bot"))

    assert said.startswith("raised SyntaxError: ") and said.endswith("(mine.py:1)")


def test_a_long_message_is_cut():
    def fails():
        raise ValueError("x" * 10_000)

    assert len(str(failure_of(raised_by(fails), "tests:bot"))) < SAID_AT_MOST + 100


@pytest.mark.parametrize(("code", "said"), [(3, "called sys.exit(3)"), (None, "called sys.exit()")])
def test_leaving_python_is_named_with_its_exit_code(code, said):
    def leaves():
        raise SystemExit(code)

    assert str(failure_of(raised_by(leaves), "tests:bot")).startswith(said)


@pytest.mark.parametrize(
    ("exitcode", "said"),
    [
        (-9, "was killed by SIGKILL"),
        (-11, "was killed by SIGSEGV"),
        (3, "exited with code 3"),
        (-200, "was killed by signal 200"),
    ],
)
def test_a_process_that_died_is_told_by_its_signal_or_exit_code(exitcode, said):
    assert how_it_ended(exitcode) == said
