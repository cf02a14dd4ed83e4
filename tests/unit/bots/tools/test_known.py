"""Which tools there are: ours, by the names that personalities may use, and those of files that a setting names."""

import re
from pathlib import Path

import pytest

from greenroom.app import settings
from greenroom.bots.loading import BotUnfit
from greenroom.bots.personalities import known
from greenroom.bots.tools.known import known_tools
from tests.fakes.tools import Hands

DOCS = Path(__file__).parents[4] / "docs" / "tools.md"


@pytest.fixture
def own(tmp_path):
    """The file of docs/tools.md."""
    (code,) = re.findall(r"^```python\n(.*?)^```", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    path = tmp_path / "tools.py"
    path.write_text(code)
    return str(path)


def test_a_personality_may_name_each_of_our_tools_and_no_other():
    assert set(known.OUR_TOOLS) == set(known_tools())


def test_each_tool_of_ours_is_in_the_documentation():
    told = set(re.findall(r"`(\w+)`", DOCS.read_text()))

    assert set(known.OUR_TOOLS) <= told


@pytest.mark.anyio
async def test_the_tool_of_the_documentation_works(own):
    tools = known_tools((own,))
    hands = Hands("order")

    async def order(**arguments):
        return await hands.send("order", arguments, known=tools)

    assert await order(what="tea", cups=2) == {"ordered": "tea", "price": 6}
    assert hands.commands == [("toast", {"title": "Ordered", "description": "2 tea"})]
    assert await order(what="cake", cups=3) == {"error": "There are two pieces of cake left."}
    assert "error" in await order(what="beer")
    assert "error" in await order(what="tea", cups=11)


def test_a_personality_may_name_a_tool_of_ones_own_which_is_read_and_not_run(own, monkeypatch):
    Path(own).write_text("import nothing_like_this\n" + Path(own).read_text())
    monkeypatch.setattr(settings, "read", lambda: settings.Settings(tools=(own,)))

    assert known.tools() == (*known.OUR_TOOLS, "order")


def test_a_tool_of_ones_own_stands_in_the_place_of_ours(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from greenroom.bots.tools import tool\n\n@tool(within=3)\nasync def end_call(call):\n    'Mine.'\n"
    )

    assert known_tools((str(path),))["end_call"].about == "Mine."
    assert known_tools()["end_call"].about != "Mine."


def test_what_cannot_be_imported_is_said(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("1 / 0\n")

    with pytest.raises(BotUnfit, match=r"ZeroDivisionError.*broken.py:1"):
        known_tools((str(path),))
