"""What an admin has a bot do, in a running product: it is heard, weighs on answers, and holds for the next bots."""

import asyncio
import os
import signal

import pytest

from tests.fakes import openai_server
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import product

pytestmark = pytest.mark.anyio

ROOM, ELSEWHERE = "local:directed", "local:directed-elsewhere"
ELSEWHERE_WORKER = "bots@elsewhere"
PLAIN, GUIDED = "There is no bird here.", "The heron has landed."
WHISPER = "Watch the heron."


def answered(request):
    """What a model says that does as its system prompt says, and as nobody else does."""
    told = [str(message) for message in request["messages"] if message["role"] == "system"]
    return GUIDED if WHISPER in " ".join(told) else PLAIN


def told(person):
    return [message["data"]["event"] for message in person.of_type("server-message")]


def turns(running, conversation_id):
    return [turn["content"] for turn in running.get(f"/conversations/{conversation_id}")["turns"]]


async def asks(person, line, answer):
    before = person.transcript.count(answer)
    person.type(line)
    await person.until(lambda person: person.transcript.count(answer) > before)


async def test_a_bot_does_as_an_admin_says_and_so_do_those_that_follow_it():
    with openai_server.running() as model:
        model.answer = answered
        speech = {"SPEECH": "openai", "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "a-key"}
        with product(SLOTS="2", **speech) as running:
            joined = running.join(ROOM, bot="assistant", user_id="ann", memory=False)
            session_id, conversation = joined["session_id"], joined["conversation_id"]

            def admin(action, **more):
                return running.post("/admin", {"session_id": session_id, "action": action, **more})

            async with Person(running.url, joined["connect"]) as person:
                await asks(person, f"Is there a bird? {WHISPER}", PLAIN)  # a person weighs on nothing
                admin("instruct", text=WHISPER)
                await asks(person, "And now?", GUIDED)
                admin("say", text="Dinner is ready.")
                await person.until(lambda person: "Dinner is ready." in person.transcript)

                assert admin("mute")["results"][0]["did"]["muted"]
                await person.until(lambda person: "muted" in told(person))
                os.kill(int(running.owner(ROOM).rsplit("/", 1)[1]), signal.SIGKILL)
                await person.until(lambda _: "lost" in running.events(session_id))
            eventually(lambda: running.events(session_id).count("live") == 2, within=30)

            asked = len(model.asked("/chat/completions"))
            async with Person(running.url, joined["connect"]) as person:
                await person.until(lambda person: "muted" in told(person))
                person.type("Does nobody answer?")
                await person.until(lambda _: "Does nobody answer?" in turns(running, conversation))
                there = await asyncio.to_thread(
                    running.post, f"/sessions/{session_id}/move?wait=20", {"room_url": ELSEWHERE}
                )
            async with Person(running.url, there["connect"]) as person:
                await person.until(lambda person: "muted" in told(person))
                person.type("Nor here?")
                await person.until(lambda _: "Nor here?" in turns(running, conversation))
                assert len(model.asked("/chat/completions")) == asked

                assert not admin("unmute")["results"][0]["did"]["muted"]
                await asks(person, "And now?", GUIDED)
            assert running.session(session_id)["config"] == {"guidance": WHISPER}


async def test_a_bot_that_takes_a_muted_one_s_call_over_is_muted_also_by_what_an_admin_did_meanwhile():
    """A worker stops in the middle of a call: its bot is muted, the one that is prepared for it is too, and speaks when
    it may."""
    with openai_server.running() as model:
        model.answer = answered
        speech = {"SPEECH": "openai", "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "a-key"}
        with product(SLOTS="2", **speech) as running:
            joined = running.join(ROOM, bot="assistant", user_id="ann", memory=False)
            session_id, conversation = joined["session_id"], joined["conversation_id"]

            def admin(action, **more):
                return running.post("/admin", {"session_id": session_id, "action": action, **more})

            async with Person(running.url, joined["connect"]) as person:
                await asks(person, "Is there a bird?", PLAIN)
                assert admin("mute")["results"][0]["did"]["muted"]
                await person.until(lambda person: "muted" in told(person))
                await asyncio.to_thread(running.start, ELSEWHERE_WORKER)
                await person.until(
                    lambda _: running.redis.hget("hosts:free", ELSEWHERE_WORKER) == "2", within=60
                )
                os.kill(running.process("bots").pid, signal.SIGTERM)
                await person.until(lambda person: "handed_over" in told(person), within=60)
            assert "handed_over" in running.events(session_id) and "lost" not in running.events(session_id)

            asked = len(model.asked("/chat/completions"))
            async with Person(running.url, joined["connect"]) as person:
                await person.until(lambda person: "muted" in told(person))
                person.type("Does nobody answer?")
                await person.until(lambda _: "Does nobody answer?" in turns(running, conversation))
                assert running.owner(ROOM).startswith(ELSEWHERE_WORKER)
                assert len(model.asked("/chat/completions")) == asked
                assert not admin("unmute")["results"][0]["did"]["muted"]
                await person.until(lambda person: "unmuted" in told(person))
                await asks(person, "And now?", PLAIN)
