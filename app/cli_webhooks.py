"""`greenroom webhooks`: what waits for the receivers of events, and what they have not taken."""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from greenroom.app.cli_arguments import FAILED, OK
from greenroom.app.cli_here import ledger_of, settings_here
from greenroom.app.operate.wording import count
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.letters import (
    DeadLetter,
    DropLetter,
    ReadDead,
    ReadWaitingLetters,
    SendAgain,
    Waiting,
    receiver_of,
)
from greenroom.app.settings import Settings
from greenroom.app.settings.parsers import without_password

LIST, SHOW, RESEND, DROP = "list", "show", "resend", "drop"
ALL = "all"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", nargs="?", default=LIST, choices=(LIST, SHOW, RESEND, DROP), help="what to do (list)"
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="an event's, as the list has it; or all")


def webhooks(chosen: argparse.Namespace) -> int:
    """List the events that a receiver of webhooks has not taken, or show, resend or drop them."""
    settings = settings_here()
    ledger = ledger_of(settings)
    if not settings.webhook_urls:
        print("No receiver is set: WEBHOOK_URLS is empty.")
        return OK
    if chosen.what == LIST:
        return _list(settings, ledger)
    letters = [each for each in _dead(settings, ledger) if chosen.id in (ALL, each[1].id)]
    if not letters:
        print(f"`greenroom webhooks {chosen.what} ID` takes an id that `greenroom webhooks` lists, or all.")
        return FAILED
    for url, letter in letters:
        _do(chosen.what, url, letter, ledger)
    return OK


def standing(waiting: Waiting) -> str:
    """How far a receiver is behind, in a line."""
    gaps = f"; {count(waiting.gaps, 'time')} events were gone before they were sent: it was told from when to when"
    of_gaps = gaps if waiting.gaps else ""
    if not (waiting.sessions or waiting.dead or waiting.dropped):
        return f"it has taken all events{of_gaps}"
    return (
        f"events of {count(waiting.sessions, 'session')} wait for it; {count(waiting.dead, 'event')} not taken within "
        f"a day, {waiting.dropped} dropped, since too many waited{of_gaps}"
    )


def _list(settings: Settings, ledger: Ledger) -> int:
    for url in settings.webhook_urls:
        waiting = ledger.run(ReadWaitingLetters(receiver_of(url)))
        print(f"{without_password(url)}: {standing(waiting)}")
    for url, letter in _dead(settings, ledger):
        event = json.loads(letter.text)
        print(
            f"  {letter.id}  {event['type']}  session {letter.session}  given up {_time(letter.died_ms)} "
            f"after {letter.tries} tries: {letter.because}  {without_password(url)}"
        )
    return OK


def _do(what: str, url: str, letter: DeadLetter, ledger: Ledger) -> None:
    receiver = receiver_of(url)
    if what == SHOW:
        print(json.dumps(json.loads(letter.text), indent=2))
    elif what == RESEND and ledger.run(SendAgain(receiver, letter.id)):
        print(f"{letter.id} is sent again, behind what its session has waiting.")
    elif what == DROP and ledger.run(DropLetter(receiver, letter.id)):
        print(f"{letter.id} is forgotten.")


def _dead(settings: Settings, ledger: Ledger) -> Iterator[tuple[str, DeadLetter]]:
    for url in settings.webhook_urls:
        for letter in ledger.run(ReadDead(receiver_of(url))):
            yield url, letter


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
