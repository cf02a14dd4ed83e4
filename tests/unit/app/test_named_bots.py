"""What `BOTS` may name, and what is said of an entry that names nothing."""

import pytest

from greenroom.app.named_bots import file_of, modules, named_bots
from greenroom.app.settings import SettingsError, read

BOT = "async def bot(runner_args):\n    pass\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working folder with bots in it, none of which can be imported."""
    monkeypatch.chdir(tmp_path)
    files = {
        "mine.py": BOT,
        "my bot.py": BOT,
        "notes.txt": "",
        "project/bot.py": BOT,
        "project/helper.py": "",
        "several/01-say-one-thing.py": BOT,
        "several/02-voice.py": f"import nothing\n\n{BOT}",
        "several/helper.py": "",
        "none/helper.py": "",
        "shop/__init__.py": "",
        "shop/front-desk.py": "async def greet(runner_args):\n    pass\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"raise SystemExit('imported')\n{text}")
    return tmp_path


def of_others(value):
    return {name: target for name, target in named_bots(value).items() if name != "assistant"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("mine.py", {"mine": "{here}/mine.py:bot"}),
        ("./mine.py", {"mine": "{here}/mine.py:bot"}),
        ("{here}/mine.py:greet", {"mine": "{here}/mine.py:greet"}),
        ("desk = mine.py", {"desk": "{here}/mine.py:bot"}),
        ("desk=my bot.py:bot", {"desk": "{here}/my bot.py:bot"}),
        ("several/02-voice.py", {"02-voice": "{here}/several/02-voice.py:bot"}),
        ("project", {"project": "{here}/project/bot.py:bot"}),
        ("desk=project/", {"desk": "{here}/project/bot.py:bot"}),
        (
            "several",
            {
                "01-say-one-thing": "{here}/several/01-say-one-thing.py:bot",
                "02-voice": "{here}/several/02-voice.py:bot",
            },
        ),
        ("mine", {"mine": "mine:bot"}),
        ("desk=shop.front-desk:greet", {"desk": "shop.front-desk:greet"}),
        ("shop.front-desk:greet", {"front-desk": "shop.front-desk:greet"}),
        ("mine.py, desk=project,", {"mine": "{here}/mine.py:bot", "desk": "{here}/project/bot.py:bot"}),
    ],
)
def test_a_bot_goes_by_a_file_a_folder_or_a_module(here, value, found):
    expected = {name: target.format(here=here) for name, target in found.items()}

    assert of_others(value.format(here=here)) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("yours.py", "there is no '{here}/yours.py'"),
        ("desk=several/../yours.py", "there is no '{here}/yours.py'"),
        ("./notes.txt", "'{here}/notes.txt' is none"),
        ("none", "in '{here}/none' there is neither a bot.py nor a file with 'async def bot('"),
        ("project/:greet, several:greet", "nor a file with 'async def greet('"),
        ("desk=several", "there are 2 in the folder '{here}/several'"),
        ("my bot.py", "'my bot' cannot be one, as in mine=my bot.py"),
        ("my desk=mine.py", "'my desk' is no such name"),
        ("=mine.py", "'' is no such name"),
        ("mine.py, mine=project", "'mine' is there twice"),
        ("yours", "there is no 'yours' here (a file goes by its path, as in path/to/yours.py)"),
        ("desk=shop.yours:greet", "there is no 'shop.yours' here"),
        ("mine:", "'mine:' is none"),
        ("mine:2", "'mine:2' is none"),
        ("desk=mine greet", "'desk=mine greet' is none"),
    ],
)
def test_an_entry_that_names_nothing_is_told_what_is_wrong_with_it(here, value, said):
    with pytest.raises(SettingsError) as refused:
        read({"BOTS": value})

    assert said.format(here=here) in str(refused.value)
    assert str(refused.value).startswith(f"BOTS is '{value}'; it must ")


def test_further_modules_are_named_by_path_or_by_name(tmp_path):
    (tmp_path / "tools.py").touch()

    assert modules(f"{tmp_path}/tools.py, json.tool") == (f"{tmp_path}/tools.py", "json.tool")
    assert file_of(f"{tmp_path}/tools.py") == tmp_path / "tools.py"
    assert file_of("json.tool").name == "tool.py"


@pytest.mark.parametrize("value", ["no/such.py", "no_such_module_at_all", "json.no_such", "a b"])
def test_a_module_that_is_not_there_is_refused(value):
    with pytest.raises(ValueError, match="must"):
        modules(value)
