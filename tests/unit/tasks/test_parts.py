"""A process's parts."""

import threading
from concurrent.futures import ThreadPoolExecutor

from greenroom.tasks.parts import Once


def test_a_part_is_built_once_however_many_threads_ask_for_it():
    built, all_ask = [], threading.Barrier(4)

    def build():
        built.append(None)
        threading.Event().wait(0.2)  # seconds in which the others ask as well
        return object()

    part = Once(build)

    def ask():
        all_ask.wait(10)
        return part()

    with ThreadPoolExecutor(4) as pool:
        parts = {each.result(10) for each in [pool.submit(ask) for _ in range(4)]}
    assert len(parts) == len(built) == 1


def test_a_part_that_could_not_be_built_is_built_when_it_is_asked_for_again():
    tries = iter([OSError("away"), None])

    def build():
        if error := next(tries):
            raise error
        return "a part"

    part = Once(build)
    try:
        part()
    except OSError:
        assert part() == "a part"
