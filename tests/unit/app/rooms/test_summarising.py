"""Which sessions are summed up, and what is worth it."""

import pytest

from greenroom.app.rooms.memory import LONGEST_SUMMARY, Said
from greenroom.app.rooms.summarising import Talk, summarise, wanted_of
from tests.rigs.makers import a_brief, a_session

USER, BOT = Said("user", "words"), Said("assistant", "words")


@pytest.mark.parametrize(("brief", "wanted"), [({}, ["here", "there"]), ({"memory": False}, [])])
def test_all_conversations_of_a_session_are_summed_up_unless_it_shall_have_no_memory(brief, wanted):
    assert [*wanted_of(a_session(brief=a_brief(**brief)), Kept(None))] == wanted


class Kept:
    """Summaries of one talk."""

    def __init__(self, talk):
        self._talk = talk
        self.texts = []

    def talk(self, *_):
        return self._talk

    def of_session(self, *_):
        return ["here", "there"]

    def keep(self, _tenant, _conversation_id, _talk, text, _model):
        self.texts.append(text)


class Says:
    model = "m"

    def __init__(self, text):
        self._text = text

    def write(self, _talk):
        return self._text


@pytest.mark.parametrize(
    ("before", "turns", "is_worth_it"),
    [
        ("", [USER, BOT], False),
        ("", [USER, BOT, USER], True),
        ("A dog.", [USER], True),
        ("A dog.", [BOT], False),
    ],
)
def test_what_is_worth_it_is_summed_up(before, turns, is_worth_it):
    kept = Kept(Talk(before, turns, 3, 3))

    assert summarise("main", "here", kept, Says("They talked.")) is is_worth_it
    assert kept.texts == (["They talked."] if is_worth_it else [])


@pytest.mark.parametrize(("said", "kept_as"), [("  ", []), ("x" * 9999, ["x" * LONGEST_SUMMARY])])
def test_a_summary_is_bounded_and_an_empty_one_is_none(said, kept_as):
    kept = Kept(Talk("", [USER, USER], 2, 2))

    summarise("main", "here", kept, Says(said))
    assert kept.texts == kept_as
