"""What a caller asks for, as one value that is written and read."""

import json
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from greenroom.app.api.schemas.joining import JoinSchema
from greenroom.app.rooms.brief import Brief
from tests.rigs.makers import a_brief, a_full_brief

FACTS = [each.name for each in fields(Brief)]


@pytest.fixture
def brief():
    return a_full_brief()


def test_every_fact_is_tried_here(brief):
    nothing = Brief("", "", "", timedelta(0), timedelta(0))

    assert [fact for fact in FACTS if getattr(brief, fact) == getattr(nothing, fact)] == []


def test_all_but_the_tenant_may_be_asked_for():
    asked = {line.attribute or name for name, line in JoinSchema().fields.items()}

    assert set(FACTS) - asked == {"tenant"}


def test_a_brief_is_read_as_it_was_written(brief):
    assert Brief.from_json(brief.to_json()) == brief
    assert Brief.from_json(a_brief().to_json()) == a_brief()


def test_facts_of_another_version_of_us_do_no_harm(brief):
    later = brief.to_json().replace("{", '{"whim":"odd",', 1)
    earlier = brief.to_json().replace('"language":"en-GB",', "")

    assert Brief.from_json(later) == brief
    assert Brief.from_json(earlier) == replace(brief, language=None)


def test_the_persona_of_an_earlier_version_of_us_is_told_as_instructions():
    earlier = json.loads(a_brief().to_json())
    del earlier["instructions"]

    brief = Brief.from_json(json.dumps({**earlier, "persona": "You collect stamps."}))

    assert (brief.persona, brief.instructions) == (None, "You collect stamps.")


def test_two_callers_who_name_no_conversation_begin_two():
    own = ("ada", "assistant", "host", timedelta(0), timedelta(hours=1))

    assert Brief(*own).conversation_id != Brief(*own).conversation_id


def test_somebody_else_in_the_room_learns_nothing_of_whom_the_bot_is_for(brief):
    seen = brief.for_guest("guest-1")

    assert (seen.user_id, seen.instructions, seen.prompts, seen.metadata) == ("guest-1", None, {}, {})
    assert (seen.bot, seen.voice, seen.mode) == (brief.bot, brief.voice, brief.mode)
