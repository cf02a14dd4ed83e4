"""The demo's mind: what it answers to what was said, as a table; and how it goes through pipecat."""

import asyncio
from datetime import datetime

import pytest
from pipecat.frames.frames import (
    EndWorkerFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.tests.utils import run_test
from pipecat.utils.context.llm_context_summarization import LLMContextSummarizationUtil

from greenroom.app.rooms.memory import Fact, Recollection, as_message
from greenroom.app.rooms.resuming import SUMMED_UP, as_summary
from greenroom.bots import personalities
from greenroom.bots.speech.demo.mind import answer
from greenroom.bots.speech.demo.thinking import TRANSCRIPT, ScriptedMind, sentences

HOST = personalities.load("host")
NOW = datetime(2026, 11, 21, 15, 42)  # noqa: DTZ001
GREETED = [("assistant", HOST.greeting)]
ALICE = [*GREETED, ("user", "My name is Alice."), ("assistant", "Nice to meet you, Alice.")]


def messages(*turns):
    return [{"role": role, "content": text} for role, text in turns]


def said(*turns, now=NOW):
    return answer(messages(*turns), now, HOST).text


def asked(text, before=ALICE):
    return said(*before, ("user", text))


@pytest.mark.parametrize(
    "conversation", [[], [("system", "Be kind.")], [("user", "Hello")], [("user", "hi there!")]]
)
def test_the_first_words_are_the_greeting(conversation):
    assert said(*conversation).startswith("Hello, and welcome. I am Robin, your host.")


def known(*turns):
    """What is said to somebody whose name is known from an earlier conversation."""
    told = as_message(Recollection(facts=[Fact("dog", "Rex"), Fact("name", "Alice")]).as_text())
    return answer([told, *messages(*turns)], NOW, HOST).text


def test_whoever_is_known_is_greeted_by_name_and_need_not_tell_it_again():
    assert known() == known(("user", "Hello")) == "Hello again, Alice. You can ask me the time, or say help."
    assert known(("assistant", known()), ("user", "What is my name?")) == "Your name is Alice."
    assert known(("user", "My name is Bob.")).startswith("Nice to meet you, Bob.")


@pytest.mark.parametrize(
    "words", ["Forget me.", "please forget my name", "Forget everything", "I want you to forget about me"]
)
def test_whoever_asks_to_be_forgotten_has_no_name_from_then_on(words):
    talk = [("user", words), ("assistant", known(("user", words))), ("user", "What is my name?")]

    assert known(("user", words)) == "I have forgotten you and what you told me."
    assert known(*talk) == "You have not told me yet. What is your name?"


@pytest.mark.parametrize(
    "words", ["Don't forget me", "Do not forget my name", "Never forget me", "Did you forget me"]
)
def test_whoever_wants_to_be_remembered_is(words):
    assert "forgotten" not in asked(words)


def test_the_greeting_is_said_once():
    assert asked("Hello?", before=GREETED) == "Hello! What is your name?"


@pytest.mark.parametrize(
    "told",
    [
        "my name is alice",
        "My name is Alice.",
        "Hello, my name's Alice!",
        "My name\N{RIGHT SINGLE QUOTATION MARK}s Alice",
        "I am Alice",
        "i'm alice",
        "Call me Alice, please.",
        "Alice",
        "Hi, Alice.",
        "It's Alice.",
        "My name is (unclear) Alice",
        "my name is\nalice",
    ],
)
def test_a_name_is_understood_however_it_is_told(told):
    assert asked(told, before=GREETED).startswith("Nice to meet you, Alice.")


@pytest.mark.parametrize("told", ["I am Siobhan.", "siobhan", "my name is siobhan"])
def test_a_name_may_be_one_we_never_heard_of(told):
    assert asked(told, before=GREETED).startswith("Nice to meet you, Siobhan.")


@pytest.mark.parametrize(
    "told",
    [
        "I am late",
        "I'm fine, thanks",
        "yes",
        "Hello",
        "what is my name again",
        "I AM VERY TIRED",
        "(unclear)",
        "42",
    ],
)
def test_not_everything_is_a_name(told):
    assert "Nice to meet you" not in asked(told, before=GREETED)


def test_the_name_told_last_counts():
    corrected = [*ALICE, ("user", "No, my name is Bob."), ("assistant", "Nice to meet you, Bob.")]

    assert asked("What is my name?", before=corrected) == "Your name is Bob."


def test_a_replacement_that_gets_the_conversation_knows_the_name_and_does_not_greet_again():
    assert said(*ALICE) == "I am back, Alice. Where were we?"
    assert said(*GREETED) == "I am back. What is your name?"


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("what time is it", "It is 3:42 in the afternoon where I am."),
        ("What's the time, please?", "It is 3:42 in the afternoon where I am."),
        ("What day is it today?", "Today is Saturday, the 21st of November."),
        ("what is my name", "Your name is Alice."),
        ("Do you remember me?", "Your name is Alice."),
        ("Thanks a lot!", "You are welcome, Alice."),
        ("hello", "Hello, Alice."),
        ("I am fine.", "I am glad to hear it."),
        ("how are you", "I am well, thank you. Every process is up."),
        ("Say that again.", "I said: Nice to meet you, Alice."),
        ("no", "All right. I am here if you need me."),
    ],
)
def test_a_question_is_answered(question, reply):
    assert asked(question) == reply


@pytest.mark.parametrize("question", ["What are you?", "who are you", "are you a robot", "What's your name?"])
def test_it_says_that_it_is_a_demo(question):
    assert asked(question).startswith("I am Robin, and only a demo: no model thinks here.")


def test_help_names_what_it_can_do():
    (shown,) = answer(messages(*ALICE, ("user", "help")), NOW, HOST).deeds

    for said in (shown.said({"shown": "You can say"}), shown.said(None)):
        assert all(word in said for word in ("name", "time", "date", "goodbye"))


@pytest.mark.parametrize(
    ("hour", "minute", "spoken"),
    [
        (0, 0, "12 o'clock in the morning"),
        (9, 5, "9:05 in the morning"),
        (12, 0, "12 o'clock in the afternoon"),
        (20, 30, "8:30 in the evening"),
    ],
)
def test_the_time_is_said_as_people_say_it(hour, minute, spoken):
    assert (
        said(("user", "what time is it"), now=NOW.replace(hour=hour, minute=minute))
        == f"It is {spoken} where I am."
    )


def test_two_questions_get_two_answers():
    assert (
        asked("I'm Bob. What time is it?", before=GREETED)
        == "Nice to meet you, Bob. It is 3:42 in the afternoon where I am."
    )


def test_what_was_said_before_an_interruption_is_answered_too():
    heard = said(*GREETED, ("user", "my name is alice"), ("user", "what time is it"))

    assert heard == "Nice to meet you, Alice. It is 3:42 in the afternoon where I am."


def test_what_it_cannot_follow_it_repeats():
    assert asked("Can you book a flight?").startswith("You said: can you book a flight. I am only a demo")


def test_what_was_not_heard_is_said_once_then_helped_with_then_left():
    """In a loop it spoke over each next try."""
    before = list(GREETED)
    heard = []
    for _ in range(4):
        heard.append(said(*before, ("user", "(unclear)")))
        before += [("user", "(unclear)"), ("assistant", heard[-1])]

    assert heard[0].startswith("I did not catch that. Say: my name is")
    assert heard[1].startswith("Try one of these: my name is Alice.")
    assert heard[2:] == ["", ""]
    assert said(*before, ("user", "what time is it")).startswith("It is ")
    assert asked("(unclear)").startswith("I did not catch that. I know only a few")


def test_only_that_nothing_was_understood_may_wait_for_a_person_who_speaks():
    def may_wait(text):
        messages = [{"role": "user", "content": text}]
        return answer(messages, NOW, HOST).may_wait

    assert may_wait("(unclear)")
    assert not may_wait("what time is it")
    assert not may_wait("my name is alice")


def test_the_greeting_tells_what_may_be_said_and_ends_with_its_question():
    greeting = said()

    assert "the time" in greeting and "say help" in greeting
    assert greeting.endswith("What is your name?")


@pytest.mark.parametrize(
    "farewell",
    [
        "goodbye",
        "Goodbye!",
        "bye bye",
        "Thank you, goodbye.",
        "I have to go now",
        "See you later!",
        "ok, bye robin",
        "That's all.",
    ],
)
def test_it_says_goodbye_and_leaves(farewell):
    reply = answer(messages(*ALICE, ("user", farewell)), NOW, HOST)

    assert reply.leaves and reply.text == "Goodbye, Alice. It was good to talk with you."


@pytest.mark.parametrize(
    "stays",
    ["How do you say goodbye in French?", "Nice to see you", "don't say bye", "goodbyes are hard for me"],
)
def test_it_stays_when_goodbye_is_only_mentioned(stays):
    assert not answer(messages(*ALICE, ("user", stays)), NOW, HOST).leaves


def test_a_message_in_parts_is_read():
    parts = {
        "role": "user",
        "content": [{"type": "text", "text": "what is"}, {"type": "text", "text": "my name"}],
    }

    assert answer([*messages(*ALICE), parts], NOW, HOST).text == "Your name is Alice."


@pytest.mark.parametrize(
    "text", ["One. Two! Three?", "No end", "I said: one. Two.", "It is 3:42 where I am."]
)
def test_sentences_put_together_are_the_text(text):
    assert "".join(sentences(text)) == text


async def through_pipecat(*turns, before=()):
    down, _ = await run_test(
        ScriptedMind(HOST), frames_to_send=[*before, LLMContextFrame(LLMContext(messages(*turns)))]
    )
    kinds = (LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame, EndWorkerFrame)
    return [frame for frame in down if isinstance(frame, kinds)]


def test_pipecat_gets_the_answer_sentence_by_sentence():
    start, *words, end = asyncio.run(through_pipecat(*ALICE, ("user", "how are you")))

    assert isinstance(start, LLMFullResponseStartFrame) and isinstance(end, LLMFullResponseEndFrame)
    assert [frame.text for frame in words] == ["I am well, thank you. ", "Every process is up."]


def test_a_person_who_tries_again_is_not_talked_over():
    speaking, silent = UserStartedSpeakingFrame(), UserStoppedSpeakingFrame()

    assert asyncio.run(through_pipecat(("user", "(unclear)"), before=[speaking])) == []
    assert asyncio.run(through_pipecat(("user", "(unclear)"), before=[speaking, silent])) != []
    assert asyncio.run(through_pipecat(*ALICE, ("user", "how are you"), before=[speaking])) != []


def test_the_pipeline_ends_behind_the_goodbye():
    *_, end, leave = asyncio.run(through_pipecat(*ALICE, ("user", "goodbye")))

    assert isinstance(end, LLMFullResponseEndFrame)
    assert isinstance(leave, EndWorkerFrame) and leave.reason == "left"


async def summed_up(*turns):
    mind, context = ScriptedMind(HOST), LLMContext(messages=messages(*turns))
    transcript = LLMContextSummarizationUtil.format_messages_for_summary(context.messages)
    return await mind.run_inference(
        LLMContext([{"role": "user", "content": f"{TRANSCRIPT}{transcript}"}]), 500
    )


@pytest.mark.anyio
async def test_the_demo_sums_up_who_somebody_is_and_what_they_said_last():
    said = [("user", f"I saw {number} ships.") for number in range(20)]

    once = await summed_up(*ALICE, *said)
    twice = await summed_up(("developer", f"{SUMMED_UP} {once}"), *said)

    assert once.startswith("The person said: My name is Alice. I saw 13 ships.")
    assert once.endswith("I saw 19 ships.")
    assert twice == once


@pytest.mark.anyio
async def test_the_demo_knows_its_person_by_a_summary():
    summary = as_summary(await summed_up(*ALICE, ("user", "What time is it?")))
    question = [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "What is my name?"}]

    assert answer([summary, *question], NOW, HOST).text == "Your name is Alice."
    assert answer([summary, *question[:1]], NOW, HOST).text == "I am back, Alice. Where were we?"


@pytest.mark.anyio
async def test_the_demo_sums_up_nothing_that_is_to_be_forgotten():
    assert "Alice" not in await summed_up(*ALICE, ("user", "Please forget me."), ("user", "What day is it?"))
