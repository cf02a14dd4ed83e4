"""Tests that wait run beside tests that compute: which process takes which file, and who gets the processor first.

Tests of a running product mostly wait, and are spoken to in real time: where more than three processes run such tests
at once, on two processors, some hear too late and fail.  So no more than three do, which leaves most of the processors
idle, and every process besides computes from the beginning.  Who computes gives way to who waits.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

TESTS = Path(__file__).resolve().parents[1]
OF_PRODUCTS = ("browser", "process", "chaos", "livekit")
AT_ONCE = 3  # processes that run tests of these folders
NICE = 5  # a third of the share of a process that was not


def is_of_products(path: Path) -> bool:
    return path.relative_to(TESTS).parts[0] in OF_PRODUCTS


class Beside(LoadFileScheduling):
    """Hands out whole files, in the order of the collection, but those of products to three processes at once only."""

    def _assign_work_unit(self, node: "WorkerController") -> None:
        others = [self.assigned_work[other] for other in self.nodes if other is not node]
        is_full = (
            sum(any(self._waits(file, tests) for file, tests in work.items()) for work in others) >= AT_ONCE
        )
        chosen = next((file for file in self.workqueue if not (is_full and self._is_of_products(file))), None)
        if chosen is None:  # what is left is of products
            node.shutdown()
            return
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)

    def _waits(self, file: str, tests: dict[str, bool]) -> bool:
        return self._is_of_products(file) and not all(tests.values())

    def _is_of_products(self, file: str) -> bool:
        return is_of_products(self.config.rootpath / file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> Beside | None:
    return Beside(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """For good: a process that computes gets no product's tests any more, but for those of one that has crashed."""
    if hasattr(item.config, "workerinput") and not is_of_products(item.path):
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
