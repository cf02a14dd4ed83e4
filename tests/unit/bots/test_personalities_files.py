"""What is wrong with a personality's file is said by file and line, in a sentence that one can act on."""

import re
import subprocess
import sys
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from greenroom.app.rooms.brief import WORDS
from greenroom.app.settings import SettingsError
from greenroom.bots import personalities
from greenroom.bots.personalities import Personality
from greenroom.bots.personalities.description import KEYS
from greenroom.bots.personalities.lines import line_of, lines_of

CLERK = """name = "Clerk"
about = "Quick and friendly"
persona = "Ida"
language = "en-GB"
model = "a-model"
tools = ["remember"]
silence = 20

[prompts]
system = '''
You are Ida, the clerk.
goodbye = "This line belongs to the text."
'''
greeting = "Next, please. What is your name?"
goodbye = "Done. Goodbye."
away = "One moment."
moving = "I am needed next door."
ending_soon = "We close in half a minute."
sorry = "Pardon?"
still_there = "Hello?"
[voice]
openai = "coral"
demo = { name = "mellow" }

[voice_parameters]
speed = 1.1

[services]
speaking = ["openai", "demo"]

[limits]
persistence = 60
max_duration = 600
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clerk.toml").write_text(CLERK)
    return tmp_path


def problems(folder, was="", becomes=""):
    """What is wrong with the clerk once this stands in the place of that: line and sentence."""
    assert was in CLERK
    (folder / "clerk.toml").write_text(CLERK.replace(was, becomes))
    with pytest.raises(SettingsError) as refusal:
        personalities.with_those_of(folder)
    return [problem.removeprefix(f"{folder}/clerk.toml:") for problem in refusal.value.problems]


def test_one_s_own_personality_stands_beside_ours_with_all_that_its_file_says(folder):
    found = personalities.with_those_of(folder)

    clerk = found["clerk"]
    assert found.keys() - {"clerk"} == set(personalities.names())
    assert (clerk.title, clerk.name, clerk.about, clerk.language) == (
        "Clerk", "Ida", "Quick and friendly", "en-GB",
    )  # fmt: skip
    assert (clerk.model, clerk.tools, clerk.silence) == ("a-model", ("remember",), timedelta(seconds=20))
    assert clerk.services == {"speaking": ("openai", "demo")}
    assert clerk.limits == {"persistence": timedelta(minutes=1), "max_duration": timedelta(minutes=10)}
    assert (clerk.voice, clerk.demo_voice.name, clerk.voice_parameters) == (
        "coral", "mellow", {"speed": 1.1},
    )  # fmt: skip
    assert clerk.prompt == 'You are Ida, the clerk.\ngoodbye = "This line belongs to the text."'
    assert clerk.goodbye == "Done. Goodbye."


def test_what_is_left_out_is_left_to_the_installation(folder):
    (folder / "clerk.toml").write_text(
        re.sub(
            r"(?m)^(about|persona|model|tools|silence|openai) = .*\n", "", CLERK.partition("[voice_par")[0]
        )
    )
    clerk = personalities.with_those_of(folder)["clerk"]

    assert (clerk.name, clerk.model, clerk.tools, clerk.silence) == ("Clerk", None, None, None)
    assert (clerk.services, clerk.limits, clerk.voice, clerk.voice_parameters) == ({}, {}, "", {})


def test_one_s_own_stands_in_the_place_of_ours_with_the_same_name(folder):
    (folder / "clerk.toml").rename(folder / "host.toml")

    assert personalities.with_those_of(folder)["host"].name == "Ida"
    assert personalities.with_those_of(None)["host"].name == "Robin"


@pytest.mark.parametrize(
    ("was", "becomes", "expected"),
    [
        ("language =", "languge =", "4: languge is no key of a personality (did you mean language?); there are name,"),
        ("model =", "zzz =", "5: zzz is no key of a personality; there are name, about,"),
        ('"en-GB"', '"english"', "4: language is 'english'; it must be a language as in \"en\" or \"en-GB\"."),
        ("silence = 20", 'silence = "20"', "7: silence is a text; it must be a number, without quotes."),
        ("silence = 20", "silence = true", "7: silence is true or false; it must be a number"),
        ("silence = 20", "silence = -1", "7: silence is -1; it must be from 0 to"),
        ("silence = 20", "app_events = 7", "7: app_events must be a list of names, as in"),
        ("silence = 20", 'app_events = ["Page Opened"]', "7: app_events must be a list of names, as in"),
        ("silence = 20", "silence = nan", "7: silence is nan; it must be from 0 to"),
        ('"Done. Goodbye."', '["Done."]', "15: prompts.goodbye is a list; it must be a text in quotes."),
        ('"Done. Goodbye."', '"  "', "15: prompts.goodbye is empty; it must say something."),
        ('"Done. Goodbye."', '"""Done.\nGoodbye."""', "15: prompts.goodbye must be a text without control characters,"),
        ('"Done. Goodbye."', f'"{"x" * 501}"', "15: prompts.goodbye has 501 characters; it may have 500."),
        ('moving = "I am needed next door."\n', "", "9: prompts.moving is missing: what it says to those"),
        ("moving =", "movin =", "17: movin is no key of [prompts] (did you mean moving?); there are system, greeting,"),
        ('["remember"]', '["remembr"]', "6: There is no tool 'remembr' (did you mean remember?); there are remember,"),
        ('["remember"]', '"remember"', '6: tools is a text; it must be a list of tools, as in ["remember"].'),
        ('["remember"]', "[1]", "6: tools has a number; it must be the name of a tool, in quotes."),
        ('["openai", "demo"]', '["opnai"]', "29: There is no service for speaking 'opnai' (did you mean openai?)"),
        ("speaking =", "speaks =", "29: speaks is no key of [services] (did you mean speaking?)"),
        ('openai = "coral"', 'opnai = "coral"', "22: opnai is no key of [voice] (did you mean openai?)"),
        ('demo = { name = "mellow" }\n', "", "21: voice.demo is missing: how it sounds in the demo's speech."),
        ('{ name = "mellow" }', '"mellow"', "23: voice.demo is a text; it must be a table, as in [voice.demo]."),
        ('{ name = "mellow" }', "{ }", "23: voice.demo.name is missing: what callers name it by."),
        ("speed = 1.1", "speed = [1]", "26: voice_parameters.speed is a list; it must be a text, a number,"),
        ("max_duration = 600", "max_duration = 0", "33: limits.max_duration is 0; it must be from 10 to"),
        ("[limits]", "[limit]", "31: limit is no key of a personality (did you mean limits?)"),
        ("[prompts]\n", "[prompts]\npersistence = 3\n", "10: persistence is no key of [prompts]; there are system,"),
        ("[limits]\n", "[limits]\nsilence = 3\n", "32: silence stands above the first [table]: below [limits] it is"),
        ('name = "Clerk"\n', 'name = "Clerk"\ngreeting = "Hi."\n', "2: greeting stands under [prompts], with all that"),
        ('name = "Clerk"\n', "", "1: name is missing: what people choose it by."),
        ('"Clerk"', '"Clerk', "1: It is no TOML: "),
        ("[limits]", "[voice]", "31: It is no TOML: Cannot declare ('voice',) twice."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(folder, was, becomes, expected):
    told = problems(folder, was, becomes)

    assert [problem for problem in told if problem.startswith(expected)], told


def test_all_that_is_wrong_is_said_at_once_in_all_files(folder):
    (folder / "other.toml").write_text("")
    told = problems(folder, "silence = 20", 'silence = "x"\nmode = 1')

    assert [problem.partition(" ")[0] for problem in told[:2]] == ["7:", "8:"]
    assert len([problem for problem in told if "other.toml:1: " in problem]) == 4


def test_a_file_that_cannot_be_one_is_named(folder):
    (folder / "clerk.toml").write_bytes(b'name = "\xff"')
    (folder / "my clerk.toml").write_text(CLERK)
    (folder / "sub.toml").mkdir()

    with pytest.raises(SettingsError) as refusal:
        personalities.with_those_of(folder)

    clerk, mine, sub = refusal.value.problems
    assert clerk.endswith("clerk.toml:1: It is not written in UTF-8.")
    assert mine.endswith("use letters, digits, _ and -.")
    assert sub.endswith("It cannot be read: Is a directory.")


def test_what_editors_and_systems_leave_in_a_folder_is_no_personality(folder):
    (folder / ".clerk.toml").write_text("not yet")
    (folder / "._clerk.toml").write_bytes(b"\0\xff")

    assert set(personalities.with_those_of(folder)) == {"clerk", *personalities.names()}


def test_every_word_and_every_key_is_described_and_has_its_place():
    kept = {each.name for each in fields(Personality)}

    assert WORDS.keys() - {"system"} <= kept
    assert KEYS.keys() - {"persona", "prompts"} <= kept
    assert all(key.about and not key.about.endswith(".") for key in KEYS.values())


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("a", "b"), 2), (("a", "c", "d"), 3), (("x", "y"), 8), (("x", "z"), 7), (("nowhere",), 1), (("s p",), 9),
    ],
)  # fmt: skip
def test_lines_of_tables_dotted_keys_and_long_texts(key, line):
    text = "\n".join(
        ["[a]", "b = 1", "c.d = '''", "[x]", "q = 3", "'''", "[ x ]  # here", " y = {z = 3}", "['s p']"]
    )

    assert line_of(key, lines_of(text)) == line


def test_the_example_of_the_documentation_is_one(tmp_path):
    """And what it says of wrong files is what is said."""
    page = (Path(__file__).parents[3] / "docs" / "personalities.md").read_text()
    example = page.partition("<!-- clerk.toml -->\n```toml\n")[2].partition("```")[0]
    clerk = tmp_path / "clerk.toml"
    clerk.write_text(example)

    assert personalities.with_those_of(tmp_path)["clerk"].name == "Ida"
    clerk.write_text(re.sub("(?m)^away = .*\n", "", example.replace("language =", "languge =")))
    with pytest.raises(SettingsError) as refusal:
        personalities.with_those_of(tmp_path)
    told = re.findall(r"personalities/(clerk\.toml:\d+: [^;.]*)", page)
    assert len(told) == 2
    assert all(any(each in problem for problem in refusal.value.problems) for each in told), (
        refusal.value.problems
    )


def test_every_key_is_in_the_documentation():
    page = (Path(__file__).parents[3] / "docs" / "personalities.md").read_text()

    assert [name for name in (*KEYS, *WORDS) if f"`{name}`" not in page and f"`[{name}]`" not in page] == []
    assert [name for name in personalities.names() if f"`{name}`" not in page] == []


@pytest.mark.heavy
def test_a_product_with_a_wrong_personality_does_not_start_and_says_why(folder, tmp_path):
    """Neither by `up`, nor its processes by themselves."""
    problems(folder, "language =", "languge =")
    environ = {"PATH": "/usr/bin:/bin", "PERSONALITIES": str(folder), "VAR_DIR": str(tmp_path / "var")}
    greenroom, python = Path(sys.executable).parent / "greenroom", sys.executable
    starts = (
        [greenroom, "up"],
        [python, "-c", "from greenroom.app.web import create_app; create_app()"],
        [python, "-P", "-m", "greenroom.tasks", "worker"],
    )

    for command in starts:
        ran = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=tmp_path, timeout=120)
        assert ran.returncode != 0
        assert "clerk.toml:4: languge is no key of a personality (did you mean language?)" in ran.stderr
