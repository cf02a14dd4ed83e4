"""What failed is left alone, each time for longer, up to a bound; what works again begins anew."""

from greenroom.app.rooms.pauses import FIRST_PAUSE, FORGOTTEN_AFTER, LONGEST_PAUSE, Pauses


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_pause_is_longer_each_time_up_to_a_bound_and_each_has_its_own():
    pauses = Pauses(clock := Clock())

    lengths = [pauses.begin("one").total_seconds() for _ in range(8)]
    assert lengths == [1, 2, 4, 8, 16, 30, 30, 30]
    assert pauses.begin("other") == FIRST_PAUSE
    assert pauses.is_on("one") and pauses.is_on("other") and not pauses.is_on("third")
    clock.now += FIRST_PAUSE.total_seconds()
    assert pauses.is_on("one") and not pauses.is_on("other")
    clock.now += LONGEST_PAUSE.total_seconds()
    assert not pauses.is_on("one")


def test_after_it_has_worked_the_next_pause_is_short():
    pauses = Pauses(Clock())
    pauses.begin("one")
    pauses.begin("one")
    pauses.end("one")

    assert not pauses.is_on("one")
    assert pauses.begin("one") == FIRST_PAUSE


def test_what_nobody_tries_any_more_is_forgotten():
    pauses = Pauses(clock := Clock())
    pauses.begin("one")
    clock.now += FORGOTTEN_AFTER + 60
    pauses.begin("other")

    assert len(pauses) == 1
