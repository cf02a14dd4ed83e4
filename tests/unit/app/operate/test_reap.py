"""`greenroom reap`: what was found and done, in words."""

import json

from greenroom.app.operate.reap import DONE, FOUND, as_json, as_text
from greenroom.app.rooms.asked_reaping import Deed, Reaped
from greenroom.app.rooms.leases import Found
from tests.rigs.makers import STAGE

DEAD = Reaped(str(STAGE), Found.SUPERSEDED, Deed.RELAUNCHED, "a-session", "pending")
OVER = Reaped(str(STAGE), Found.FREE, Deed.ENDED, "a-session", "ended", "no_worker")


def test_everything_that_is_found_or_done_has_words():
    assert FOUND.keys() == set(Found)
    assert DONE.keys() == set(Deed)


def test_a_room_is_a_line():
    assert as_text([DEAD], STAGE) == (
        "local:stage: its bot is dead; its session goes on with another bot (session a-session)"
    )
    assert as_text([OVER], STAGE) == (
        "local:stage: no bot has it; its session has ended, no_worker (session a-session)"
    )


def test_of_all_rooms_it_says_how_many_there_were():
    assert as_text([], None) == "0 rooms were overdue."
    assert as_text([DEAD], None).endswith("\n1 room was overdue.")


def test_as_json():
    assert json.loads(as_json([OVER])) == {
        "rooms": [
            {
                "room_url": "local:stage",
                "found": "free",
                "done": "ended",
                "session_id": "a-session",
                "state": "ended",
                "reason": "no_worker",
            }
        ]
    }
