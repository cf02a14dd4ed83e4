"""`greenroom services`: each service with what it does, and what to do before it can be used."""

import json

import pytest

from greenroom.app import cli


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEARING", "deepgram,openai")
    monkeypatch.setenv("DEEPGRAM_API_KEY", "a-key-that-is-nobodys")
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)


def test_each_service_is_a_row_with_what_it_lacks(capsys):
    assert cli.main(["services"]) == 0

    shown = capsys.readouterr().out
    rows = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert rows["deepgram"].split() == ["deepgram", "yes", "yes"]
    assert rows["elevenlabs"].endswith("set ELEVENLABS_API_KEY")
    assert "pip install 'pipecat-ai[kokoro]'" in rows["kokoro"]
    assert "hearing deepgram then openai, thinking demo" in shown
    assert "a-key-that-is-nobodys" not in shown


def test_programs_get_the_same_as_json(capsys):
    assert cli.main(["services", "--json"]) == 0

    told = {(each["service"], each["does"]): each for each in json.loads(capsys.readouterr().out)["services"]}
    assert told["deepgram", "hearing"]["ready"] is True
    assert told["elevenlabs", "speaking"]["missing"] == ["set ELEVENLABS_API_KEY"]
