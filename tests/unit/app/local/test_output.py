"""What `make up` shows of a start, and what it keeps to the log."""

import pytest

from greenroom.app.local import ready
from greenroom.app.local.usual import is_usual
from greenroom.app.local.welcome import SAY_WHY_AFTER, waiting, welcome
from greenroom.app.named_bots import BUILT_IN_BOTS
from greenroom.app.settings import Settings

SECRET = "a-secret-for-tests-only-1234567890"


@pytest.mark.parametrize(
    "line",
    [
        "7:C 28 Nov 2026 03:14:56.357 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",
        "7:M 28 Nov 2026 03:14:56.360 # WARNING Memory overcommit must be enabled! Without it, a background save",
        "7:signal-handler (1795835751) Received SIGTERM scheduling shutdown...",
        "7:M 28 Nov 2026 03:15:51.973 # Redis is now ready to exit, bye bye...",
    ],
)
def test_what_redis_says_on_every_good_day_is_not_shown(line):
    assert is_usual("redis", line)


@pytest.mark.parametrize(
    "line",
    [
        "7:M 28 Nov 2026 # Can't open the append-only file: Permission denied",
        "7:M 28 Nov 2026 # Write error writing append only file on disk: No space left on device",
        "7:M 28 Nov 2026 # Out Of Memory allocating 4096 bytes!",
        "7:M 28 Nov 2026 # Bad file format reading the append only file",
    ],
)
def test_what_may_be_trouble_is_shown(line):
    assert not is_usual("redis", line)


def test_the_same_words_from_another_process_are_shown():
    assert not is_usual("bots", "Server initialized")


def test_a_start_that_takes_its_time_is_not_told_as_trouble():
    missing = {"bots": "http://127.0.0.1:7077/readyz says 503: bots: no worker has been heard"}

    assert waiting(missing, 20) == "still starting bots"
    assert "503" in waiting(missing, SAY_WHY_AFTER)


def test_a_redis_of_theirs_that_does_not_answer_is_told_at_once_and_with_its_address():
    """A wrong REDIS_URL was "still starting redis" for a minute, and then did not say where it was looked for."""
    reason = ready.redis(Settings(redis_url="redis://:hunter2-hunter2@127.0.0.1:1/0"))

    assert reason is not None and "127.0.0.1:1," in reason and "hunter2" not in reason
    assert reason in waiting({"redis": reason}, 20, is_ours=False)


def test_ready_names_the_bots_that_cannot_start_under_the_link():
    """It said "ready" under three lines of a log, and nothing of them."""
    settings = Settings(signing_secret=SECRET, bots={"mine": "mine:bot"})
    why = "cannot be imported: it raised ModuleNotFoundError (mine.py:1)"
    said = welcome(settings, ["web", "bots"], 9.6, True, {"mine": why})

    assert said.index("/talk#") < said.index(f"The bot 'mine' cannot start: it {why}")
    assert "cannot start" not in welcome(settings, ["web", "bots"], 9.6, True, {})


def test_ready_says_that_a_change_of_a_bot_which_has_started_takes_a_new_start():
    """It said "tried again when its file changes": after the second change some processes had the old code."""
    settings = Settings(signing_secret=SECRET, bots={"mine": "mine:bot"})
    said = welcome(settings, ["web", "bots"], 9.6, True, {"mine": "is broken"})

    assert "the next join tries it again; start Greenroom anew after each later change" in said


def test_that_it_is_the_default_bot_is_said_as_well():
    settings = Settings(signing_secret=SECRET, default_bot="mine", bots={"mine": "mine:bot"})

    assert "of joins that name none" in welcome(settings, ["web"], 9.6, True, {"mine": "raised"})


@pytest.mark.parametrize("is_shown", [True, False])
def test_who_brings_a_bot_is_told_that_the_link_leads_to_ours(is_shown):
    """The link led to the demo, without a word: as if BOTS had not been heard."""
    theirs = Settings(signing_secret=SECRET, bots={**BUILT_IN_BOTS, "mine": "mine:bot"})
    said = welcome(theirs, ["web"], 3, is_shown, {})

    assert "/talk" in said.partition("'assistant'")[0]
    assert "DEFAULT_BOT=mine" in said


@pytest.mark.parametrize(
    ("default_bot", "bots", "unfit"),
    [
        ("assistant", {}, {}),
        ("mine", {"mine": "mine:bot"}, {}),
        ("assistant", {"assistant": "mine:bot"}, {}),  # ours is replaced
        ("assistant", {"assistant": "mine:bot", "other": "other:bot"}, {}),
        ("assistant", {"mine": "mine:bot"}, {"mine": "cannot be imported"}),
    ],
)
def test_nothing_is_said_of_it_where_the_link_leads_to_the_right_bot(default_bot, bots, unfit):
    settings = Settings(signing_secret=SECRET, default_bot=default_bot, bots={**BUILT_IN_BOTS, **bots})

    assert "DEFAULT_BOT" not in welcome(settings, ["web"], 3, True, unfit)
