"""How a bot's mind does: small, tolerant of other versions, and without a word that was said."""

import json
from datetime import timedelta

import pytest

from greenroom.app.rooms.minds import LONGEST, Memory, MemoryIs, Mind, ServiceFailure, short, size_of

A_FULL_MIND = Mind(
    Memory(MemoryIs.FAILED, "database-away"), 40, 1200, ServiceFailure("TTSService", "auth", 7.5)
)


@pytest.mark.parametrize("mind", [Mind(), A_FULL_MIND])
def test_it_comes_out_as_it_went_in(mind):
    assert Mind.from_json(mind.to_json()) == mind


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"memory": {"state": "vague"}}', "{"])
def test_what_another_version_says_is_left_out(text):
    assert Mind.from_json(text) is None


def test_a_service_of_any_name_is_told_in_few_characters():
    assert short("a" * 1000) == "a" * LONGEST
    assert short("Two\nlines") == "Two?lines"


def test_it_is_small_whatever_a_bot_calls_its_services():
    failure = ServiceFailure(short("\u2603" * 1000), short("x" * 1000), 1e9)

    assert len(Mind(A_FULL_MIND.memory, 10**9, 10**9, failure).to_json()) < 1000


def test_how_long_ago_a_service_failed_counts_from_when_the_bot_was_heard():
    assert A_FULL_MIND.failed_ago(timedelta(seconds=2)) == timedelta(seconds=9.5)
    assert Mind().failed_ago(timedelta(seconds=2)) is None


@pytest.mark.parametrize(
    ("message", "size"),
    [
        ({"role": "user", "content": "Hello."}, 6),
        (
            {
                "role": "user",
                "content": [{"type": "text", "text": "Hello."}, {"type": "image_url", "image_url": {}}],
            },
            6,
        ),
        ({"role": "assistant", "tool_calls": []}, 0),
        ({"role": "user", "content": [{"text": 7}, "odd"]}, 0),
        (object(), 0),
    ],
)
def test_the_size_of_a_message_is_that_of_its_words(message, size):
    assert size_of(message) == size


def test_it_is_json_that_anybody_reads():
    assert json.loads(A_FULL_MIND.to_json())["failure"]["service"] == "TTSService"
