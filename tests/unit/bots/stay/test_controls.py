"""How a bot is changed, and what it says."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pipecat.frames.frames import (
    EndFrame,
    InterruptionFrame,
    LLMUpdateSettingsFrame,
    ServiceUpdateSettingsFrame,
    STTUpdateSettingsFrame,
    TTSSpeakFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.services.openai.tts import OpenAITTSSettings
from pipecat.services.settings import TTSSettings

from greenroom.app.named_bots import BUILT_IN_BOTS
from greenroom.app.rooms.consequences import SetClock
from greenroom.app.rooms.happenings import PersistenceChanged
from greenroom.app.rooms.requests.changing import Configure
from greenroom.app.rooms.sessions import Reason
from greenroom.app.settings import Settings
from greenroom.bots import personalities, speech
from greenroom.bots.body import body_of
from greenroom.bots.speech.demo.speaking import HibariTTS, shaped
from greenroom.bots.speech.demo.thinking import ScriptedMind
from greenroom.bots.speech.failover import PreferFrame
from tests.fakes.stays import Visited, parts_of_a_stay, with_pipeline

pytestmark = pytest.mark.anyio

VOICES = {"elevenlabs": "Rachel"}
HOST = personalities.load("host")
SPOKEN_BY_BOTH = replace(HOST, services={"speaking": ("demo", "elevenlabs")}, voices=VOICES)
SPOKEN_ELSEWHERE = replace(
    personalities.load("critic"), services={"speaking": ("elevenlabs",)}, voices={"elevenlabs": "Charlotte"}
)


async def test_a_change_leaves_what_was_changed_before():
    """Seen under the name of the personality that it was given, whatever else is changed after that."""
    parts = parts_of_a_stay()
    for change in (
        {"mode": "forum"},
        {"personality": "critic"},
        {"mode": "voice"},
        {"voice": "deep"},
        {"mode": "forum"},
        {"personality": None},
        {"mode": None},
    ):
        await parts.controls.change(change)

    assert parts.stage.shown == ["Robin", "Beatrice", None, "Beatrice", "Robin", None]


async def settings_after(*changes, **facts):
    """Voice and prompt of a bot that was changed so."""
    parts = parts_of_a_stay(**facts)
    pipeline = await with_pipeline(parts)
    for change in changes:
        await parts.controls.change(change)
    voices = [frame.delta.voice for frame in pipeline.frames if isinstance(frame, TTSUpdateSettingsFrame)]
    prompts = [
        frame.delta.system_instruction
        for frame in pipeline.frames
        if isinstance(frame, LLMUpdateSettingsFrame)
    ]
    return [voice for voice in voices if isinstance(voice, str)][-1:], prompts[-1:]


async def test_a_bot_that_was_changed_sounds_as_the_one_that_takes_its_session_over():
    """The live bot spoke in the new personality's voice; its successor in the voice that had been set before."""
    one, then = {"voice": "deep", "prompt": "Sing."}, {"personality": "critic"}

    assert await settings_after(one, then) == await settings_after({**one, **then}) == (["deep"], ["Sing."])


async def test_a_change_of_personality_or_of_prompt_keeps_the_instructions_that_the_session_was_joined_with():
    critic, host = personalities.load("critic"), personalities.load("host")
    told = "You collect stamps."

    _, of_critic = await settings_after({"personality": "critic"}, instructions=told)
    _, of_host = await settings_after({"prompt": "Sing."}, {"prompt": None}, instructions=told)
    assert of_critic == [critic.as_asked({"instructions": told}).prompt]
    assert of_host == [host.as_asked({"instructions": told}).prompt]


async def test_a_voice_that_is_set_to_null_is_the_one_of_the_join_again():
    assert (await settings_after({"voice": "deep"}, {"voice": None}, voice="bright"))[0] == ["bright"]


async def test_the_warning_before_the_end_is_in_the_words_of_the_personality():
    parts = parts_of_a_stay(people={"ada"}, personality="stage-manager")
    await parts.controls.prepare({})
    pipeline = await with_pipeline(parts)

    await parts.controls.warn_of_end()

    (frame,) = pipeline.frames
    assert isinstance(frame, TTSSpeakFrame)
    assert frame.text == personalities.load("stage-manager").ending_soon


async def test_in_the_demo_a_german_says_goodbye_in_english_as_its_voice_knows_nothing_else():
    parts = parts_of_a_stay(people={"ada"}, personality="souffleuse")
    pipeline = await with_pipeline(parts)
    await parts.controls.say_that_it_goes_away()

    assert [frame.text for frame in pipeline.frames if isinstance(frame, TTSSpeakFrame)] == [
        personalities.load("host").away
    ]


async def test_a_goodbye_interrupts_what_the_bot_says_and_is_its_last_word():
    parts = parts_of_a_stay(people={"ada"})
    await parts.controls.prepare({})
    pipeline = await with_pipeline(parts)

    assert await parts.controls.say_goodbye()
    assert [type(frame) for frame in pipeline.frames] == [InterruptionFrame, TTSSpeakFrame, EndFrame]


@pytest.mark.parametrize("word", ["say_goodbye", "say_that_it_goes_away", "warn_of_end"])
async def test_in_an_empty_room_nothing_is_said(word):
    parts = parts_of_a_stay()
    await parts.controls.prepare({})
    pipeline = await with_pipeline(parts)

    assert not await getattr(parts.controls, word)()
    assert pipeline.frames == []


class Service:
    """What a bot's services have become: made as a bot makes them, and changed by frames as pipecat changes them."""

    def __init__(self, brief):
        personality = personalities.load(brief["personality"])
        self.tts = HibariTTS(speech.as_spoken(personality, Settings()).as_asked(brief))
        self.llm = ScriptedMind(speech.as_spoken(personality, Settings()).as_asked(brief))

    async def obey(self, frames):
        for frame in frames:
            if isinstance(frame, TTSUpdateSettingsFrame):
                await self.tts._update_settings(frame.delta)
            elif isinstance(frame, LLMUpdateSettingsFrame):
                await self.llm._update_settings(frame.delta)

    @property
    def is_like(self):
        voice = shaped(self.tts._voice, self.tts._settings.extra)
        return voice, self.llm._settings.system_instruction


@pytest.mark.parametrize(
    "changes",
    [
        [{"voice": "fable"}, {"personality": "stage-manager"}],
        [{"voice": "fable"}, {"voice": None}],
        [{"personality": "critic"}, {"voice": "heart"}, {"personality": None}],
        [{"personality": "critic"}, {"voice": "heart"}, {"voice": None}],
        [{"voice_parameters": {"speed": 1.5}}, {"personality": "critic"}],
        [{"voice_parameters": {"speed": 1.5, "pitch": 0.8}}, {"voice_parameters": {"pitch": 1.2}}],
        [{"personality": "souffleuse"}, {"persona": "Pearl"}],
        [{"personality": "souffleuse"}, {"prompts": {"system": "Sing."}}, {"personality": "critic"}],
        [{"prompts": {"greeting": "Hi."}, "instructions": "Hum."}, {"instructions": None}],
    ],
)
@pytest.mark.parametrize("joined", [{}, {"voice": "warm", "voice_parameters": {"speed": 0.8}}])
async def test_a_live_bot_and_the_next_one_are_alike_whatever_was_changed_in_whichever_order(changes, joined):
    """A voice's speed was heard from the next bot on, and a voice that the demo has not got was the last one's."""
    parts = parts_of_a_stay(**joined)
    pipeline = await with_pipeline(parts)
    live = Service(parts.controls.session.brief.facts())
    config = {}
    for change in changes:
        await parts.controls.change(change)
        config = {name: fact for name, fact in {**config, **change}.items() if fact is not None}
    await live.obey(pipeline.frames)

    successor = parts_of_a_stay(**joined)
    frames = await with_pipeline(successor)
    await successor.controls.prepare(config)
    begun = Service(successor.controls.session.brief.facts())
    await begun.obey(frames.frames)

    assert live.is_like == begun.is_like


async def test_what_it_says_by_itself_is_changed_at_once_and_for_the_next_bot():
    parts = parts_of_a_stay(people={"ada"}, prompts={"goodbye": "Bye.", "away": "Wait."})
    pipeline = await with_pipeline(parts)
    change = Configure({"prompts": {"goodbye": "Farewell."}})

    await Configure.of_body(change.body()).carry_out(parts.asked)
    await parts.controls.say_goodbye()
    await parts.controls.say_that_it_goes_away()

    assert [frame.text for frame in pipeline.frames if isinstance(frame, TTSSpeakFrame)] == [
        "Farewell.",
        "Wait.",
    ]
    assert parts.controls.session.brief.prompts == {"goodbye": "Farewell.", "away": "Wait."}


async def test_what_is_said_before_the_bot_s_pipeline_is_there_is_said_when_it_is():
    parts = parts_of_a_stay()
    await parts.controls.change({"voice": "deep"})

    pipeline = await with_pipeline(parts)

    assert [frame.delta.voice for frame in pipeline.frames] == ["deep"]


async def told_after(*changes, **facts):
    """What the bot of the room is told of its session once it has been changed so, by name."""
    parts = parts_of_a_stay(**facts)
    for change in changes:
        await parts.controls.change(change)
    return parts.controls.session.brief.facts()


async def test_the_next_bot_of_a_session_is_told_of_it_as_it_was_changed():
    changes = {
        "personality": "critic",
        "persona": "Pearl",
        "instructions": "Hum.",
        "voice": "deep",
        "voice_parameters": {"speed": 1.5},
        "language": "de",
        "mode": "forum",
    }
    told = await told_after(changes, persona="Robin", voice_parameters={"speed": 1.0, "pitch": 3})

    assert {name: told[name] for name in changes} == {
        **changes,
        "voice_parameters": {"speed": 1.5, "pitch": 3},
    }


async def test_what_is_set_to_null_is_as_it_was_joined_with_again():
    as_joined = {"persona": "Robin", "instructions": "Hum.", "voice_parameters": {"pitch": 3}}
    changed = {"persona": "Pearl", "instructions": "Sing.", "voice_parameters": {"pitch": 9, "speed": 2.0}}
    told = await told_after(changed, dict.fromkeys(changed), **as_joined)

    assert {name: told[name] for name in as_joined} == as_joined


async def test_a_service_that_may_take_over_later_learns_prompt_and_language_too():
    """It would have answered as the bot was before, in the language of before."""
    parts = parts_of_a_stay(people={"ada"})
    pipeline = await with_pipeline(parts)
    await parts.controls.prepare({})

    await parts.controls.change({"prompt": "Sing.", "language": "de", "voice": "fable"})

    told = [
        (type(frame), frame.reach_inactive_services)
        for frame in pipeline.frames
        if isinstance(frame, ServiceUpdateSettingsFrame)
    ]
    assert (LLMUpdateSettingsFrame, True) in told and (STTUpdateSettingsFrame, True) in told
    assert (TTSUpdateSettingsFrame, False) in told  # the voice, which is a name of one service's


async def test_a_name_and_instructions_are_in_the_prompt_at_once_and_the_name_in_what_it_says():
    parts = parts_of_a_stay(people={"ada"}, mode="forum")
    pipeline = await with_pipeline(parts)
    await parts.controls.prepare({})

    await parts.controls.change({"persona": "Pearl"})
    await parts.controls.change({"instructions": "Hum."})
    await parts.controls.say_goodbye()

    one, two = (frame for frame in pipeline.frames if isinstance(frame, LLMUpdateSettingsFrame))
    pearl = personalities.load("host").as_asked({"persona": "Pearl"})
    assert one.delta.system_instruction == pearl.prompt
    assert two.delta.system_instruction == f"{pearl.prompt}\n\nHum."
    assert parts.stage.shown == ["Robin", "Pearl"]
    assert [frame.text for frame in pipeline.frames if isinstance(frame, TTSSpeakFrame)] == [pearl.goodbye]


async def test_a_bot_that_is_told_a_prompt_keeps_it_whatever_else_is_changed():
    changes = ({"prompt": "Sing."}, {"persona": "Pearl"}, {"instructions": "Hum."}, {"language": "de"})
    assert (await settings_after(*changes))[1] == ["Sing."]


async def test_what_is_as_it_was_is_not_told_again():
    parts = parts_of_a_stay(voice="deep")
    pipeline = await with_pipeline(parts)

    await parts.controls.prepare({"voice": "deep", "voice_parameters": {}})
    assert pipeline.frames == []


async def test_parameters_of_a_voice_reach_a_service_by_its_own_names():
    """Of a service that has a setting for one, and of one that has none."""
    parts = parts_of_a_stay()
    pipeline = await with_pipeline(parts)
    known = OpenAITTSSettings(model="m", voice="v", language=None, instructions=None, speed=None)
    unknown = TTSSettings(model="m", voice="v", language=None)

    for parameters in ({"speed": 1.5, "voice": "x", "apply_update": 1}, {"pitch": 9}):
        await parts.controls.change({"voice_parameters": parameters})
        delta = pipeline.frames[-1].delta
        known.apply_update(delta)
        unknown.apply_update(delta)
        if "speed" in parameters:
            assert (known.speed, known.voice, unknown.extra["speed"]) == (1.5, "v", 1.5)

    assert (known.speed, unknown.extra["speed"], unknown.extra["pitch"]) == (None, None, 9)


async def test_a_change_that_was_taken_back_before_a_bot_took_over_is_not_its_own():
    parts = parts_of_a_stay(persona="Robin")
    await parts.controls.prepare({"persona": "Pearl", "voice": "deep"})

    await parts.controls.become({"voice": "deep"})

    brief = parts.controls.session.brief
    assert (brief.persona, brief.voice) == ("Robin", "deep")


async def changed_to(*changes, **facts):
    """The answer to the last change of a bot of ours, its parts, and the frames that it was told."""
    parts = parts_of_a_stay(target=BUILT_IN_BOTS["assistant"], **facts)
    await parts.controls.prepare({})
    pipeline = await with_pipeline(parts)
    for change in changes:
        answer = await Configure.of_body(Configure(change).body()).carry_out(parts.asked)
    return answer, parts, pipeline.frames


async def test_silence_tools_and_events_are_changed_at_once_and_taken_back():
    changes = {"silence": 7, "tools": ["remember"], "app_events": ["page_opened"]}

    answer, parts, _ = await changed_to(changes, silence=timedelta(seconds=90))
    controls = parts.controls
    assert controls.silence == timedelta(seconds=7)
    assert (tuple(controls.tools), tuple(controls.app_events)) == (("remember",), ("page_opened",))
    assert (parts.at_hand.may_use("remember"), parts.at_hand.may_use("write_note")) == (True, False)
    assert (list(answer.with_next_bot), list(answer.not_ready)) == ([], [])

    await controls.change(dict.fromkeys(changes))
    assert controls.silence == timedelta(seconds=90)
    assert controls.tools is None and list(controls.app_events) == []


async def test_no_tools_and_no_silence_are_something_that_one_can_be_changed_to():
    _, parts, _ = await changed_to({"silence": 0, "tools": []})

    assert parts.controls.silence == timedelta(0) and list(parts.controls.tools) == []
    assert not parts.at_hand.may_use("remember")


async def test_the_next_bot_is_told_what_the_one_before_was_changed_to_work_with():
    changes = {
        "model": "gpt-small",
        "services": {"thinking": ["openai"]},
        "tools": [],
        "app_events": ["page_opened"],
        "silence": 7,
        "persistence": 60,
    }
    parts = parts_of_a_stay()
    await parts.controls.prepare({**changes, "voice": "deep"})

    told = body_of(
        parts.controls.session,
        conversation=[],
        by_person={},
        owes_an_answer=False,
        equipment=parts.controls.equipment,
    )
    assert {name: told[name] for name in changes} == changes
    again = personalities.load("host").equipped(told)
    assert (again.asked_model, again.asked_services, again.tools) == (
        "gpt-small",
        {"thinking": ("openai",)},
        (),
    )


async def test_a_model_reaches_the_one_that_thinks_and_a_service_that_is_not_there_comes_with_the_next_bot(
    monkeypatch,
):
    monkeypatch.setenv("ELEVENLABS_API_KEY", "a-key")
    answer, _, frames = await changed_to(
        {"model": "gpt-small", "services": {"speaking": ["elevenlabs", "openai"]}}
    )

    (model,) = [frame.delta.model for frame in frames if isinstance(frame, LLMUpdateSettingsFrame)]
    assert model == "gpt-small"
    assert not [frame for frame in frames if isinstance(frame, PreferFrame | TTSUpdateSettingsFrame)]
    assert answer.with_next_bot == ["services"]
    assert answer.not_ready == ["openai (speaking): set OPENAI_API_KEY or OPENAI_BASE_URL"]


async def test_a_live_bot_keeps_to_the_voice_of_the_service_that_speaks_until_it_has_another(monkeypatch):
    """A change of services, or to a personality with others, told the service that was there a voice of another's."""
    monkeypatch.setattr(personalities, "everybody", lambda: {"host": HOST, "critic": SPOKEN_ELSEWHERE})
    monkeypatch.setenv("ELEVENLABS_API_KEY", "a-key")
    answer, _, frames = await changed_to({"personality": "critic"})
    voices = [frame.delta.voice for frame in frames if isinstance(frame, TTSUpdateSettingsFrame)]
    assert voices == [SPOKEN_ELSEWHERE.demo_voice.name] and answer.with_next_bot == ["services"]


async def test_a_service_that_is_there_is_put_first_before_it_learns_the_voice(monkeypatch):
    monkeypatch.setattr(personalities, "everybody", lambda: {"host": SPOKEN_BY_BOTH})
    monkeypatch.setenv("ELEVENLABS_API_KEY", "a-key")

    answer, _, frames = await changed_to({"services": {"speaking": ["elevenlabs"]}})

    first, *rest = frames
    assert isinstance(first, PreferFrame) and first.named == {"speaking": "elevenlabs"}
    assert [frame.delta.voice for frame in rest if isinstance(frame, TTSUpdateSettingsFrame)] == ["Rachel"]
    assert list(answer.with_next_bot) == []


async def test_a_bot_of_one_s_own_has_services_and_tools_of_its_own_making():
    parts = parts_of_a_stay(bot="mine", target="mine.py:bot")
    await parts.controls.prepare({})

    answer = await Configure({"services": {"speaking": ["demo"]}, "tools": ["remember"]}).carry_out(
        parts.asked
    )
    assert answer.with_next_bot == ["services", "tools"]


async def test_how_long_it_waits_in_an_empty_room_is_changed_for_the_wait_that_is_on():
    parts = parts_of_a_stay(person="ada", people={"ada"}, persistence=timedelta(seconds=300))
    await parts.controls.prepare({})
    await with_pipeline(parts)
    await parts.listener.started()
    await Visited(parts).goes("ada")
    assert parts.attendance.on(PersistenceChanged()) == [SetClock(timedelta(seconds=300), Reason.IDLE, None)]

    await Configure({"persistence": 7}).carry_out(parts.asked)

    assert parts.attendance.on(PersistenceChanged()) == [SetClock(timedelta(seconds=7), Reason.IDLE, None)]
    parts.carry_out.stop_clock()
