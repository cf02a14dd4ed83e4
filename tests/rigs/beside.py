"""Tests that wait run beside tests that compute, which give way: what is spoken to in real time is not late."""

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
# Folders of tests that run a product, and mostly wait
OF_PRODUCTS = ("browser", "process", "chaos", "livekit")
NICE = 5  # a third of the share of a process that was not


def is_of_products(path: Path) -> bool:
    return path.relative_to(TESTS).parts[0] in OF_PRODUCTS


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """For good: a process that computes gets no product's tests any more, but for those of one that has crashed."""
    if hasattr(item.config, "workerinput") and not is_of_products(item.path):
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
