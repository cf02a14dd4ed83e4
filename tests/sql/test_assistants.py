"""Assistants, as both databases keep them."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.conversations.assistants import SqlAssistants
from greenroom.app.errors.users import AssistantExists
from greenroom.app.rooms.assistants import Assistant, VoiceSessionConfig
from greenroom.app.rooms.voice_rooms import RoomPrivacy

PEARL = Assistant(
    id="5f1e",
    name="pearl",
    bot="assistant",
    personality="host",
    persona="Pearl “P.”",
    language="en-GB",
    voice="fable",
    voice_parameters={"speed": 0.75, "stability": 1, "clear": True, "model": "x"},
    prompts={"system": "You are Pearl.\nBe kind.", "goodbye": "Ciao."},
    memory=False,
    recording=True,
    require_profile=("first_name", "email"),
    voice_session_config=VoiceSessionConfig(
        enabled=False,
        persistence=timedelta(0),
        silence=timedelta(seconds=45),
        room_privacy=RoomPrivacy.PUBLIC,
        max_duration=timedelta(hours=2),
        auto_start=True,
        rollout_share=10,
    ),
)
PLAIN = Assistant(id="a1", name="plain")


@pytest.fixture
def store(database):
    return SqlAssistants(database)


def test_every_field_is_tried_here():
    nothing = Assistant("", "")

    of_time = {"created_ms", "updated_ms"}
    same = {name for name, value in vars(PEARL).items() if value == getattr(nothing, name)}
    assert same == of_time


@pytest.mark.parametrize("assistant", [PEARL, PLAIN], ids=lambda it: it.name)
def test_an_assistant_is_found_as_it_was_added_by_name_and_by_id(store, assistant):
    added = store.add(assistant)

    assert replace(added, created_ms=0, updated_ms=0) == assistant
    assert added.created_ms == added.updated_ms > 1_700_000_000_000
    assert store.find(assistant.name) == store.find(assistant.id) == added
    assert store.find("nobody") is None


def test_who_has_a_name_comes_before_who_has_it_as_an_id(store):
    store.add(PEARL)
    store.add(replace(PLAIN, name=PEARL.id))

    assert store.find(PEARL.id).id == PLAIN.id


def test_several_are_found_at_once_each_by_what_it_was_asked_for(store):
    for each in (PEARL, PLAIN, replace(PLAIN, id="b2", name=PEARL.id)):
        store.add(each)

    found = store.find_all(["a1", "plain", "pearl", PEARL.id, "nobody"])

    assert {name: each.id for name, each in found.items()} == {
        "a1": "a1",
        "plain": "a1",
        "pearl": PEARL.id,
        PEARL.id: "b2",
    }
    assert store.find_all([]) == {} and len(store.find_all([f"n-{n}" for n in range(999)] + ["a1"])) == 1


def test_of_two_with_one_name_the_first_stays(store):
    store.add(PEARL)
    store.add(PLAIN)

    with pytest.raises(AssistantExists):
        store.add(replace(PLAIN, id="b2", name="pearl"))
    with pytest.raises(AssistantExists):
        store.change("plain", lambda it: replace(it, name="pearl"))
    assert [each.id for each in store.page("", 9)] == ["5f1e", "a1"]


def test_a_change_is_made_of_what_is_there_and_keeps_id_and_beginning(store):
    before = store.add(PEARL)

    changed = store.change(
        "pearl", lambda it: replace(it, id="other", created_ms=1, persona="Ruby", name="ruby")
    )

    assert store.find("5f1e") == store.find("ruby") == changed
    assert (changed.id, changed.created_ms, changed.persona) == ("5f1e", before.created_ms, "Ruby")
    assert changed.updated_ms >= before.updated_ms
    assert store.find("pearl") is None and store.change("pearl", lambda it: it) is None


def test_changes_at_once_are_made_one_after_the_other(store):
    store.add(replace(PLAIN, voice_parameters={"speed": 0}))

    def faster():
        for _ in range(5):
            store.change(
                "plain", lambda it: replace(it, voice_parameters={"speed": it.voice_parameters["speed"] + 1})
            )

    threads = [threading.Thread(target=faster) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert store.find("plain").voice_parameters == {"speed": 20}


def test_one_that_is_removed_is_gone_and_was_there_once(store):
    added = store.add(PEARL)

    assert store.remove("5f1e") == added
    assert store.remove("5f1e") is None and store.find("pearl") is None


def test_pages_are_by_name_and_end(store):
    for name in ("c", "a", "d", "b"):
        store.add(Assistant(id=f"id-{name}", name=name))

    assert [each.name for each in store.page("", 2)] == ["a", "b"]
    assert [each.name for each in store.page("b", 9)] == ["c", "d"]
    assert store.page("d", 9) == []


def test_tenants_have_their_own(database, store):
    other = SqlAssistants(database, "acme")
    store.add(PEARL)
    other.add(replace(PEARL, persona="Their Pearl"))

    assert other.find("pearl").persona == "Their Pearl"
    assert store.find("pearl").persona == PEARL.persona
    assert other.remove("pearl") and store.find("pearl")
