"""Where a session goes that is asked to go to the forum, or back."""

from dataclasses import replace

import pytest

from greenroom.app.errors.rooms import NoForum
from greenroom.app.providers.local import Local
from greenroom.app.rooms.asked_moves import forum_of, home_of
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.room import Room
from tests.rigs.makers import a_session

FORUM = Room.parse("wss://livekit.example.com/forum")
HOME, ANOTHER = Room.parse("local:home"), Room.parse("local:another")


class Shared:
    name, server = "livekit", "wss://livekit.example.com"


def test_the_forum_is_where_several_people_can_be():
    assert forum_of(Providers.of([Local(), Shared()])) == FORUM
    with pytest.raises(NoForum, match="LIVEKIT=1"):
        forum_of(Providers.of([Local()]))


@pytest.mark.parametrize(
    ("here", "came_from", "home"),
    [
        (FORUM, (HOME,), HOME),
        (FORUM, (ANOTHER, HOME), HOME),
        (FORUM, (HOME, FORUM), HOME),
        (FORUM, (), FORUM),
        (HOME, (), HOME),
        (HOME, (HOME, FORUM), HOME),
    ],
)
def test_back_is_where_it_came_to_the_forum_from(here, came_from, home):
    session = replace(a_session(), room=here, came_from=came_from)

    assert home_of(session) == home
