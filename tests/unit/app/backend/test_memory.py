"""Memory at somebody's own backend: its words, bounded, and nothing where it says none."""

import json

import pytest

from greenroom.app.backend.memory import BackendMemory
from greenroom.app.errors.storage import BackendAway
from greenroom.app.rooms.memory import CHARACTERS_A_TOKEN, HEADING, TOKENS, as_message, facts_in, is_memory


@pytest.fixture
def memory(backend):
    return BackendMemory(backend)


def recalled(memory):
    return memory.recall("main", "ada", besides="a-conversation")


def test_it_is_asked_for_one_user_and_its_words_are_a_memory(fake, memory):
    fake.answers = lambda call: (200, json.dumps({"text": " Facts:\n- name: Ada\n"}).encode())
    text = recalled(memory)

    assert fake.to("/recall") == [{"tenant": "main", "user_id": "ada", "conversation_id": "a-conversation"}]
    assert fake.calls[0].is_signed
    assert text == f"{HEADING}\nFacts:\n- name: Ada"
    assert is_memory(as_message(text)) and facts_in([as_message(text)]) == {"name": "Ada"}


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"text": null}', b'{"text": ["a"]}', b'{"text": " "}', b"[[["]
)
def test_a_backend_that_says_nothing_knows_nothing(fake, memory, body):
    fake.answers = lambda call: (200, body)

    assert recalled(memory) == ""


def test_halves_of_characters_reach_no_model(fake, memory):
    """A model's server takes none: the bot could answer nothing in that call."""
    fake.answers = lambda call: (200, b'{"text": "a\\ud800b"}')

    assert recalled(memory) == f"{HEADING}\na\N{REPLACEMENT CHARACTER}b"


def test_it_is_no_longer_than_any_memory(fake, memory):
    fake.answers = lambda call: (200, json.dumps({"text": "word " * 9000}).encode())

    assert len(recalled(memory)) == TOKENS * CHARACTERS_A_TOKEN


def test_a_backend_that_fails_is_away(fake, memory):
    fake.answers = lambda call: (500, b"")
    with pytest.raises(BackendAway):
        recalled(memory)
