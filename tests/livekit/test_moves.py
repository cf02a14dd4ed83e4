"""A bot moves between rooms, of LiveKit and of this installation, seen and heard from its people's side."""

import os
import signal

import psutil
import pytest

from tests.fakes.livekit_guest import Guest
from tests.fakes.person import Person
from tests.livekit.test_calls import GREETING, answer, greeted, pid_of_bot
from tests.livekit.test_camera import seen
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import own
from tests.rigs.product import Problem

pytestmark = pytest.mark.anyio

LEFT_BEHIND = "I am going to another room"
SOON_GONE = 15 * 60  # seconds
MOVES = 20  # of a bot that must not grow by them


def moved(greenroom, session_id, room, wait=20, **how):
    return greenroom.post(f"/sessions/{session_id}/move?wait={wait}", {"room_url": room, **how})


async def way_of(client):
    """What the bot tells its user's client of the way to the other room."""

    def told(client):
        said = [message["data"] for message in client.of_type("server-message")]
        return [each for each in said if each.get("event") == "transition"]

    await client.until(told)
    return told(client)[-1]


async def test_a_voice_session_goes_to_the_forum_and_back_and_knows_what_was_said(greenroom, room):
    """The plan of the bot transition, test 1: a single user's bot, its personality preserved, its video on."""
    ann = own("ann", room)
    voice = f"local:voice-{ann}"
    joined = greenroom.join(voice, bot="assistant", user_id=ann)
    token, session_id = joined["connect"]["token"], joined["session_id"]
    async with Person(greenroom.url, joined["connect"]) as at_home:
        await greeted(at_home)
        await answer(at_home, "My name is Alice.", "Alice")
        there = moved(greenroom, session_id, room, mode="forum")
        way = await way_of(at_home)

        assert there["session_id"] == session_id and there["status"] == "live"
        assert way["room_url"] == room and "token" not in way["connect"]
        async with Guest(way["connect"]) as in_forum:
            await seen(in_forum, "Robin")
            await answer(in_forum, "What is my name?", "Your name is Alice")
            assert GREETING not in in_forum.transcript
            assert in_forum.bot_metadata["session_id"] == session_id
            session = greenroom.session(session_id)
            assert session["conversation_id"] == joined["conversation_id"]
            eventually(lambda: greenroom.get(f"/rooms/{voice}")["lease"] is None)

            moved(greenroom, session_id, voice, mode="voice")
            back = await way_of(in_forum)
            await in_forum.until(lambda guest: not guest.bots)
            assert in_forum.put_out is None  # who is in a room stays there
    async with Person(greenroom.url, {**back["connect"], "token": token}) as at_home:
        await answer(at_home, "What is my name?", "Your name is Alice")
        assert GREETING not in at_home.transcript
    happened = greenroom.events(session_id)
    assert happened.count("moved") == 2
    assert "lost" not in happened and "relaunched" not in happened
    greenroom.post("/leave", {"session_id": session_id})


async def test_whoever_is_left_behind_hears_where_the_bot_goes_and_it_is_gone(greenroom, room, another):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        ben_s = greenroom.join(room, bot="assistant", user_id=own("ben", room))
        async with Guest(ben_s["connect"]) as ben:
            await greeted(ben)
            with pytest.raises(Problem) as refused:  # with her own token she may not take it from him
                greenroom.call(
                    "POST",
                    f"/sessions/{joined['session_id']}/move?wait=5",
                    {"room_url": another},
                    token=joined["connect"]["token"],
                )
            assert refused.value.status == 409
            heard = sum(ben.heard_ms.values())
            moved(greenroom, joined["session_id"], another)
            way = await way_of(ann)
            await ben.until(lambda ben: LEFT_BEHIND in ben.transcript)
            await ben.until(lambda ben: not ben.bots)

            assert sum(ben.heard_ms.values()) > heard + 500
            told = [message["data"].get("event") for message in ben.of_type("server-message")]
            assert "transition" not in told
    async with Guest(way["connect"]) as ann:
        await answer(ann, "Are you still there?", "")


async def test_whoever_is_left_behind_gets_a_bot_like_it_and_who_moved_keeps_theirs(greenroom, room, another):
    """The presence monitor sees to it: somebody is there, and nobody whose own bot has moved."""
    ann, ben = own("ann", room), own("ben", room)
    joined = greenroom.join(room, bot="assistant", personality="critic", user_id=ann)
    ben_s = greenroom.join(room, bot="assistant", user_id=ben)
    async with Guest(ben_s["connect"]) as ben_there:
        await ben_there.until(lambda ben: ben.bots)
        async with Guest(joined["connect"]) as at_first:
            await at_first.until(lambda ann: ann.bots and ann.transcript)
            moved(greenroom, joined["session_id"], another)
            way = await way_of(at_first)
            await ben_there.until(lambda ben: not ben.bots)
        async with Guest(way["connect"]) as ann_there:
            await ann_there.until(lambda ann: ann.bots)
            await ben_there.until(lambda ben: ben.bots, within=60)
            theirs = greenroom.session(greenroom.get(f"/rooms/{room}")["lease"]["session_id"])

            assert theirs["session_id"] != joined["session_id"]
            assert (theirs["user_id"], theirs["personality"]) == (ben, "critic")
            await answer(ben_there, "My name is Ben.", "Ben")
            await ann_there.until(lambda ann: ann.bots)
    assert greenroom.session(joined["session_id"])["room_url"] == another


async def test_who_is_in_the_other_room_is_greeted_once_and_the_user_is_not(greenroom, room, another):
    ann, ben = own("ann", room), own("ben", room)
    joined = greenroom.join(room, bot="assistant", user_id=ann)
    async with Guest(joined["connect"]) as at_first:
        await greeted(at_first)
        await answer(at_first, "My name is Alice.", "Alice")
        connect = {
            "url": joined["connect"]["url"],
            "room_token": greenroom_token(greenroom, another, ben),
        }
        async with Guest(connect) as ben_there:
            moved(greenroom, joined["session_id"], another)
            way = await way_of(at_first)
            await greeted(ben_there)
            async with Guest(way["connect"]) as then:
                await answer(then, "What is my name?", "Your name is Alice")
                assert GREETING not in then.transcript
            assert ben_there.transcript.count(GREETING) == 1


def greenroom_token(greenroom, room, user):
    """A person's way into a room that has no bot."""
    from greenroom.app.providers.livekit import LiveKit
    from greenroom.app.rooms.room import Room

    server = LiveKit(
        *(greenroom.environ[name] for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"))
    )
    return server.admit(Room.parse(room), user).room_token


async def test_an_answer_under_way_is_cut_off_by_the_move_and_what_was_heard_is_known(
    greenroom, room, another
):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        ann.type("What can you do?")
        await ann.until(lambda guest: len(guest.of_type("bot-started-speaking")) > 1)
        moved(greenroom, joined["session_id"], another)
        way = await way_of(ann)
    async with Guest(way["connect"]) as there:
        await answer(there, "My name is Alice.", "Alice")
    assert "lost" not in greenroom.events(joined["session_id"])


async def test_a_room_that_cannot_be_entered_leaves_the_bot_where_it_is(greenroom, server, room):
    """The plan of the bot transition, test 3: the transition fails."""
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        heard = dict(ann.heard_ms)
        with pytest.raises(Problem):
            moved(greenroom, joined["session_id"], "local:not a room")
        await answer(ann, "My name is Alice.", "Alice")

        assert ann.heard_ms != heard
        assert greenroom.session(joined["session_id"])["room_url"] == room


async def test_a_bot_that_has_moved_and_dies_comes_back_in_the_room_where_it_was(greenroom, room, another):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Alice.", "Alice")
        moved(greenroom, joined["session_id"], another)
        way = await way_of(ann)
    async with Guest(way["connect"]) as there:
        await there.until(lambda guest: guest.bots)
        os.kill(pid_of_bot(greenroom, another), signal.SIGKILL)
        eventually(lambda: "lost" in greenroom.events(joined["session_id"]), within=20)
        eventually(lambda: greenroom.session(joined["session_id"])["state"] == "live", within=30)
        await answer(there, "What is my name?", "Your name is Alice")


def test_a_bot_does_not_grow_by_its_moves(greenroom, room, another):
    """Descriptors, threads and memory of its process, and the keys of its installation."""
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    process = psutil.Process(pid_of_bot(greenroom, room))

    def go_there_and_back(times):
        for _ in range(times):
            for place in (another, room):
                assert moved(greenroom, joined["session_id"], place)["room_url"] == place

    def keys():
        """Those that last: a request leaves its answer for half a minute, a webhook that it was heard for fifteen."""
        return sum(not 0 <= greenroom.redis.ttl(key) <= SOON_GONE for key in greenroom.redis.keys("*"))

    go_there_and_back(3)
    threads, megabytes, kept = process.num_threads(), process.memory_info().rss // 2**20, keys()
    go_there_and_back(MOVES // 2)

    # WebRTC's sockets are closed some seconds after their room
    eventually(lambda: process.num_fds() < 150, within=60)
    eventually(lambda: process.num_threads() <= threads + 4, within=20)
    assert process.memory_info().rss // 2**20 <= megabytes + 2 * MOVES
    assert keys() <= kept + 6
    greenroom.post("/leave", {"session_id": joined["session_id"]})
