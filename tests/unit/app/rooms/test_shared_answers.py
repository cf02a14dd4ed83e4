"""Answers that several callers share."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from greenroom.app.rooms.shared_answers import SharedAnswers
from tests.rigs.eventually import eventually


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def answers(clock):
    return SharedAnswers(timedelta(seconds=2), clock)


def counting():
    asked = []

    def ask():
        asked.append(None)
        return len(asked)

    return ask


def test_an_answer_is_told_again_for_as_long_as_it_lasts_and_no_longer(answers, clock):
    ask = counting()

    assert [answers.get("a", ask), answers.get("a", ask)] == [1, 1]
    clock.now = 1.9
    assert answers.get("a", ask) == 1
    clock.now = 2.1
    assert answers.get("a", ask) == 2


def test_each_subject_has_an_answer_of_its_own(answers):
    ask = counting()

    assert [answers.get("a", ask), answers.get("b", ask)] == [1, 2]


def test_who_comes_while_a_question_is_on_its_way_waits_for_its_answer(answers):
    may_answer, ask = threading.Event(), counting()

    def slowly():
        may_answer.wait(10)
        return ask()

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(answers.get, "a", slowly) for _ in range(4)]
        eventually(lambda: all(each.running() for each in waiting))
        may_answer.set()
        assert [each.result(10) for each in waiting] == [1, 1, 1, 1]


def test_a_failure_is_told_once_and_the_next_one_asks_again(answers):
    def fail():
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        answers.get("a", fail)
    assert answers.get("a", counting()) == 1
