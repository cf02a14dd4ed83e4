"""What commands take and give: arguments of several commands, exit codes, words of complaint."""

import argparse
import difflib
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from greenroom.app.errors import BadRoom
from greenroom.app.rooms.room import Room

OK, FAILED, MISUSED = 0, 1, 2  # exit codes
BLIND = 3  # Redis, or the database, does not answer: nothing was seen, nothing was asked for
INTERRUPTED = 130


def seconds_argument(parser: argparse.ArgumentParser, name: str, default: int, about: str) -> None:
    parser.add_argument(
        name,
        type=seconds,
        default=timedelta(seconds=default),
        metavar="SECONDS",
        help=f"{about} ({default})",
    )


def json_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def and_json(add: Callable[[argparse.ArgumentParser], None]) -> Callable[[argparse.ArgumentParser], None]:
    def add_both(parser: argparse.ArgumentParser) -> None:
        add(parser)
        json_argument(parser)

    return add_both


def seconds(text: str) -> timedelta:
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds") from None


def text_of(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise argparse.ArgumentTypeError(f"'{path}' cannot be read: {error}") from None


def room(url: str) -> Room:
    try:
        return Room.parse(url)
    except BadRoom as error:
        raise argparse.ArgumentTypeError(f"{str(error)[0].lower()}{str(error)[1:]}") from None


class Parser(argparse.ArgumentParser):
    """argparse, with a guess at what was meant."""

    def error(self, message: str) -> NoReturn:
        complain(f"{self.prog}: {message}", f"Try `{self.prog} --help`.")
        sys.exit(MISUSED)

    def _check_value(self, action: argparse.Action, value: str) -> None:
        if action.choices is not None and value not in action.choices:
            near = difflib.get_close_matches(value, action.choices, n=1)
            guess = (
                f"did you mean `{self.prog} {near[0]}`?"
                if near
                else f"there are {', '.join(action.choices)}."
            )
            self.error(f"there is no `{value}`; {guess}")


def complain(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr)
