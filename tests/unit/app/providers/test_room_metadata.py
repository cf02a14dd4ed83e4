"""A LiveKit room's metadata is shared with others: theirs is kept, ours is there."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from pipecat.transports.livekit.transport import LiveKitCallbacks, LiveKitInputTransport, LiveKitParams

from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.providers.room_metadata import named_in, with_facts
from greenroom.app.rooms.room import Room
from greenroom.bots.seam.livekit import Client
from greenroom.bots.transports.livekit import LiveKitStage
from greenroom.bots.transports.room_description import RoomDescription
from tests.fakes.listener import Deaf

ROOM = Room("livekit", "standup", "wss://livekit.example.com")
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
        self.is_away = False
        self.tell = print

    def describe(self, metadata):
        if self.is_away:
            self.writes += 1
            raise ProviderAway("livekit")
        if self.before_a_write:
            self.change(self.before_a_write.pop(0))
        self.change(metadata)
        self.writes += 1

    def change(self, metadata):
        self.metadata = metadata
        self.tell(metadata)


class Here:
    """A bot's part in the description of its room."""

    def __init__(self, server):
        self.tasks = []
        self.description = RoomDescription(ROOM, FACTS, write=server.describe, begin=self._begin)
        loop = asyncio.get_running_loop()
        server.tell = lambda metadata: asyncio.run_coroutine_threadsafe(self._hear(metadata), loop).result(10)

    def _begin(self, work):
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    async def _hear(self, metadata):
        self.description.found(metadata)

    async def finds(self, metadata):
        """Let it hear of every change that follows, and write what it wants to."""
        self.description.found(metadata)
        await asyncio.wait_for(asyncio.gather(*self.tasks), 10)


@pytest.mark.anyio
async def test_what_somebody_writes_while_we_do_is_found_and_kept():
    server = Server('{"course": 7}')
    server.before_a_write = ['{"course": 8}', '{"course": 9, "tutor": "ben"}']

    await Here(server).finds(server.metadata)

    assert json.loads(server.metadata) == {"course": 9, "tutor": "ben", **FACTS, "greenroom": FACTS}


@pytest.mark.anyio
async def test_a_conversation_that_another_person_begins_is_told():
    server = Server('{"course": 7}')
    here = Here(server)
    await here.finds(server.metadata)
    here.description.change(conversation_id="another")
    await here.finds(server.metadata)

    facts = {**FACTS, "conversation_id": "another"}
    assert json.loads(server.metadata) == {"course": 7, **facts, "greenroom": facts}


class Connected(Client):
    """A connection to a LiveKit room, without LiveKit."""

    is_connected = True

    def __init__(self, server):
        async def nothing(*_):
            pass

        callbacks = LiveKitCallbacks(**dict.fromkeys(LiveKitCallbacks.model_fields, nothing))
        super().__init__("", "", "", LiveKitParams(), callbacks, "")
        self.server = server

    @property
    def room(self):
        return SimpleNamespace(metadata=self.server.metadata, remote_participants={})


@pytest.mark.anyio
async def test_a_stage_tells_its_room_as_soon_as_it_is_there_and_whenever_the_conversation_changes():
    server = Server("")
    stage = LiveKitStage(ROOM, token=str, facts=FACTS, describe=server.describe, listener=Deaf(), waits=False)
    client = Connected(server)
    stage.built(SimpleNamespace(pipeline=LiveKitInputTransport(None, client, LiveKitParams())))
    stage.change_conversation("c-2")
    assert server.writes == 0
    stage.connected(client)
    await written_by(server, 1)
    stage.change_conversation("c-3")
    await written_by(server, 2)

    assert json.loads(server.metadata)["conversation_id"] == "c-3"


async def written_by(server, writes):
    async with asyncio.timeout(10):
        while server.writes < writes:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.anyio
async def test_a_server_that_is_away_keeps_nobody_from_the_next_writing():
    server = Server("")
    here = Here(server)
    server.is_away = True
    await here.finds(server.metadata)
    assert (server.metadata, server.writes) == ("", 1)
    server.is_away = False
    await here.finds(server.metadata)

    assert json.loads(server.metadata) == {**FACTS, "greenroom": FACTS}


@pytest.mark.anyio
async def test_who_replaces_the_metadata_each_time_has_the_last_word():
    server = Server("")
    server.before_a_write = [json.dumps({"n": n}) for n in range(1000)]

    await Here(server).finds(server.metadata)

    assert server.writes == 20


@pytest.mark.anyio
async def test_a_room_that_others_describe_in_plain_text_is_not_written_to():
    server = Server("Algebra, second term")

    await Here(server).finds(server.metadata)

    assert (server.metadata, server.writes) == ("Algebra, second term", 0)


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ("", None),
        ("not json", None),
        ('{"course": 7}', None),
        ('{"conversation_id": "c-9"}', "c-9"),
        (with_facts("", FACTS), None),  # ours, left by an earlier session
        (with_facts('{"conversation_id": "c-9"}', FACTS), "c-9"),
        (json.dumps({**FACTS, "conversation_id": "c-9", "greenroom": FACTS}), "c-9"),  # ours was replaced
        ('{"conversation_id": 7, "greenroom": "no object"}', 7),  # whether it is a name is looked at later
    ],
)
def test_a_conversation_in_the_metadata_is_somebody_elses_unless_we_have_put_it_there(found, named):
    assert named_in(found) == named


def test_a_conversation_that_was_taken_up_stays_theirs_for_the_next_session():
    taken_up = with_facts('{"conversation_id": "c-1"}', FACTS)

    assert named_in(taken_up) == FACTS["conversation_id"]
    assert json.loads(with_facts(taken_up, OTHERS))["conversation_id"] == "c-1"
    assert named_in(with_facts(taken_up, OTHERS)) == "c-1"
    assert with_facts(taken_up, FACTS) is None
