"""Sums as people say them, and as a recogniser writes them."""

import pytest

from greenroom.bots.speech.demo.sums import number_in, result_of


@pytest.mark.parametrize(
    ("said", "result"),
    [
        ("What is twelve times seven?", "84"),
        ("What's 12 times 7?", "84"),
        ("What's 2 + 3?", "5"),
        ("How much is twenty-one plus one hundred five?", "126"),
        ("two plus three times four", "14"),
        ("ten minus 12", "-2"),
        ("7 divided by 2", "3.5"),
        ("one divided by three", "0.33"),
        ("What is 1,000 plus 1?", "1001"),
        ("6 x 7", "42"),
        ("0.1 + 0.2", "0.3"),
        ("9 - 4", "5"),
    ],
)
def test_a_sum_is_worked_out(said, result):
    assert result_of(said) == result


@pytest.mark.parametrize(
    "said",
    [
        "",
        "What is my name?",
        "five",
        "three divided by zero",
        "What is the time?",
        "times seven",
        "9" * 400 + " times 9",
        " times ".join(["9"] * 500),
        "1 + 1" * 5000,
    ],
)
def test_what_is_no_sum_has_no_result_and_takes_no_time(said):
    assert result_of(said) is None


@pytest.mark.parametrize(
    ("said", "number"), [("from ten", 10), ("from 3", 3), ("down", None), ("from twenty-five please", 25)]
)
def test_a_number_is_found(said, number):
    assert number_in(said) == number
