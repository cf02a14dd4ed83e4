"""The quick part stays quick: no test in it starts a process."""

import os
import re
import subprocess
import sys

import pytest

from tests.rigs.light import FOLDERS, TESTS

TOLD = pytest.raises(AssertionError, match="is marked `heavy`")


def test_a_light_test_starts_no_process():
    with TOLD:
        subprocess.run([sys.executable, "-c", ""], check=True)


def test_a_light_test_does_not_fork():
    with TOLD:
        os.fork()


@pytest.fixture(scope="module")
def of_this_file():
    with TOLD:
        subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.fixture(scope="session")
def of_all():
    with TOLD:
        subprocess.run([sys.executable, "-c", ""], check=True)


def test_nor_does_what_its_file_shares_or_all_tests_do(of_this_file, of_all):
    """But for Redis: the one server that nearly every test stands on."""


@pytest.mark.heavy
def test_one_that_is_marked_may():
    subprocess.run([sys.executable, "-c", ""], check=True)


def test_make_test_fast_runs_them():
    makefile = (TESTS.parent / "Makefile").read_text()
    folders = re.search(r"^FAST := (.*)$", makefile, re.MULTILINE)
    recipe = re.search(r"^test-fast:.*\n\t(.*)$", makefile, re.MULTILINE)

    assert folders and folders[1].split() == [f"tests/{name}" for name in FOLDERS]
    assert recipe and '-m "not heavy"' in recipe[1] and "$(FAST)" in recipe[1]
