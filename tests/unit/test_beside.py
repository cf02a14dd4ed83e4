"""Which test process takes which file: no more than three run products, and others compute meanwhile."""

from types import SimpleNamespace

import pytest

from tests.rigs.beside import AT_ONCE, TESTS, Beside


class Process:
    """A test process, which notes what it is sent."""

    def __init__(self, name):
        self.gateway = SimpleNamespace(id=name)
        self.tests, self.shutting_down = [], False

    def send_runtest_some(self, indices):
        self.tests += indices

    def shutdown(self):
        self.shutting_down = True


class Session:
    """Some test processes and what they run, one test at a time."""

    def __init__(self, processes, files, tests_each=3):
        config = SimpleNamespace(
            rootpath=TESTS.parent,
            getvalue=lambda _: ["popen"] * processes,
            option=SimpleNamespace(loadscopereorder=False),
        )
        self.collection = [f"{file}::test_{number}" for file in files for number in range(tests_each)]
        self.processes = [Process(f"gw{number}") for number in range(processes)]
        self.scheduler = Beside(config)
        for process in self.processes:
            self.scheduler.add_node(process)
            self.scheduler.add_node_collection(process, self.collection)
        self.scheduler.schedule()
        self.run = []

    def file_of(self, index):
        return self.collection[index].split("::")[0]

    def now(self):
        """The folder of what each is at."""
        return [self.file_of(each.tests[0]).split("/")[1] for each in self.processes if each.tests]

    def step(self, process):
        index = process.tests.pop(0)
        self.run.append(self.collection[index])
        self.scheduler.mark_test_complete(process, index)

    def run_all(self):
        while busy := [process for process in self.processes if process.tests]:
            assert len(products(self)) <= AT_ONCE
            for process in busy:
                self.step(process)


def of(folder, count):
    return [f"tests/{folder}/test_{number}.py" for number in range(count)]


def products(session):
    return [folder for folder in session.now() if folder in ("process", "livekit")]


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("files", [of("process", 9), of("unit", 9), of("livekit", 5) + of("unit", 7)])
def test_each_test_is_run_once_and_products_by_three_at_once(processes, files):
    session = Session(processes, files)
    session.run_all()

    assert sorted(session.run) == sorted(session.collection)
    assert session.scheduler.tests_finished


def test_one_computes_from_the_beginning_and_the_others_once_the_products_are_done():
    session = Session(4, of("process", 4) + of("unit", 40))
    assert session.now() == ["process"] * 3 + ["unit"]

    while products(session):
        assert session.now()[3] == "unit"
        for process in session.processes:
            session.step(process)
    assert session.now() == ["unit"] * 4


def test_a_process_that_crashes_leaves_its_file_to_another():
    session = Session(4, of("process", 3) + of("unit", 3))
    crashed = session.processes.pop(0)
    crashed.tests.clear()
    assert session.scheduler.remove_node(crashed) == "tests/process/test_0.py::test_0"
    session.run_all()

    assert sorted(session.run) == sorted(session.collection)
