"""Assistants out of an application's MongoDB: what is taken over, how, and what is left alone."""

import json
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app import cli
from greenroom.app.api.schemas.assistants import read_assistant
from greenroom.app.conversations.assistants import SqlAssistants
from greenroom.app.conversations.database import Database
from greenroom.app.operate.importing import USUAL, Outcome, import_assistants
from greenroom.app.operate.mongo_documents import BadDocument, documents_in
from greenroom.app.rooms.assistants import Assistant, VoiceSessionConfig
from greenroom.app.rooms.voice_rooms import RoomPrivacy
from tests.rigs.controlled_database import in_a_hurry

# As mongoexport writes one of the application's documents, in MongoDB's canonical extended JSON
PEARL = {
    "_id": {"$oid": "65f1e0c2a7d3b4e5f6a7b8c9"},
    "name": "pearl",
    "personalityId": "pearl",
    "persona": "Pearl",
    "voiceId": "kdmDKE6EkgrWrrykO9Qt",
    "voiceParameters": {
        "stability": {"$numberDouble": "0.5"},
        "similarityBoost": {"$numberDouble": "0.75"},
        "speed": {"$numberInt": "1"},
        "useSpeakerBoost": True,
        "style": None,
    },
    "clientLanguage": "en",
    "voiceSessionConfig": {
        "enabled": False,
        "persistence": {"$numberInt": "120"},
        "roomPrivacy": "public",
        "maxDuration": {"$numberLong": "1800"},
        "autoStart": True,
    },
    "createdAt": {"$date": {"$numberLong": "1700000000123"}},
    "updatedAt": {"$date": "2024-01-02T03:04:05.678Z"},
    "vapiAssistantId": "abc",
    "__v": {"$numberInt": "3"},
}
RUBY = {"_id": {"$oid": "65f1e0c2a7d3b4e5f6a7b8ca"}, "name": "ruby"}
PEARL_ID = PEARL["_id"]["$oid"]


@pytest.fixture
def url(sqlite_file, monkeypatch):
    with in_a_hurry():
        it = f"sqlite:///{sqlite_file}"
        monkeypatch.setenv("DATABASE_URL", it)
        yield it


@pytest.fixture
def store(url):
    database = Database(url)
    yield SqlAssistants(database)
    database.close()


@pytest.fixture
def imported(store):
    def run(*documents, dry=False):
        found = documents_in(json.dumps(documents))
        return list(import_assistants(found, store, read_assistant, dry=dry))

    return run


def outcomes(imported):
    return [each.outcome for each in imported]


def test_a_document_becomes_an_assistant(imported, store):
    (came,) = imported(PEARL)

    found = store.find("pearl")
    assert came.outcome is Outcome.ADDED and came.left_out == ("vapi_assistant_id",)
    assert replace(found, updated_ms=0) == Assistant(
        id=PEARL_ID,
        name="pearl",
        personality="pearl",
        persona="Pearl",
        voice="kdmDKE6EkgrWrrykO9Qt",
        voice_parameters={"stability": 0.5, "similarity_boost": 0.75, "speed": 1, "use_speaker_boost": True},
        language="en",
        voice_session_config=VoiceSessionConfig(
            enabled=False,
            persistence=timedelta(seconds=120),
            room_privacy=RoomPrivacy.PUBLIC,
            max_duration=timedelta(seconds=1800),
            auto_start=True,
            rollout_share=100,
        ),
        created_ms=1700000000123,
    )


def test_the_configuration_is_set_where_it_is_missing_and_only_there(imported, store):
    store.add(Assistant(id="1", name="ruby", persona="Ruby the First"))  # made here, without one
    store.add(Assistant(id="2", name="opal", voice_session_config=VoiceSessionConfig(rollout_share=10)))
    opal = {"name": "opal", "voiceSessionConfig": {"rolloutShare": 90}}

    came = imported(PEARL, {**RUBY, "persona": "Another"}, opal, {"name": "jade"})

    assert outcomes(came) == [Outcome.ADDED, Outcome.SET, Outcome.LEFT, Outcome.ADDED]
    ruby = store.find("ruby")
    assert (ruby.persona, ruby.voice_session_config) == ("Ruby the First", USUAL)
    assert store.find("opal").voice_session.rollout_share == 10
    assert store.find("jade").voice_session_config == USUAL
    usual = (True, timedelta(seconds=300), "private", timedelta(seconds=3600), None, False, 100)
    assert tuple(vars(USUAL).values()) == usual


def test_to_import_twice_is_to_import_once(imported, store):
    imported(PEARL, RUBY)
    before = store.page("", 9)

    assert outcomes(imported(PEARL, RUBY)) == [Outcome.LEFT, Outcome.LEFT]
    assert store.page("", 9) == before


def test_a_dry_run_says_the_same_and_changes_nothing(imported, store):
    store.add(Assistant(id="1", name="ruby"))
    documents = (PEARL, RUBY, {"name": "a", "persona": "x" * 65})

    dry = imported(*documents, dry=True)

    assert [each.name for each in store.page("", 9)] == ["ruby"]
    assert store.find("ruby").voice_session_config is None
    assert outcomes(dry) == outcomes(imported(*documents)) == [Outcome.ADDED, Outcome.SET, Outcome.BAD]


BAD = {
    "a list": ([1], "it is no document"),
    "no name": ({"persona": "Pearl"}, "name: Missing data"),
    "a name of signs alone": ({"name": "!?"}, "name: Use up to 64"),
    "a name that is no text": ({"name": 7}, "name: Not a valid string"),
    "a long persona": ({"name": "a", "persona": "x" * 65}, "persona: Longer|persona: Length"),
    "a share of nothing": (
        {"name": "a", "voiceSessionConfig": {"rolloutShare": 101}},
        "rollout_share: Must be",
    ),
    "a configuration that is none": ({"name": "a", "voiceSessionConfig": "usual"}, "voice_session_config: "),
    "an odd id": ({"_id": "a b", "name": "a"}, "Its _id is a b"),
    "a number that is none": (
        {"name": "a", "n": {"$numberDouble": "NaN"}},
        "cannot be read: nan is no number",
    ),
    "a number that is no JSON": (
        {"name": "a", "voiceParameters": {"warmth": float("inf")}},
        "cannot be read: inf is no number",
    ),
    "a date that is none": ({"name": "a", "createdAt": {"$date": "soon"}}, "cannot be read"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_document_is_named_and_stops_no_other(imported, store, what):
    document, words = BAD[what]

    came = imported(PEARL, document, RUBY)

    assert outcomes(came) == [Outcome.ADDED, Outcome.BAD, Outcome.ADDED]
    assert came[1].place == 2 and any(word in came[1].because for word in words.split("|")), came[1].because
    assert str(came[1]).startswith("document 2") and "\n" not in str(came[1])
    assert [each.name for each in store.page("", 9)] == ["pearl", "ruby"]


@pytest.mark.parametrize("ms", [-1, 10**15, 2**63, True])
def test_a_date_that_no_answer_could_tell_is_none(imported, store, ms):
    """One assistant of the year 33658 and no list of assistants could be told any more."""
    before_ms = time.time() * 1000 - 1

    assert outcomes(imported({**PEARL, "createdAt": {"$date": {"$numberLong": str(int(ms))}}})) == [
        Outcome.ADDED
    ]

    assert store.find("pearl").created_ms == 1 if ms is True else store.find("pearl").created_ms > before_ms


def test_of_two_documents_with_one_name_the_second_is_named(imported, store):
    came = imported(PEARL, {**RUBY, "name": "pearl"})

    assert outcomes(came) == [Outcome.ADDED, Outcome.BAD]
    assert "An earlier document is called pearl" in came[1].because and store.find("pearl").id == PEARL_ID


def test_a_name_of_several_words_is_written_as_one(imported, store):
    (came,) = imported({"assistantName": "Nia Assistant", "voiceSessionPersistence": 60})

    assert store.find("Nia-Assistant").voice_session.persistence == timedelta(seconds=60)
    assert str(came) == "document 1 (Nia Assistant) as Nia-Assistant: added"


def test_documents_may_stand_in_an_array_alone_or_one_a_line():
    one, two = {"name": "a"}, {"name": "b"}

    assert list(documents_in(json.dumps([one, two]))) == [one, two]
    assert list(documents_in(json.dumps(one, indent=1))) == [one]
    found = list(documents_in(f"{json.dumps(one)}\n\n{{broken\n{json.dumps(two)}\n"))
    assert (found[0], found[2]) == (one, two)
    assert isinstance(found[1], BadDocument) and str(found[1]) == "line 3 is not JSON"


def test_the_command_prints_what_it_did_and_fails_if_something_was_bad(tmp_path, url, capsys):
    file = tmp_path / "assistants.json"
    file.write_text(json.dumps([PEARL, {"name": "\x1b[2J", "persona": ""}]))

    assert cli.main(["import-assistants", str(file), "--dry-run"]) == cli.FAILED
    assert "1 added, 1 not imported" in (dry := capsys.readouterr().out) and "nothing is changed" in dry
    assert cli.main(["import-assistants", str(file)]) == cli.FAILED
    told = capsys.readouterr().out
    assert "document 1 (pearl): added; left out: vapi_assistant_id" in told and "\x1b" not in told

    file.write_text(json.dumps(PEARL), "utf-8-sig")  # as PowerShell writes what a program prints
    assert cli.main(["import-assistants", str(file)]) == cli.OK
    assert "1 document: 1 left as they are." in capsys.readouterr().out


def test_the_command_says_what_it_cannot_read_and_what_is_not_migrated(tmp_path, capsys, monkeypatch):
    with pytest.raises(SystemExit) as ended:
        cli.main(["import-assistants", str(tmp_path / "nowhere.json")])
    assert ended.value.code == cli.MISUSED and "cannot be read" in capsys.readouterr().err

    (tmp_path / "empty.json").write_text("[]")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    assert cli.main(["import-assistants", str(tmp_path / "empty.json")]) == cli.FAILED
    assert "greenroom migrate" in capsys.readouterr().err
