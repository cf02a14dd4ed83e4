"""The planted faults are faults: each stands where it says, and is code that runs."""

import ast
import tomllib
from pathlib import Path

import pytest

from tests.mutants.planting import plant
from tests.rigs.redis_world import client, redis_server

ROOT = Path(__file__).parents[2]
PLANTED = tomllib.loads((Path(__file__).parent / "planted.toml").read_text())


@pytest.fixture(scope="module")
def server():
    with redis_server() as url, client(url) as it:
        yield it


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_has_its_place_and_is_code(name, server):
    fault = PLANTED[name]
    planted = plant((ROOT / fault["path"]).read_text(), fault["was"], fault["is"])

    assert planted is not None
    if fault["path"].endswith(".lua"):
        server.script_load(planted)
    elif fault["path"].endswith(".py"):
        ast.parse(planted)
    for test in fault.get("tests", []):
        assert (ROOT / test).exists()


SOUND = """\
def told(ledger, session):
    if session.epoch < 7 and session.token:
        return ledger.run(Release(session.room, session.epoch))
    return None
"""
MOVED = """\
class Bot:
    def told(self, ledger, session):
        if (
            session.epoch < 7
            and session.token
        ):
            return ledger.run(
                Release(
                    session.room,
                    session.epoch,
                )
            )
        return None
"""


def code(source):
    return ast.dump(ast.parse(source))


def test_a_fault_is_planted_though_its_code_was_laid_out_anew():
    planted = plant(MOVED, "ledger.run(Release(session.room, session.epoch))", "None")

    assert code(planted) == code(MOVED[: MOVED.index("ledger.run")] + "None\n        return None\n")


def test_a_fault_of_several_lines_moves_with_its_code():
    was = "        return ledger.run(Release(session.room, session.epoch))\n    return None\n"
    planted = plant(MOVED, was, "        pass\n    return ledger\n")

    sound = MOVED[: MOVED.index("            return")]
    assert code(planted) == code(sound + "            pass\n        return ledger\n")


@pytest.mark.parametrize(
    "was", ["session.epoch", "return ledger.runs", "session.epoch > 7 and session.token"]
)
def test_what_stands_there_often_or_not_at_all_is_not_planted(was):
    assert plant(SOUND, was, "None") is None


def test_a_fault_that_changes_nothing_is_none():
    assert plant(SOUND, "return None", "return None") is None
