"""Another assistant comes into a live call."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from pipecat.frames.frames import (
    LLMMessagesUpdateFrame,
    LLMUpdateSettingsFrame,
    TTSSpeakFrame,
    TTSUpdateSettingsFrame,
)
from structlog.testing import capture_logs

from greenroom.app.errors.sessions import AnotherBot
from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.errors.users import ProfileIncomplete, UnknownAssistant, VoiceNotEnabled
from greenroom.app.rooms.assistants import Assistant, VoiceSessionConfig
from greenroom.app.rooms.inbox import Message
from greenroom.app.rooms.requests.changing import Configure, Switch
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.sessions import SetBrief
from greenroom.app.rooms.users import User
from greenroom.bots.stay import definition
from tests.fakes.async_ledgers import Told
from tests.fakes.memory import FakeMemory
from tests.fakes.stays import parts_of_a_stay, with_pipeline

pytestmark = pytest.mark.anyio

PEARL = Assistant("a-1", "pearl", voice="deep", prompts={"goodbye": "Bye.", "away": "Wait."})
RUBY = Assistant(
    "a-2", "ruby", personality="critic", voice="bright", prompts={"greeting": "Ruby here. What is your name?"}
)
KNOWN = {each.name: each for each in (PEARL, RUBY)}


class Call:
    """One in which Ada talks with Pearl."""

    def __init__(self, ledger, parts, pipeline):
        self.ledger, self.parts, self.pipeline = ledger, parts, pipeline

    async def ask(self, request):
        return await request.carry_out(self.parts.asked)

    @property
    def brief(self):
        return self.parts.controls.session.brief

    @property
    def said(self):
        return [frame.text for frame in self.pipeline.frames if isinstance(frame, TTSSpeakFrame)]

    def told(self, kind):
        return [step for step in self.ledger.told if isinstance(step, kind)]


@pytest.fixture
async def a_call():
    writing = []

    async def begun(find=KNOWN.get, memory=None, find_user=None, **facts):
        facts = {"assistant": "pearl", "voice": "deep", "prompts": PEARL.prompts, **facts}
        ledger = Told()
        parts = parts_of_a_stay(
            ledger=ledger,
            people={"ada"},
            find_assistant=find,
            find_user=find_user,
            memory=memory,
            person="ada",
            **facts,
        )
        pipeline = await with_pipeline(parts)
        writing.append(asyncio.create_task(parts.turns.write()))
        parts.definition.read()
        parts.turns.message_added({"role": "user", "content": "a secret"})
        await parts.turns.written(timedelta(seconds=2))
        return Call(ledger, parts, pipeline)

    yield begun
    for each in writing:
        each.cancel()


async def test_it_is_the_other_one_from_then_on_with_its_words_its_voice_and_its_first_sentence(a_call):
    call = await a_call()

    await call.ask(Switch("ruby"))

    brief = call.brief
    assert (brief.assistant, brief.personality, brief.voice) == ("ruby", "critic", "bright")
    assert brief.prompts == RUBY.prompts
    kinds = [type(frame) for frame in call.pipeline.frames]
    assert (
        kinds.index(LLMMessagesUpdateFrame) < kinds.index(TTSUpdateSettingsFrame) < kinds.index(TTSSpeakFrame)
    )
    assert LLMUpdateSettingsFrame in kinds
    assert call.said == ["Ruby here. What is your name?"]


async def test_nothing_that_was_said_to_the_one_before_is_known_to_it(a_call):
    call = await a_call()
    call.parts.open_things.open("active_note", {"id": "n-7"}, owner="ada")
    before = call.parts.turns.conversation_id

    await call.ask(Switch("ruby"))

    assert call.parts.turns.said == ()
    assert call.parts.turns.conversation_id != before
    assert call.parts.journal.session.conversation_id == call.parts.turns.conversation_id
    assert [f.messages for f in call.pipeline.frames if isinstance(f, LLMMessagesUpdateFrame)] == [[]]
    assert "active_note" in call.parts.open_things.all  # the person is the same, and looks at it


async def test_its_history_has_one_event_and_its_record_the_new_brief_behind_the_new_conversation(a_call):
    call = await a_call()
    call.ledger.told.clear()

    await call.ask(Switch("ruby"))

    (event,) = call.told(Note)
    assert (event.event, event.detail, event.person) == (Happened.SWITCHED, "ruby", "ada")
    assert event.conversation_id == call.parts.turns.conversation_id
    (kept,) = call.told(SetBrief)
    assert kept.brief == call.parts.journal.session.brief and kept.brief.assistant == "ruby"
    assert call.parts.stage.events.count("session.switched") == 1


async def test_its_memory_is_its_own(a_call):
    """Pearl knows Ada from earlier conversations; an assistant without a memory knows nobody."""
    memory, nobody = FakeMemory(ada="Ada"), replace(RUBY, memory=False)
    call = await a_call({"pearl": PEARL, "ruby": nobody}.get, memory)

    await call.ask(Switch("ruby"))
    assert not call.parts.memories.are_kept
    assert await call.parts.memories.of("ada", call.parts.turns.conversation_id) == ""

    await call.ask(Switch("pearl"))
    await call.parts.memories.of("ada", call.parts.turns.conversation_id)
    assert memory.asked == [("main", "ada", call.parts.turns.conversation_id)]


async def test_what_the_call_named_and_what_was_changed_while_live_stays(a_call):
    call = await a_call(persona="Opal", language="de")
    await call.ask(Configure({"voice": "warm"}))

    await call.ask(Switch("ruby"))

    assert (call.brief.persona, call.brief.language, call.brief.voice) == ("Opal", "de", "warm")
    await call.ask(Configure({"voice": None}))
    assert call.brief.voice == "bright"


async def test_asked_twice_it_is_done_once(a_call):
    call = await a_call()

    for name in ("ruby", "ruby"):
        await call.ask(Switch(name))

    assert len(call.told(SetBrief)) == len(call.said) == 1


@pytest.mark.parametrize(
    ("now", "refusal"),
    [(None, UnknownAssistant), (replace(RUBY, bot="mine"), AnotherBot), (ConnectionError(), DatabaseAway)],
)
async def test_what_cannot_be_is_refused_and_nothing_is_changed(a_call, now, refusal):
    def find(name):
        if name == "ruby" and isinstance(now, Exception):
            raise now
        return PEARL if name == "pearl" else now

    call = await a_call(find)
    conversation = call.parts.turns.conversation_id
    with pytest.raises(refusal):
        await call.ask(Switch("ruby"))

    assert (call.brief.assistant, call.parts.turns.conversation_id) == ("pearl", conversation)
    assert call.pipeline.frames == [] and call.told(SetBrief) == []


async def test_a_database_that_says_nothing_holds_nobody_up(a_call, monkeypatch):
    monkeypatch.setattr(definition, "READ_WITHIN", timedelta(milliseconds=50))
    answers = threading.Event()
    call = await a_call(lambda name: answers.wait(20))

    with pytest.raises(DatabaseAway), capture_logs() as lines:
        await call.ask(Switch("ruby"))
    answers.set()
    late = [line["because"] for line in lines if line["event"] == "assistant_read_failed"]
    assert late == ["it took too long"] * 2  # of the assistant that it is, and of the one that it shall be


async def test_a_session_that_was_joined_without_an_assistant_becomes_one(a_call):
    call = await a_call(assistant=None, voice=None, prompts={})

    await call.ask(Switch("pearl"))

    brief = call.brief
    assert (brief.assistant, brief.voice, brief.prompts) == ("pearl", "deep", PEARL.prompts)
    assert brief.personality == "host"


async def test_in_an_empty_room_it_becomes_the_other_one_and_greets_nobody(a_call):
    call = await a_call()
    call.parts.stage.people = frozenset()

    await call.ask(Switch("ruby"))

    assert call.brief.assistant == "ruby" and call.said == []


NEEDS_NAME = replace(RUBY, require_profile=("first_name", "email"))


async def test_what_it_requires_of_its_user_is_read_and_told_to_its_bots(a_call):
    users = {"ada": User("ada", {"first_name": "Ada", "email": "a@example.com", "shoe_size": 38})}
    call = await a_call(
        {"pearl": PEARL, "ruby": NEEDS_NAME}.get,
        find_user=users.get,
        user_id="ada",
        profile={"first_name": "Countess"},
    )

    await call.ask(Switch("ruby"))

    assert call.brief.assistant == "ruby"
    assert call.brief.profile == {"first_name": "Countess", "email": "a@example.com"}
    (kept,) = call.told(SetBrief)
    assert kept.brief.profile == call.brief.profile


def away(_user_id):
    raise ConnectionError


@pytest.mark.parametrize(
    ("find_user", "refusal"),
    [
        ({"ada": User("ada", {"first_name": "Ada", "email": ""})}.get, ProfileIncomplete),
        ({}.get, ProfileIncomplete),
        (away, DatabaseAway),
    ],
)
async def test_an_assistant_that_knows_too_little_of_its_user_does_not_come(a_call, find_user, refusal):
    call = await a_call({"pearl": PEARL, "ruby": NEEDS_NAME}.get, find_user=find_user, user_id="ada")

    with pytest.raises(refusal) as error:
        await call.ask(Switch("ruby"))

    assert "email" in str(error.value.facts.get("reason", "email"))
    assert (call.brief.assistant, call.told(SetBrief), call.said) == ("pearl", [], [])
    await call.ask(Switch("pearl"))  # which it still is
    assert call.told(SetBrief) == []


@pytest.mark.parametrize(
    "closed", [VoiceSessionConfig(enabled=False), VoiceSessionConfig(rollout_share=0)], ids=["off", "share"]
)
async def test_an_assistant_that_is_not_open_to_a_user_does_not_come_into_their_voice_room(a_call, closed):
    known = {"pearl": PEARL, "ruby": replace(RUBY, voice_session_config=closed)}.get
    call = await a_call(known, room=Room.parse("local:voice-ada"), user_id="ada")

    with pytest.raises(VoiceNotEnabled):
        await call.ask(Switch("ruby"))
    assert (call.brief.assistant, call.told(SetBrief)) == ("pearl", [])

    elsewhere = await a_call(known)
    await elsewhere.ask(Switch("ruby"))
    assert elsewhere.brief.assistant == "ruby"


async def test_who_asked_is_told_what_is_lacking(a_call):
    call = await a_call({"pearl": PEARL, "ruby": NEEDS_NAME}.get, find_user={}.get, user_id="ada")
    message = Message("1-0", Switch.name, Switch("ruby").body(), epoch=7)

    answer = await call.parts.inbox._result_of(message)

    assert answer == {"error": "profile-incomplete", "reason": "it lacks first_name, email"}
