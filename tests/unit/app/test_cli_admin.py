"""`greenroom say` and `greenroom admin`: what bots are made to do, and what is printed of it."""

import json

import pytest

from greenroom.app import cli
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.orders import Order
from tests.fakes.puppet import Puppet
from tests.rigs.makers import STAGE, a_brief

pytestmark = pytest.mark.usefixtures("staffed")
DIRECTED = {"muted": True, "stealth": False, "guided": False, "cut_short": True}


@pytest.fixture
def bot(joining, launches, ledger, monkeypatch):
    """A live bot; the commands find its ledger."""
    joining.join(Order(STAGE, a_brief(user_id="ada")))
    bot = Puppet(ledger, *launches.asked[-1]).go_live()
    ledger.meanwhile.append(
        lambda: bot.obey({"say": {"people": 1, "waits": True, "cut_short": False}, "direct": DIRECTED})
    )
    return bot


@pytest.fixture
def run(monkeypatch, tmp_path, redis_url, ledger, capsys):
    from greenroom.app import cli_admin

    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setattr(cli_admin, "ledger_of", lambda _: ledger)

    def of(*arguments):
        capsys.readouterr()  # what was logged meanwhile
        code = cli.main(arguments)
        return code, "".join(capsys.readouterr())

    return of


def test_a_sentence_is_said_in_a_room_or_a_session_or_all(run, bot):
    for where in (str(STAGE), bot.session.id, "all"):
        assert run("say", where, "Dinner", "is", "ready.") == (
            0,
            f"{STAGE}: says it when it has finished its sentence.\n",
        )

    assert bot.heard == [("say", {"text": "Dinner is ready.", "interrupt": False})] * 3


@pytest.mark.parametrize(
    ("arguments", "heard"),
    [
        (["mute"], ("direct", {"muted": True})),
        (["unmute"], ("direct", {"muted": None})),
        (["stealth"], ("direct", {"stealth": True})),
        (["stealth", "off"], ("direct", {"stealth": None})),
        (["instruct", "Be", "brief."], ("direct", {"guidance": "Be brief."})),
        (["instruct"], ("direct", {"guidance": None})),
        (["switch", "pearl"], ("switch", {"assistant": "pearl"})),
        (["persona", "Pearl"], ("config", {"persona": "Pearl"})),
    ],
)
def test_each_action_has_its_words(run, bot, arguments, heard):
    action, *words = arguments
    assert run("admin", action, str(STAGE), *words)[0] == 0
    assert bot.heard == [heard]


def test_what_was_done_is_said_and_as_json_told_as_the_api_tells_it(run, bot):
    assert run("admin", "mute", str(STAGE)) == (
        0,
        f"{STAGE}: done, and what it was saying is cut short.\n",
    )
    told = json.loads(run("admin", "mute", "all", "--json")[1])
    assert told == {
        "action": "mute",
        "results": [
            {"session_id": bot.session.id, "room_url": str(STAGE), "status": "done", "did": DIRECTED}
        ],
    }


def test_who_did_it_stands_in_the_history(run, bot, ledger, overview):
    run("admin", "instruct", str(STAGE), "Ask", "about", "the", "divorce.")

    last = overview.events(bot.session.id)[-1]
    assert (last.event, last.detail) == ("admin_acted", "instruct, by the command line")
    assert ledger.run(ReadRoom(STAGE)).config == {"guidance": "Ask about the divorce."}


def test_what_cannot_be_done_is_said_with_another_exit_code(run, bot, joining, launches, ledger):
    assert run("admin", "mute", "local:empty")[0] == 1
    assert run("admin", "mute", str(STAGE), "quickly")[0] == 1
    assert run("admin", "switch", str(STAGE))[0] == 1
    assert run("say", str(STAGE), "x" * 1001)[0] == 1
    assert run("admin", "mute", "no-such-session")[0] == 1
    assert bot.heard == []
    bot.leave()
    assert run("admin", "mute", "all") == (0, "No session is on.\n")
