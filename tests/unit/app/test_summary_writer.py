"""Who writes summaries: the model that thinks, within bounds, or the demo."""

import logging

import pytest

from greenroom.app.rooms.memory import LONGEST_SUMMARY, Said
from greenroom.app.rooms.summarising import ASKED, LONGEST_TALK, Extract, NotWritten, Talk
from greenroom.app.settings import Settings
from greenroom.app.summary_writer import ModelWriter, writer_of
from tests.fakes.openai_server import running

TALK = Talk("A dog.", [Said("user", "canary"), Said("assistant", "Oh.")], 2, 2)


@pytest.fixture
def server():
    with running() as it:
        yield it


def writer(server):
    return ModelWriter(Settings(openai_base_url=server.url, openai_model="a-model"))


def test_the_model_is_asked_of_what_was_said_and_of_the_summary_before(server):
    server.answer = "They said canary."

    assert writer(server).write(TALK).strip() == "They said canary."
    ((_, asked),) = server.requests
    assert asked["model"] == "a-model"
    assert [each["content"] for each in asked["messages"]] == [
        ASKED,
        "Known of earlier parts: A dog.\n\nThe conversation:\nPerson: canary\nYou: Oh.",
    ]


@pytest.mark.parametrize("way", [401, 500, "breaks"])
def test_a_model_that_fails_says_so_without_a_word_of_what_it_was_asked(server, way, caplog):
    server.fails["/chat/completions"] = way

    with caplog.at_level(logging.INFO), pytest.raises(NotWritten) as failed:
        writer(server).write(TALK)
    assert "canary" not in f"{failed.value}{caplog.text}"


def test_a_model_that_does_not_stop_is_stopped(server):
    server.answer = "word " * 5000

    assert len(writer(server).write(TALK)) < LONGEST_SUMMARY + 100


def test_of_a_long_talk_the_model_is_asked_of_the_end():
    talk = Talk("", [Said("user", f"words {number}") for number in range(10_000)], 1, 1)

    assert len(talk.as_text()) < LONGEST_TALK + 100
    assert talk.as_text().endswith("words 9999")


def test_without_a_model_the_demo_writes():
    assert isinstance(writer_of(Settings(speech="demo")), Extract)
    assert isinstance(writer_of(Settings(openai_api_key="a-key")), ModelWriter)
