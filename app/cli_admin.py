"""The commands that have bots do something while they talk, as `POST /admin` does."""

import argparse
import json
import re
from collections.abc import Callable

from greenroom.app.cli_arguments import FAILED, OK, complain, word
from greenroom.app.cli_here import ledger_of, settings_here
from greenroom.app.rooms import administering
from greenroom.app.rooms.administering import Action, Administering, Result, as_told
from greenroom.app.rooms.room import Room

ALL = "all"
BY = "the command line"
ROOM = re.compile(r"\w+:")  # an id of a session has no colon

# Each action of `greenroom admin`, made of its words, or of None where there are none
ACTIONS: dict[str, Callable[[str | None], Action]] = {
    "mute": lambda _: administering.mute(),
    "unmute": lambda _: administering.unmute(),
    "stealth": lambda words: administering.stealth(is_on=words != "off"),
    "instruct": administering.instruct,
    "persona": lambda words: administering.persona({"persona": words}),
    "switch": lambda words: administering.switch(words or ""),
}
WITH_WORDS = frozenset({"instruct", "persona", "switch"})


def say(chosen: argparse.Namespace) -> int:
    """Have a bot say something, as it is: that of a room, of a session, or all."""
    try:
        action = administering.say(" ".join(chosen.text), interrupt=chosen.interrupt)
    except ValueError as error:
        complain(f"That cannot be said: {error}.")
        return FAILED
    return _act(action, chosen)


def admin(chosen: argparse.Namespace) -> int:
    """Have a bot be muted, told an instruction, somebody else: that of a room, of a session, or all."""
    words = " ".join(chosen.words) or None
    if words is not None and chosen.action not in WITH_WORDS and (chosen.action, words) != ("stealth", "off"):
        complain(f"{chosen.action} takes no words; what is `{words}`?")
        return FAILED
    if words is None and chosen.action == "switch":
        complain("Name the assistant that comes.")
        return FAILED
    return _act(ACTIONS[chosen.action](words), chosen)


def _act(action: Action, chosen: argparse.Namespace) -> int:
    here = Administering(ledger_of(settings_here()))
    if chosen.where == ALL:
        results = _all(here, action)
    elif ROOM.match(chosen.where):
        results = [here.in_room(Room.parse(chosen.where), action, by=BY)]
    else:
        results = [here.in_session(chosen.where, action, by=BY)]
    if chosen.json:
        print(json.dumps({"action": action.name, "results": [as_told(each) for each in results]}))
    else:
        print(*(_line(each, action) for each in results) if results else ["No session is on."], sep="\n")
    return FAILED if any(each.refusal for each in results) else OK


def _all(here: Administering, action: Action) -> list[Result]:
    results, after = here.in_all(action, by=BY)
    while after is not None:
        more, after = here.in_all(action, by=BY, after=after)
        results += more
    return results


def _line(result: Result, action: Action) -> str:
    room = result.session.room
    if result.refusal is not None:
        return f"{room}: not done. {result.refusal}"
    if action.name == "say":
        return f"{room}: {'says it when it has finished its sentence' if result.did['waits'] else 'says it'}."
    cut_short = ", and what it was saying is cut short" if result.did.get("cut_short") else ""
    return f"{room}: done{cut_short}."


def _where_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "where", type=word, metavar="WHERE", help="a room, as in local:standup; a session's id; or all"
    )


def say_arguments(parser: argparse.ArgumentParser) -> None:
    _where_argument(parser)
    parser.add_argument("text", nargs="+", metavar="TEXT", help="what it says")
    parser.add_argument("--interrupt", action="store_true", help="at once, in place of what it is saying")


def admin_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=list(ACTIONS), metavar="ACTION", help=", ".join(ACTIONS))
    _where_argument(parser)
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORDS",
        help="the instruction, the name or the assistant; none: it is taken back. `off` takes stealth back",
    )
