"""Tables of conversations and of people, in the columns that there are."""

from dataclasses import replace

import pytest

from greenroom.app.operate.talks import (
    all_of,
    analytics_table,
    conversations,
    conversations_table,
    users_table,
)
from greenroom.app.rooms.analytics import DAY_MS, DayOfAssistant
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.erasing import Seen
from greenroom.app.rooms.reading import Conversation, Conversations, Place, Told, Wanted

BEGAN = 1_795_900_000_000
IDS = [f"{number:08}-1111-2222-3333-444444444444" for number in range(3)]


def a_conversation(number, user_id="ann"):
    return Conversation(IDS[number], user_id, BEGAN, BEGAN + 65_000, 12)


class Pages:
    """A reading that gives one at a time."""

    def page(self, wanted, after, limit):
        at = after.number if after else 0
        return Conversations([a_conversation(at)], Place(at + 1, "x") if at < 2 else None)

    def tell(self, conversation_id, after, limit):
        at = after.number if after else 0
        turn = Turn(f"t-{at}", "user", "x", sequence=at)
        return Told(a_conversation(0), [turn], Place(at + 1, "x") if at < 2 else None)


def test_as_many_are_told_as_are_asked_for():
    assert [
        [each.id for each in found] for found, _ in (conversations(Pages(), Wanted(), n) for n in (2, 9))
    ] == [
        IDS[:2],
        IDS,
    ]
    assert [conversations(Pages(), Wanted(), limit)[1] for limit in (2, 9)] == [True, False]


def test_a_whole_conversation_is_all_its_pages():
    assert [turn.id for turn in all_of(Pages(), "c").turns] == ["t-0", "t-1", "t-2"]


@pytest.mark.parametrize("user_id", ["ann", "a-long-address-of-somebody@an-even-longer-domain.example.com"])
def test_a_table_of_conversations_cuts_no_id(user_id):
    lines = conversations_table([a_conversation(0, user_id)], True).splitlines()

    assert lines[1].split() == ["2026-11-28", "21:06", "65", "s", "12", user_id, IDS[0]]
    assert lines[2].startswith("... and more")


def test_a_conversation_in_which_nothing_was_said_has_no_length():
    silent = replace(a_conversation(0), turn_count=0)

    assert conversations_table([silent], False).splitlines()[1].split()[2:4] == ["-", "0"]


def test_a_table_of_people_cuts_no_id_and_does_nothing_to_a_terminal():
    seen = [Seen("ann\x1b[2J" + "x" * 90, 3, 40, BEGAN), Seen("ben", 0, 0, None)]

    lines = users_table(seen, False).splitlines()

    assert lines[1].endswith("x" * 90) and "\x1b" not in lines[1]
    assert lines[2].split() == ["-", "0", "0", "ben"]


def test_a_table_of_days_fits_in_80_columns():
    day = DayOfAssistant(
        BEGAN // DAY_MS * DAY_MS, "an-assistant-with-a-long-name" * 3, 1000, 9, 8, 7, 120_000, 5, {"error": 2}
    )

    lines = analytics_table([day, replace(day, assistant=None, reasons={})], 80).splitlines()

    assert max(map(len, lines)) <= 80
    assert lines[1].split()[:8] == ["2026-11-28", "1000", "9", "8", "7", "60", "s", "2"]
    assert lines[2].split()[-3:] == ["-", "0", "-"]


def test_where_nothing_is_it_is_said():
    assert analytics_table([], 80).endswith(".")
    assert conversations_table([], False).endswith(".") and users_table([], False).endswith(".")
