"""The demo's script: what is said to what, which tools are called for it, and what of a script cannot be followed."""

import re
from datetime import datetime

import pytest
from pipecat.frames.frames import LLMContextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator
from pipecat.tests.utils import SleepFrame, run_test

from greenroom.app import cli_doctor, settings
from greenroom.app.errors.rooms import NoForum
from greenroom.app.rooms.memory import Fact, Recollection, as_message
from greenroom.app.rooms.notes import Note
from greenroom.app.rooms.resuming import FAULT
from greenroom.app.settings import SettingsError
from greenroom.bots import personalities
from greenroom.bots.demo_script import FILE, ScriptError, read, script
from greenroom.bots.speech.demo.mind import answer
from greenroom.bots.speech.demo.thinking import ScriptedMind
from greenroom.bots.tools.known import known_tools
from greenroom.bots.tools.toolbox import Toolbox
from tests.fakes.tools import Hands

pytestmark = pytest.mark.anyio
HOST = personalities.load("host")


class Demo:
    """The demo in a conversation, with what its tools have at hand."""

    def __init__(self, *before, person="ann", tools=None, **facts):
        self.hands = Hands(*(tools or ()), **facts)
        toolbox = Toolbox(self.hands.here, known_tools())
        self._mind = ScriptedMind(HOST)
        toolbox.register(self._mind)
        self.context = toolbox.context(person, before)

    async def hears(self, words):
        """What it says to that."""
        self.context.add_message({"role": "user", "content": words})
        await run_test(
            Pipeline([self._mind, LLMAssistantAggregator(self.context)]),
            frames_to_send=[LLMContextFrame(self.context), SleepFrame(0.1)],
        )
        last = self.context.messages[-1]
        assert last["role"] == "assistant", last
        return last["content"]

    @property
    def called(self):
        calls = [call for each in self.context.messages for call in each.get("tool_calls") or ()]
        return [call["function"]["name"] for call in calls]


@pytest.mark.parametrize(
    ("words", "noted"),
    [
        ("Take a note: buy milk.", "buy milk"),
        ("Please make a note that Ann likes tea!", "Ann likes tea"),
        ("take a note buy milk and eggs", "buy milk and eggs"),
        ("Note that I need shoes.", "I need shoes"),
        ("Write this down: seven at nine", "seven at nine"),
    ],
)
async def test_it_takes_a_note_and_says_so_when_it_is_kept(words, noted):
    demo = Demo()

    assert f"I have written it down: {noted}." in await demo.hears(words)
    assert demo.hands.notes.find("main", "ann", "Your notes") == Note("Your notes", noted)
    assert demo.hands.is_open["active_note"]["text"] == noted
    assert demo.called == ["write_note"]


async def test_it_reads_what_it_has_written_in_another_conversation():
    demo = Demo()
    demo.hands.notes.write("main", "ann", Note("Your notes", "milk\neggs."), conversation_id="c", at_ms=1)

    assert await demo.hears("Read my notes, please.") == "Your note says: milk; eggs."
    assert (await demo.hears("Close the note.")).startswith("I have put the note away")
    assert demo.hands.is_open == {}


async def test_what_it_has_done_is_not_done_again_where_its_answer_was_cut_off():
    """A note was written twice, with the next sentence in it."""
    demo = Demo()
    await demo.hears("Take a note: buy milk.")
    demo.context.set_messages(demo.context.messages[:-1])  # nothing of the answer was heard

    assert "It is" in await demo.hears("What time is it?")
    assert demo.called == ["write_note"]
    assert demo.hands.notes.find("main", "ann", "Your notes").text == "buy milk"


async def test_a_replacement_does_not_do_again_what_was_done():
    demo = Demo()
    await demo.hears("Take a note: buy milk.")
    cut_off = [*demo.context.messages[:-1], {"role": "developer", "content": f"{FAULT} Go on."}]

    assert "my process died" in answer(cut_off, datetime(2026, 11, 21, 15, 42), HOST).text  # noqa: DTZ001
    assert answer(cut_off, datetime(2026, 11, 21, 15, 42), HOST).deeds == ()  # noqa: DTZ001


async def test_it_says_that_there_is_no_note():
    assert (await Demo().hears("What's in my notes?")).startswith("You have no note yet.") is False
    assert (await Demo().hears("Read my note.")).startswith("You have no note yet.")


async def test_it_does_not_say_that_it_did_what_it_may_not():
    said = await Demo(tools=["remember"]).hears("Take a note: buy milk.")

    assert "I have written" not in said and said.startswith("I could not write that down.")


@pytest.mark.parametrize(
    ("words", "opened"),
    [
        ("Open the clock.", {"active_applet": {"id": "clock"}}),
        ("Show me the website", {"active_page": {"url": "https://docs.pipecat.ai/"}}),
    ],
)
async def test_it_opens_what_it_is_asked_for(words, opened):
    demo = Demo()

    await demo.hears(words)
    assert demo.hands.is_open == opened


async def test_help_is_shown_as_well_as_said():
    demo = Demo()

    assert "take a note" in await demo.hears("Help!")
    assert "Count down from five" in demo.hands.is_open["active_card"]["html"]


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("Go to the forum.", "forum"),
        ("Let's go to the forum!", "forum"),
        ("Can you take me to the forum?", "forum"),
        ("Back to my room.", "back"),
        ("Let's go back to our room.", "back"),
        ("Go back.", "back"),
    ],
)
async def test_it_goes_where_it_is_told(words, place):
    demo = Demo()

    assert "could not" not in await demo.hears(words)
    assert [where for _, where in demo.hands.went] == [place]


async def test_where_there_is_no_forum_it_says_what_one_needs():
    demo = Demo()

    def nowhere(*_):
        raise NoForum

    demo.hands.here._ask_to_move = nowhere

    said = await demo.hears("Go to the forum.")
    assert "LIVEKIT=1" in said and "Follow me" not in said


async def test_it_remembers_what_it_is_told_in_this_conversation_and_in_later_ones():
    demo = Demo()

    assert "next time" in await demo.hears("Remember that my dog is called Rex.")
    assert await demo.hears("What's my dog called?") == "Your dog is Rex."
    known = as_message(Recollection(facts=[Fact("cat", "Tom")]).as_text())
    assert await Demo(known).hears("What is my cat called?") == "Your cat is Tom."


async def test_what_it_has_forgotten_it_does_not_know():
    demo = Demo(as_message(Recollection(facts=[Fact("cat", "Tom")]).as_text()))

    assert "forgotten" in await demo.hears("Forget everything.")
    assert "Tom" not in await demo.hears("What is my cat called?")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("What's twelve times seven?", "That makes 84."),
        ("Count down from three!", "Three. Two. One. Lift-off!"),
        ("Count down.", "Five. Four. Three. Two. One. Lift-off!"),
        ("Count down from 99999", "Ten. Nine. Eight. Seven. Six. Five. Four. Three. Two. One. Lift-off!"),
    ],
)
async def test_it_reckons(words, said):
    assert await Demo().hears(words) == said


async def test_it_says_what_happened_when_it_was_killed():
    before = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "Hello."},
        {"role": "developer", "content": f"{FAULT} Go on."},
    ]
    demo = Demo(*before)

    assert await demo.hears("What time is it?") != (await Demo().hears("What time is it?"))
    assert "my process died" in await demo.hears("What happened?")
    assert "my process died" not in await demo.hears("What day is it?")
    assert "Nothing happened" in await Demo().hears("What happened?")


async def test_who_asks_at_once_what_happened_is_told_once():
    demo = Demo({"role": "user", "content": "hello"}, {"role": "developer", "content": f"{FAULT} Go on."})

    assert (await demo.hears("What happened?")).count("my process died") == 1


async def test_it_is_honest_about_what_it_is():
    assert "real model" in await Demo().hears("What could you do with a real model?")
    assert "no model thinks here" in await Demo().hears("Who are you?")


@pytest.mark.parametrize("words", ["take a note {error} {0} {__class__}", "note that {name}"])
async def test_braces_in_what_is_said_are_words(words):
    demo = Demo()

    assert "I have written it down" in await demo.hears(words)


def test_all_that_the_help_shows_is_understood():
    (shown,) = [each for each in script().answers if each.tool == "show_card"]

    for line in re.findall(r"<li>(.*?)</li>", shown.arguments["html"]):
        words = " ".join(re.findall(r"[\w'-]+", line))
        known_elsewhere = line.startswith(("My name", "Goodbye"))
        assert known_elsewhere or any(each.match(words) for each in script().answers), line


# What cannot be followed

GOOD = FILE.read_text()
AT = GOOD.count("\n") + 2  # the line of an entry that follows


def wrong_with(tmp_path, more):
    path = tmp_path / "script.toml"
    path.write_text(f"{GOOD}\n{more}")
    with pytest.raises(ScriptError) as error:
        read(path)
    return str(error.value)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('[[answer]]\nwhen = ["(x"]\nsay = "x"', "'(x' is no regular expression"),
        ('[[answer]]\nwhen = ["x"]', "an answer needs when and say"),
        ('[[answer]]\nwhen = "x"\nsay = "x"', "when must be a list"),
        ('[[answer]]\nwhen = ["x"]\nsay = "x"\ntol = "x"', "tol is no key"),
        ('[[answer]]\nwhen = ["x"]\nsay = "x"\ntool = "rm"', "there is no tool 'rm'"),
        ('[[answer]]\nwhen = ["x"]\nsay = "{2}"', "{2} is not known there"),
        ('[[answer]]\nwhen = ["(x)", "y"]\nsay = "{1}"', "{1} is not known there"),
        ('[[answer]]\nwhen = ["x"]\nsay = "{weather}"', "{weather} is not known there"),
        ('[[answer]]\nwhen = ["x"]\nsay = "{text}"', "{text} is not known there"),
        ('[[answer]]\nwhen = ["x"]\nsay = "{name.__class__}"', "is not known there"),
        ('[[answer]]\nwhen = ["x"]\nsay = "{"', "'{'"),
        ('[[answer]]\nwhen = ["x"]\nsay = "x"\nif_known = "weather"', "if_known is 'weather'"),
        ('[[answer]]\nwhen = ["x"]\nsay = "x"\nrefused = "x"', "there is none"),
        ('[[small_talk]]\nwhen = ["x"]', "an answer needs when and say"),
    ],
)
def test_what_cannot_be_followed_is_said_with_its_line(tmp_path, entry, why):
    said = wrong_with(tmp_path, entry)

    assert said.startswith(f"script.toml:{AT}: ") and why in said


OWN = """
[[answer]]
when = ["opening hours"]
say = "From ten to six."

[[answer]]
when = ["what time"]
say = "Time for a book, {name}."
if_known = "name"
alone = true
"""


@pytest.fixture
def own_script(tmp_path, monkeypatch):
    """Has the demo read a file of one's own, as a process that starts does."""

    def begun(text):
        path = tmp_path / "answers.toml"
        path.write_text(text)
        monkeypatch.setenv("DEMO_SCRIPT", str(path))
        script.cache_clear()

    yield begun
    monkeypatch.undo()
    script.cache_clear()


async def test_answers_of_one_s_own_come_before_ours_and_ours_stay(own_script):
    own_script(OWN)
    demo = Demo({"role": "user", "content": "My name is Alice."})

    assert (await demo.hears("What are your opening hours?")).endswith("From ten to six.")
    assert await demo.hears("What time is it?") == "Time for a book, Alice."
    assert "84" in await demo.hears("What is twelve times seven?")


async def test_a_tool_of_one_s_own_is_called_by_an_answer_of_one_s_own(own_script, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("@tool\nasync def ring(call: Call) -> None:\n    ...\n")
    monkeypatch.setenv("TOOLS", str(tmp_path / "mine.py"))
    own_script('[[answer]]\nwhen = ["ring"]\nsay = "It rings."\ntool = "ring"')

    assert script().answers[0].tool == "ring"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "answers.toml:1: there must be at least one [[answer]]."),
        ('\n[[answer]]\nwhen = ["x"]\nsay = "{weather}"', "answers.toml:2: {weather} is not known there"),
        ("[answer]\nsay = 1", "answers.toml:1: answer must be written as [[answer]]"),
        ("answer = [1]", "answers.toml:1: answer must be written as [[answer]]"),
    ],
)
def test_what_cannot_be_followed_of_one_s_own_stops_the_process_with_file_and_line(own_script, text, said):
    own_script(text)

    with pytest.raises(SettingsError) as error:
        script()
    assert error.value.problems[0].startswith(said)


def test_the_doctor_reads_answers_of_one_s_own(own_script):
    own_script('[[answer]]\nwhen = ["x"]\nsay = "{weather}"')

    (said,) = cli_doctor._wrong_with_script(settings.read())
    assert said.startswith("answers.toml:1: {weather} is not known there")
    own_script(OWN)
    assert cli_doctor._wrong_with_script(settings.read()) == ()


def test_a_file_that_is_no_toml_or_has_no_answers_is_refused(tmp_path):
    assert "line" in wrong_with(tmp_path, "[[answer]")
    assert "weather is no table" in wrong_with(tmp_path, "[weather]")
    with pytest.raises(ScriptError, match="cannot be read"):
        read(tmp_path / "nowhere.toml")
