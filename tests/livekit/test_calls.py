"""People in a LiveKit room and their one bot, seen and heard from the people's side."""

import json
import os
import signal
import time
from pathlib import Path

import jwt
import pytest

from greenroom.app.providers.livekit import LiveKit
from greenroom.app.rooms.room import Room
from tests.fakes.livekit_guest import Guest
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import own
from tests.rigs.product import Problem
from tests.unit.bots.transports.test_incoming import CANARY, DATA

pytestmark = pytest.mark.anyio

VOICES = Path(__file__).parent.parent / "voices"
GREETING = "Hello, and welcome"


def pid_of_bot(greenroom, room: str) -> int:
    return int(greenroom.owner(room).rsplit("/", 1)[1])


async def greeted(guest: Guest) -> None:
    await guest.until(lambda guest: GREETING in guest.transcript)
    await fell_silent(guest)


async def fell_silent(guest: Guest) -> None:
    def has_ended(guest: Guest) -> bool:
        return len(guest.of_type("bot-stopped-speaking")) >= len(guest.of_type("bot-started-speaking")) > 0

    await guest.until(has_ended)


async def answer(guest: Guest, question: str, words: str) -> None:
    """Type a question, and read that it is answered with these words."""
    before = guest.transcript
    guest.type(question)
    await guest.until(lambda guest: words in guest.transcript[len(before) :])
    await fell_silent(guest)


async def test_a_voice_is_heard_and_answered_aloud(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        heard = ann.heard_ms["bot:" + joined["room_url"].rsplit("/", 1)[1]]

        ann.say(VOICES / "name.wav")
        await ann.until(lambda ann: "Alice" in ann.transcript)
        await fell_silent(ann)

        assert heard > 1000
        assert sum(ann.heard_ms.values()) > heard + 500


async def test_the_bot_says_what_it_is_and_the_room_what_it_is_for(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await ann.until(lambda ann: ann.bots and ann.room.metadata)
        session = greenroom.session(joined["session_id"])

        assert ann.bot_metadata == {
            "bot": True,
            "of": own("ann", room),
            "session_id": joined["session_id"],
            "epoch": session["epoch"],
        }
        facts = {
            "conversation_id": joined["conversation_id"],
            "user_id": own("ann", room),
            "bot": "assistant",
            "personality": joined["personality"],
            "mode": "voice",
        }
        assert json.loads(ann.room.metadata) == {**facts, "greenroom": facts}


async def test_what_others_keep_in_a_rooms_metadata_stays_there_beside_ours(greenroom, server, room):
    name = room.rsplit("/", 1)[1]
    others = LiveKit(server.url, server.key, server.secret)
    others._ask(
        "CreateRoom", {"name": name, "metadata": '{"course": 7, "bot": "theirs"}'}, {"roomCreate": True}
    )
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:

        def ours_beside(**theirs):
            def is_there(ann):
                found = json.loads(ann.room.metadata)
                ours = found.get("greenroom", {}).get("conversation_id") == joined["conversation_id"]
                return ours and found["user_id"] == own("ann", room) and theirs.items() <= found.items()

            return is_there

        await ann.until(ours_beside(course=7, bot="theirs"))
        others.describe(Room.parse(room), '{"course": 8}')
        await ann.until(ours_beside(course=8, bot="assistant"))
    others.close()


async def test_two_people_have_one_bot_and_each_a_talk_of_their_own(greenroom, room):
    """The plan of the bot transition, test 2: the second user's join finds the bot that is there; both talk to it."""
    first = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(first["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Alice.", "Alice")
        second = greenroom.join(room, bot="assistant", user_id=own("ben", room))
        async with Guest(second["connect"]) as ben:
            await greeted(ben)
            await answer(ben, "What is my name?", "You have not told me")
            await answer(ann, "What is my name?", "Your name is Alice")
            ben.say(VOICES / "name.wav")  # as loud as Ann, and not mixed with her silence
            await ben.until(lambda ben: ben.of_type("user-transcription"))

            said = ben.of_type("user-transcription")[-1]["data"]
            assert (said["user_id"], "Alice" in said["text"]) == (own("ben", room), True)
            assert ann.bots == ben.bots == ["bot:" + room.rsplit("/", 1)[1]]
            assert ann.transcript.count(GREETING) == 2  # each was greeted, once
    assert second["session_id"] == first["session_id"] and second["reused"]


async def test_a_client_of_the_room_is_told_what_was_cleaned_and_not_while_others_are_there(greenroom, room):
    """In the data channel, without RTVI, as the page of those who first needed it did."""
    wish = {"type": "room_cleanup", "timestamp": "2026-01-01T00:00:00Z"}
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await ann.room.local_participant.publish_data(json.dumps(wish), reliable=True)
        await ann.until(lambda ann: ann.of_type("room_cleaned"))
        other = greenroom.join(room, bot="assistant", user_id=own("ben", room))
        async with Guest(other["connect"]) as ben:
            await greeted(ben)
            await ben.room.local_participant.publish_data(json.dumps(wish), reliable=True)
            await ben.until(lambda ben: ben.of_type("room_cleanup_refused"))

    (cleaned,) = ann.of_type("room_cleaned")
    assert cleaned["timestamp"] == wish["timestamp"]
    assert cleaned["cleaned"]["is_awaited"] and cleaned["cleaned"]["is_written"]


async def test_who_comes_back_is_not_greeted_again_and_is_known(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Alice.", "Alice")
    eventually(lambda: greenroom.session(joined["session_id"])["state"] == "waiting")

    async with Guest(joined["connect"]) as ann:
        await answer(ann, "What is my name?", "Your name is Alice")

        assert GREETING not in ann.transcript
    assert greenroom.session(joined["session_id"])["epoch"]


async def test_somebody_else_hears_nothing_of_what_was_said_before(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Alice.", "Alice")
    eventually(lambda: greenroom.session(joined["session_id"])["state"] == "waiting")

    async with Guest(greenroom.join(room, bot="assistant", user_id=own("ben", room))["connect"]) as ben:
        await greeted(ben)
        await answer(ben, "What is my name?", "You have not told me")


async def test_one_goodbye_of_two_does_not_end_the_call(greenroom, room):
    first = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(first["connect"]) as ann:
        await greeted(ann)
        async with Guest(greenroom.join(room, bot="assistant", user_id=own("ben", room))["connect"]) as ben:
            await greeted(ben)
            await answer(ben, "Goodbye.", "oodbye")
            await answer(ann, "My name is Alice.", "Alice")
        eventually(lambda: "waiting" not in greenroom.events(first["session_id"]))
        await answer(ann, "Goodbye.", "oodbye")
    assert greenroom.ended(first["session_id"]) == "left"


async def test_a_killed_bot_is_back_in_the_room_and_knows_everybody(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Alice.", "Alice")
        before = len(ann.tracks)
        os.kill(pid_of_bot(greenroom, room), signal.SIGKILL)

        await ann.until(lambda ann: len(ann.tracks) > before)
        await answer(ann, "What is my name?", "Your name is Alice")

        assert ann.transcript.count(GREETING) == 1
        assert len(ann.bots) == 1


async def test_a_deploy_hands_the_call_over(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Alice.", "Alice")
        before, epoch = len(ann.tracks), greenroom.session(joined["session_id"])["epoch"]
        os.kill(pid_of_bot(greenroom, room), signal.SIGTERM)

        await ann.until(lambda ann: len(ann.tracks) > before)
        await answer(ann, "What is my name?", "Your name is Alice")

        assert ann.transcript.count(GREETING) == 1
        assert greenroom.session(joined["session_id"])["epoch"] > epoch
        assert "handed_over" in greenroom.events(joined["session_id"])
        assert "lost" not in greenroom.events(joined["session_id"])


async def test_a_person_may_not_have_the_name_of_a_bot(greenroom, room):
    with pytest.raises(Problem) as refusal:
        greenroom.join(room, user_id="bot:" + room.rsplit("/", 1)[1])

    assert refusal.value.status == 422
    assert refusal.value.body["type"].endswith("reserved-name")


async def test_a_token_opens_its_room_and_no_other(greenroom, server, room):
    joined = greenroom.join(room, bot="quiet", user_id=own("ann", room), wait=0)

    async with Guest(joined["connect"]) as ann:
        assert ann.room.name == room.rsplit("/", 1)[1]
        assert ann.room.local_participant.identity == own("ann", room)
    claims = jwt.decode(joined["connect"]["room_token"], server.secret, algorithms=["HS256"])
    grants = claims["video"]
    assert (grants["room"], grants["roomJoin"]) == (room.rsplit("/", 1)[1], True)
    assert not {"roomAdmin", "roomCreate", "roomList", "canUpdateOwnMetadata"} & grants.keys()
    assert 0 < claims["exp"] - time.time() <= 2 * 3600


async def test_a_name_is_known_to_the_others_and_to_the_bot(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room), user_name="Alice")
    async with Guest(joined["connect"]) as ann:
        await ann.until(lambda ann: "Alice" in ann.transcript)

        assert ann.room.local_participant.name == "Alice"
        assert ann.bots
    people = greenroom.session(joined["session_id"])["people"]
    assert [(who["identity"], who["name"]) for who in people] == [(own("ann", room), "Alice")]


async def test_who_was_there_before_the_bot_is_seen_to_leave(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room), wait=0)
    async with Guest(joined["connect"]) as ann:
        await ann.until(lambda ann: ann.bots)
        eventually(lambda: "person_arrived" in greenroom.events(joined["session_id"]))
    eventually(lambda: greenroom.session(joined["session_id"])["state"] == "waiting")


async def test_a_next_bot_knows_who_was_there_all_along(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Alice.", "Alice")
        async with Guest(greenroom.join(room, bot="assistant", user_id=own("ben", room))["connect"]) as ben:
            await greeted(ben)
        before = len(ann.tracks)
        os.kill(pid_of_bot(greenroom, room), signal.SIGKILL)

        await ann.until(lambda ann: len(ann.tracks) > before)
        await answer(ann, "What is my name?", "Your name is Alice")


async def test_a_person_may_be_called_agent(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id="agent-7", user_name="Agent Smith")
    async with Guest(joined["connect"]) as smith:
        await answer(smith, "My name is Alice.", "Alice")


async def test_a_guest_neither_speaks_as_another_nor_takes_the_bot_from_them(greenroom, room):
    """A file and sound that one guest sent were in the talk with whoever was answered last."""
    first = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(first["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Alice.", "Alice")
        second = greenroom.join(room, bot="assistant", user_id=own("ben", room))
        async with Guest(second["connect"]) as ben:
            await greeted(ben)
            for kind, data in DATA.items():
                if kind not in ("client-ready", "send-text"):
                    ben.send(kind, data)
            await ben.until(lambda ben: len(ben.of_type("error-response")) == len(DATA) - 2)
            await answer(ann, "What is my name?", "Your name is Alice")
            with pytest.raises(Problem) as refused:
                greenroom.call(
                    "POST", "/leave", {"session_id": second["session_id"]}, second["connect"]["token"]
                )

            assert (refused.value.status, refused.value.body["type"].rpartition(":")[2]) == (
                409,
                "others-there",
            )
            assert CANARY not in ann.transcript
            assert ann.of_type("error-response") == []
        said = greenroom.redis.zrange(f"conversation:{{{first['conversation_id']}}}:turns", 0, -1)
        assert CANARY not in str(said)
        await ann.until(lambda ann: not ann.room.remote_participants.get(own("ben", room)))
        left = greenroom.call(
            "POST", "/leave", {"session_id": first["session_id"]}, first["connect"]["token"]
        )

        assert left["status"] == "left"


async def test_a_conversation_that_somebody_has_named_in_the_rooms_metadata_is_taken_up(
    greenroom, server, room
):
    """A backend that makes the rooms says there what goes on in them, for each session while the room is there."""
    whose, name = own("ann", room), room.rsplit("/", 1)[1]
    others = LiveKit(server.url, server.key, server.secret)
    metadata = json.dumps({"conversation_id": f"of-{name}"})
    others._ask("CreateRoom", {"name": name, "metadata": metadata}, {"roomCreate": True})

    for _ in range(2):
        joined = greenroom.join(room, bot="assistant", user_id=whose)
        assert joined["conversation_id"] != f"of-{name}"
        async with Guest(joined["connect"]) as ann:
            await ann.until(lambda ann: ann.bots and "greenroom" in (ann.room.metadata or ""))
            facts = json.loads(ann.room.metadata)
            assert facts["conversation_id"] == facts["greenroom"]["conversation_id"] == f"of-{name}"
        assert greenroom.session(joined["session_id"])["conversation_id"] == f"of-{name}"
        greenroom.post("/leave", {"room_url": room})
        assert greenroom.ended(joined["session_id"]) == "left"
    others.close()
