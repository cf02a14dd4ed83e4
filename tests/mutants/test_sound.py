"""Tests that have passed need not pass again before faults are planted, unless anything has changed."""

import subprocess

import pytest

from tests.mutants.sound import KEPT, note, tree_of, unproved

TESTS = ["tests/test_a.py", "tests/test_b.py"]


@pytest.fixture
def root(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / KEPT).parent.mkdir()
    (tmp_path / ".gitignore").write_text(".venv/\nvar/\n")
    (tmp_path / "code.py").write_text("a = 1\n")
    return tmp_path


def test_what_has_passed_is_not_run_again(root):
    tree = tree_of(root)
    note(root, tree, TESTS[:1])
    assert unproved(root, tree, TESTS) == TESTS[1:]

    note(root, tree, TESTS[1:])
    assert unproved(root, tree, TESTS) == []


def test_whole_suite_proves_every_file(root):
    note(root, tree_of(root), ["tests"])

    assert unproved(root, tree_of(root), TESTS) == []


@pytest.mark.parametrize("path", ["code.py", "another.py", "tests.toml"])
def test_after_any_change_nothing_has_passed(root, path):
    note(root, tree_of(root), TESTS)
    (root / path).write_text("a = 2\n")

    assert unproved(root, tree_of(root), TESTS) == TESTS


def test_a_tree_that_changes_while_its_tests_run_has_not_passed_them(root):
    tree = tree_of(root)
    (root / "code.py").write_text("a = 2\n")
    note(root, tree, TESTS)

    assert unproved(root, tree, TESTS) == TESTS
    assert unproved(root, tree_of(root), TESTS) == TESTS


def test_what_git_ignores_is_not_of_the_tree(root):
    tree = tree_of(root)
    (root / "var").mkdir()
    (root / "var/log").write_text("much")

    assert tree_of(root) == tree


@pytest.mark.parametrize("kept", ["", "{", "[]x"])
def test_a_note_that_cannot_be_read_proves_nothing(root, kept):
    (root / KEPT).write_text(kept)

    assert unproved(root, tree_of(root), TESTS) == TESTS
