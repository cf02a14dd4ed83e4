"""The planted faults are faults: each stands where it says, and is code that runs."""

import ast
import tomllib
from pathlib import Path

import pytest

from tests.redis_world import client, redis_server

ROOT = Path(__file__).parents[2]
PLANTED = tomllib.loads((Path(__file__).parent / "planted.toml").read_text())


@pytest.fixture(scope="module")
def server():
    with redis_server() as url, client(url) as it:
        yield it


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_has_its_place_and_is_code(name, server):
    fault = PLANTED[name]
    source = (ROOT / fault["path"]).read_text()
    assert source.count(fault["was"]) == 1

    planted = source.replace(fault["was"], fault["is"])
    assert planted != source
    if fault["path"].endswith(".lua"):
        server.script_load(planted)
    elif fault["path"].endswith(".py"):
        ast.parse(planted)
    for test in fault.get("tests", []):
        assert (ROOT / test).exists()
