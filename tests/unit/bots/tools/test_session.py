"""Going to another room and ending the call: by whom it may be asked, and what becomes of it."""

import pytest

from greenroom.app.errors.rooms import NoForum
from tests.fakes.tools import FORUM_ROOM, Hands

pytestmark = pytest.mark.anyio


async def test_the_bot_goes_where_its_user_says():
    hands = Hands()

    assert await hands.use("go_to", place="forum") == {"on_the_way_to": str(FORUM_ROOM)}
    assert [place for _, place in hands.went] == ["forum"]


@pytest.mark.parametrize("place", ["kitchen", "wss://evil.example/forum", "", None, ["forum"]])
async def test_it_goes_nowhere_else(place):
    hands = Hands()

    assert "error" in await hands.use("go_to", place=place)
    assert hands.went == []


async def test_nobody_else_sends_it_anywhere():
    hands = Hands(people=("ann", "ben"))

    assert "error" in await hands.use("go_to", person="ben", place="forum")
    assert hands.went == []


async def test_why_it_cannot_go_is_said():
    hands = Hands()
    hands.here._ask_to_move = lambda *_: (_ for _ in ()).throw(NoForum())

    assert "LIVEKIT=1" in (await hands.use("go_to", place="forum"))["error"]


async def test_the_call_ends_once_that_is_on_record_and_the_model_says_nothing_more():
    hands = Hands()

    assert await hands.use("end_call") == {"ending": True}
    assert hands.has_ended and len(hands.mind.asked) == 1


async def test_one_of_several_does_not_end_the_call_for_the_others():
    hands = Hands(people=("ann", "ben"))

    assert "error" in await hands.use("end_call")
    assert not hands.has_ended
