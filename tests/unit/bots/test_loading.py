"""Bots of others, imported from wherever they are; and what is said of one that cannot be."""

import asyncio
import sys
import textwrap
from importlib import import_module

import pytest

from greenroom.bots import loading
from greenroom.bots.loading import BotUnfit, load_bot, why_unfit


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working folder, and what a process that has imported nothing yet knows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(loading, "_failures", {})
    monkeypatch.setattr(loading, "_folders", [])
    before = set(sys.modules)
    yield tmp_path
    for name in sys.modules.keys() - before:
        del sys.modules[name]


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return f"{path}:bot"


def said_by(target):
    return asyncio.run(load_bot(target)(None))


def test_a_file_is_imported_whatever_its_name_and_finds_what_lies_beside_it(here):
    write(here / "shop" / "phrases.py", "HELLO = 'hello'")
    target = write(
        here / "shop" / "01-say-one-thing.py",
        """
        from phrases import HELLO
        async def bot(runner_args):
            return HELLO
        """,
    )

    assert said_by(target) == "hello"
    assert load_bot(target) is load_bot(target), "it is imported once"


def test_two_bots_have_each_their_own_helpers_by_the_same_name(here):
    text = """
        from utils import NAME
        async def bot(runner_args):
            import utils  # while it lives
            return NAME, utils.NAME
        """
    targets = {}
    for name in ("one", "two"):
        write(here / name / "utils.py", f"NAME = '{name}'")
        targets[name] = write(here / name / "bot.py", text)
        load_bot(targets[name])

    assert [said_by(targets[name]) for name in ("one", "two", "one")] == [
        ("one", "one"),
        ("two", "two"),
        ("one", "one"),
    ]


def test_a_module_is_imported_by_its_name_hyphens_or_not(here, monkeypatch):
    monkeypatch.syspath_prepend(here)
    write(here / "desk" / "front-desk.py", "async def bot(runner_args):\n    return 'here'")

    assert said_by("desk.front-desk:bot") == "here"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import no_such_module", "raised ModuleNotFoundError: No module named 'no_such_module' (mine.py:1)"),
        ("x = 1\nd = {}['key']", "raised KeyError: 'key' (mine.py:2)"),
        ("def bot(:", "raised SyntaxError: "),
        ("import helper", "raised ValueError: no voice (helper.py:1)"),
        ("raise SystemExit(2)", "called sys.exit(2) (mine.py:1)"),
    ],
)
def test_what_cannot_be_imported_is_said_with_the_exceptions_text_and_line(here, text, why):
    write(here / "helper.py", "raise ValueError('no voice')")
    target = write(here / "mine.py", text)

    with pytest.raises(BotUnfit) as unfit:
        load_bot(target)

    assert str(unfit.value).startswith(f"cannot be imported: it {why}")
    assert why_unfit(target) == str(unfit.value)


def test_a_bot_without_its_function_is_told_which(here):
    write(here / "mine.py", "async def greet(runner_args): pass")

    with pytest.raises(BotUnfit, match=r"there is no function 'bot' in .*mine\.py"):
        load_bot(f"{here / 'mine.py'}:bot")


def test_an_import_that_failed_is_not_tried_again_until_a_file_that_it_went_through_has_changed(here):
    tried = here / "tried"
    write(
        here / "helper.py", f"with open({str(tried)!r}, 'a') as f: f.write('x')\nraise ValueError('no voice')"
    )
    target = write(here / "mine.py", "import helper\nasync def bot(runner_args): return helper.VOICE")
    for _ in range(3):
        with pytest.raises(BotUnfit):
            load_bot(target)
    assert tried.read_text() == "x"

    write(here / "helper.py", "VOICE = 'mine, now'")

    assert why_unfit(target) is None
    assert said_by(target) == "mine, now"


@pytest.mark.parametrize("use", ["from helper import VOICE", "import helper\nVOICE = helper.VOICE"])
def test_a_helper_that_lacked_something_is_imported_anew_when_it_has_changed(here, use):
    write(here / "helper.py", "")
    target = write(here / "mine.py", f"{use}\nasync def bot(runner_args): return VOICE")
    with pytest.raises(BotUnfit):
        load_bot(target)

    write(here / "helper.py", "VOICE = 'mine, now'")

    assert said_by(target) == "mine, now"


def test_a_function_that_was_not_there_is_found_when_it_is(here):
    target = write(here / "mine.py", "")
    with pytest.raises(BotUnfit):
        load_bot(target)

    assert said_by(write(here / "mine.py", "async def bot(runner_args): return 'now'")) == "now"


def test_a_file_that_was_not_there_is_found_when_it_is(here):
    with pytest.raises(BotUnfit):
        load_bot(f"{here / 'later.py'}:bot")

    assert said_by(write(here / "later.py", "async def bot(runner_args): return 'now'")) == "now"


def test_a_part_of_a_package_that_failed_is_imported_as_it_is_now(here, monkeypatch):
    """Python keeps a part at its package too, and `from shop import prices` finds it there."""
    monkeypatch.syspath_prepend(str(here))
    write(here / "shop" / "__init__.py", "")
    write(here / "shop" / "prices.py", "BREAD = 2")
    write(here / "shop" / "bot.py", "from shop import prices\nBREAD = prices.CHEESE")
    import_module("shop")  # it has been there before the bot
    with pytest.raises(BotUnfit, match="CHEESE"):
        load_bot("shop.bot:bot")
    write(here / "shop" / "prices.py", "CHEESE, BREAD = 30, 20  # of another size")
    write(here / "shop" / "bot.py", "from shop import prices\nasync def bot(_):\n    return prices.CHEESE")

    assert said_by("shop.bot:bot") == 30
