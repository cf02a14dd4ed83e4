"""What two scripts must do alike stands in both, since a script of Redis cannot call another."""

import re

import pytest

from greenroom.app.storage.commands import SCRIPTS

FUNCTION = re.compile(r"local function left_to_settle\(.*?\nend\n", re.DOTALL)


@pytest.mark.parametrize("script", ["claim", "report"])
def test_every_script_that_counts_how_long_redis_has_answered_counts_alike(script):
    (here,) = FUNCTION.findall(SCRIPTS[script])

    assert [here] == FUNCTION.findall(SCRIPTS["claim"])
