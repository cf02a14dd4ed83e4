"""A LiveKit room's metadata is shared with others: theirs is kept, ours is there."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from greenroom.app.providers.room_metadata import with_facts
from greenroom.app.rooms.room import Room
from greenroom.bots.transports.livekit import LiveKitStage
from tests.fakes.listener import Deaf

FACTS = {
    "conversation_id": "c-1",
    "user_id": "ann",
    "bot": "assistant",
    "personality": "warm",
    "mode": "voice",
}
OTHERS = {**FACTS, "conversation_id": "c-2", "user_id": "ben"}


def written(found, facts=FACTS):
    return json.loads(with_facts(found, facts))


@pytest.mark.parametrize("found", ["", " ", "{}"])
def test_where_nothing_is_kept_our_facts_stand_at_the_top(found):
    assert written(found) == {**FACTS, "greenroom": FACTS}


def test_the_keys_of_others_are_kept():
    assert written('{"course": 7, "tags": ["a"]}') == {
        "course": 7,
        "tags": ["a"],
        **FACTS,
        "greenroom": FACTS,
    }


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("value", ["theirs", None, {"a": 1}])
def test_a_key_of_others_that_has_a_name_of_ours_keeps_their_value(name, value):
    found = written(json.dumps({name: value}))

    assert found[name] == value
    assert found["greenroom"] == FACTS


def test_it_keeps_their_value_through_the_sessions_that_follow():
    first = with_facts('{"conversation_id": "theirs"}', FACTS)

    second = written(first, OTHERS)

    assert second["conversation_id"] == "theirs"
    assert second["user_id"] == "ben"
    assert second["greenroom"] == OTHERS


def test_the_facts_of_the_session_before_are_replaced():
    assert written(with_facts("", OTHERS)) == {**FACTS, "greenroom": FACTS}


def test_what_says_all_of_it_already_is_not_written_again():
    assert with_facts(with_facts('{"course": 7}', FACTS), FACTS) is None


@pytest.mark.parametrize("found", ["a plain text", "[1, 2]", "7", '"text"', "{", "null", "[" * 20_000])
def test_what_is_no_object_is_left_as_its_writer_expects_to_read_it(found):
    assert with_facts(found, FACTS) is None


class Server:
    """A room's metadata as its server keeps it: whoever writes replaces all of it, and each change is told at once."""

    def __init__(self, metadata):
        self.metadata = metadata
        self.before_a_write = []  # what others write just before ours arrives, one a write
        self.writes = 0
        self.tell = print

    def describe(self, metadata):
        self.writes += 1
        if self.before_a_write:
            self.change(self.before_a_write.pop(0))
        self.change(metadata)

    def change(self, metadata):
        self.metadata = metadata
        self.tell(metadata)


async def settled(server):
    """Let a bot be in the room until it has heard of every change and written what it wants to."""
    room = LiveKitStage(
        Room("livekit", "standup", "wss://livekit.example.com"),
        token=str, facts=FACTS, describe=server.describe,
        listener=Deaf(), waits=False,
    )  # fmt: skip

    async def hears(metadata):
        room._describe_room(metadata)

    loop = asyncio.get_running_loop()
    server.tell = lambda metadata: asyncio.run_coroutine_threadsafe(hears(metadata), loop).result(10)
    room._describe_room(server.metadata)
    if room._describing is not None:
        await asyncio.wait_for(room._describing, 10)
    return room


@pytest.mark.anyio
async def test_what_somebody_writes_while_we_do_is_found_and_kept():
    server = Server('{"course": 7}')
    server.before_a_write = ['{"course": 8}', '{"course": 9, "tutor": "ben"}']

    await settled(server)

    assert json.loads(server.metadata) == {"course": 9, "tutor": "ben", **FACTS, "greenroom": FACTS}


@pytest.mark.anyio
async def test_a_conversation_that_another_person_begins_is_told():
    server = Server('{"course": 7}')
    room = await settled(server)
    room._client = SimpleNamespace(is_connected=True, room=SimpleNamespace(metadata=server.metadata))
    room.change_conversation("another")
    await asyncio.wait_for(room._describing, 10)

    facts = {**FACTS, "conversation_id": "another"}
    assert json.loads(server.metadata) == {"course": 7, **facts, "greenroom": facts}


@pytest.mark.anyio
async def test_who_replaces_the_metadata_each_time_has_the_last_word():
    server = Server("")
    server.before_a_write = [json.dumps({"n": n}) for n in range(1000)]

    await settled(server)

    assert server.writes == 20


@pytest.mark.anyio
async def test_a_room_that_others_describe_in_plain_text_is_not_written_to():
    server = Server("Algebra, second term")

    await settled(server)

    assert (server.metadata, server.writes) == ("Algebra, second term", 0)
