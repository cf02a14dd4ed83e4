"""What a person in a call takes for two bots, and for silence."""

import pytest

from tests.chaos.listener import Heard, Listener

ANN, BEN = 20, 21  # processes


class Somebody(Listener):
    def __init__(self, *stays, heard=()):
        super().__init__(None, "local:room", "somebody")
        for line, (pid, stay) in enumerate(stays):
            self._pids[line], self._stays[line] = pid, stay
        self.heard = [Heard(0, line, since, until) for line, since, until in heard]

    def _mouth(self):
        return None


def test_an_earlier_bot_that_is_still_heard_is_a_second_one():
    somebody = Somebody((ANN, "first"), (BEN, "second"), heard=[(0, 1.0, 9.0), (1, 5.0, 9.0)])
    somebody._check_double("first", 9.0)

    assert list(somebody.doubles) == [("first", "second")]


def test_sound_that_was_under_way_is_none():
    somebody = Somebody((ANN, "first"), (BEN, "second"), heard=[(0, 1.0, 5.1), (1, 5.0, 5.1)])
    somebody._check_double("first", 5.1)

    assert not somebody.doubles


def test_nor_is_a_process_that_has_another_bot_later():
    """A call was handed over, and back to the process that had it before: that was taken for two bots at once."""
    stays = (ANN, "first"), (BEN, "second"), (ANN, "third")
    somebody = Somebody(*stays, heard=[(0, 1.0, 5.0), (1, 5.0, 7.0), (2, 7.0, 9.0)])
    somebody._check_double("third", 9.0)

    assert not somebody.doubles


def test_nor_what_the_listener_took_its_time_to_hear():
    somebody = Somebody((ANN, "first"), (BEN, "second"), heard=[(0, 1.0, 5.5), (1, 5.0, 5.5)])
    somebody.late.spans.append((5.0, 5.5, 0.4))
    somebody._check_double("first", 5.5)

    assert not somebody.doubles


def test_silence_does_not_count_while_nobody_could_run():
    somebody = Somebody((ANN, "only"), heard=[(0, 1.0, 3.0), (0, 5.0, 9.0)])
    assert somebody.silence(1.0, until=9.0) == pytest.approx(2.0)
    somebody.late.spans.append((2.0, 4.0, 1.0))  # half of the time, and half of it in the silence

    assert somebody.silence(1.0, until=9.0) == pytest.approx(1.5)
