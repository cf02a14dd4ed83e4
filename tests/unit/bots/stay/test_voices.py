"""What is heard in a room is told to its clients at once, bounded, and to servers in passing."""

import math
from array import array
from types import SimpleNamespace

import pytest
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    UserAudioRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)

from greenroom.app.events.schema import TYPES
from greenroom.app.rooms.conversations import Turn
from greenroom.bots.stay.voices import LEVEL_EVERY, Voices, level_of
from greenroom.bots.turns.floor import ASSISTANT, USER, Floor

pytestmark = pytest.mark.anyio


def sound(loudness, samples=320):
    return array("h", [round(32767 * loudness * math.sin(at / 3)) for at in range(samples)]).tobytes()


class Stage:
    def __init__(self, *people):
        self.people = frozenset(people)
        self.told = []

    def tell(self, event, *, only=None, **facts):
        self.told.append((event, facts))

    def types(self):
        return [event for event, _ in self.told]


class Room:
    """Voices of a room, whose frames a test pushes and whose clock it sets."""

    def __init__(self, *people, is_followed=True):
        self.stage, self.servers, self.at = Stage(*people), [], 100.0
        self.floor = Floor()
        self.hearing = SimpleNamespace(floor=self.floor, is_followed=is_followed)
        self.heard = []
        self.voices = Voices(
            self.stage,
            self.hearing,
            to_servers=lambda event, **facts: self.servers.append((event, facts)),
            heard=lambda *, bot: self.heard.append("bot" if bot else "person"),
            now=lambda: self.at,
        )
        self.voices.follow(SimpleNamespace(pipeline=SimpleNamespace(processors=[])))

    async def hear(self, *frames):
        for frame in frames:
            await self.voices._came_in(None, frame)

    async def say(self, *frames):
        for frame in frames:
            await self.voices._went_out(None, frame)


def spoken(loudness, person=None):
    if person is None:
        return InputAudioRawFrame(sound(loudness), 16_000, 1)
    return UserAudioRawFrame(audio=sound(loudness), sample_rate=16_000, num_channels=1, user_id=person)


def test_a_level_is_from_0_to_1_in_steps_for_an_ear():
    assert level_of(b"") == level_of(bytes(640)) == 0.0
    assert 0.9 < level_of(sound(1.0)) <= 1.0
    assert level_of(sound(1.0)) > level_of(sound(0.1)) > level_of(sound(0.01)) > level_of(sound(0.001))


async def test_levels_are_ten_a_second_at_most_however_many_speak():
    room = Room("ada", "bob")
    for _ in range(500):  # ten seconds of 20 ms frames
        await room.hear(spoken(0.2, "ada"), spoken(0.5, "bob"))
        await room.say(OutputAudioRawFrame(sound(0.1), 24_000, 1))
        room.at += 0.02

    levels = [facts for event, facts in room.stage.told if event == "voice.audio.level"]
    assert 80 <= len(levels) <= 10 / LEVEL_EVERY
    assert {facts["person"] for facts in levels} == {"bob"}  # the loudest
    assert len([event for event, _ in room.servers]) <= 21


async def test_silence_is_told_once():
    room = Room("ada")
    for loudness in (0.5, 0.0, 0.0, 0.0, 0.0):
        for _ in range(5):
            await room.hear(spoken(loudness))
            room.at += 0.021

    levels = [facts["level"] for event, facts in room.stage.told if event == "voice.audio.level"]
    assert levels[-1] == 0.0 and levels.count(0.0) == 1
    assert {facts["person"] for _, facts in room.stage.told} == {"ada"}


async def test_the_bot_s_level_is_its_own():
    room = Room("ada")
    for _ in range(10):
        await room.say(OutputAudioRawFrame(sound(0.5), 24_000, 1))
        room.at += 0.05

    event, facts = room.stage.told[0]
    assert (event, facts["bot"]) == ("voice.audio.level", True)
    assert "person" not in facts


async def test_who_speaks_is_told_with_their_name():
    room = Room("ada", "bob")
    room.floor.begins(USER, "bob")
    room.floor.begins(USER, "bob")
    room.floor.begins(ASSISTANT)
    room.floor.stops(USER, "bob")
    room.floor.stops(USER, "bob")

    expected = [("voice.speech.start", {"person": "bob"}), ("voice.speech.end", {"person": "bob"})]
    assert room.stage.told == room.servers == expected


async def test_that_the_bot_speaks_is_told_once_though_several_outputs_push_it():
    room = Room("ada")
    await room.say(BotStartedSpeakingFrame(), BotStartedSpeakingFrame())  # down and up
    await room.say(BotStoppedSpeakingFrame(), BotStoppedSpeakingFrame())

    speaking = [facts["speaking"] for event, facts in room.stage.told if event == "voice.bot.speaking"]
    assert speaking == [True, False]
    assert room.servers == [
        ("voice.bot.speaking", {"speaking": "1"}),
        ("voice.bot.speaking", {"speaking": "0"}),
    ]


@pytest.mark.parametrize("is_followed", [True, False])
async def test_a_bot_without_pipecat_s_aggregators_is_told_of_by_its_frames(is_followed):
    room = Room("ada", is_followed=is_followed)
    await room.say(UserStartedSpeakingFrame(), UserStoppedSpeakingFrame())

    expected = [] if is_followed else ["voice.speech.start", "voice.speech.end"]
    assert room.stage.types() == expected


def test_words_are_for_the_room_s_clients_and_for_no_server():
    room = Room("ada")
    room.voices.said(Turn("1", "user", "a canary sings"))
    room.voices.said(Turn("2", "assistant", "does it", interrupted=True))
    room.voices.said(Turn("3", "tool", "{}"))
    room.voices.said(Turn("4", "assistant", ""))

    (_, asked), (_, answered) = room.stage.told
    assert (asked["role"], asked["text"], asked["person"]) == ("user", "a canary sings", "ada")
    assert (answered["role"], answered["interrupted"], answered["person"]) == ("assistant", True, None)
    assert room.servers == []


async def test_what_is_told_is_in_the_table_of_events():
    room = Room("ada", is_followed=False)
    await room.say(BotStartedSpeakingFrame(), UserStartedSpeakingFrame())
    await room.hear(spoken(0.5))
    room.at += 1
    await room.hear(spoken(0.5))

    for event, facts in room.servers:
        assert TYPES[event].is_heard
        assert facts.keys() <= TYPES[event].facts.keys()
        assert all(isinstance(fact, str) for fact in facts.values())


async def test_whoever_speaks_is_heard_in_a_call_that_may_be_quiet():
    room = Room("ada")
    room.floor.begins(USER, "ada")
    room.floor.stops(USER, "ada")
    await room.say(BotStartedSpeakingFrame(), BotStoppedSpeakingFrame())

    assert room.heard == ["person", "person", "bot", "bot"]


@pytest.mark.parametrize(("is_followed", "heard"), [(True, set()), (False, {"person", "bot"})])
async def test_where_nobody_says_who_speaks_any_sound_is_somebody(is_followed, heard):
    room = Room("ada", is_followed=is_followed)
    for _ in range(3):
        await room.hear(spoken(0.5))
        room.at += LEVEL_EVERY + 0.01
    for _ in range(3):
        await room.say(OutputAudioRawFrame(sound(0.5), 24_000, 1))
        room.at += LEVEL_EVERY + 0.01

    assert set(room.heard) == heard
