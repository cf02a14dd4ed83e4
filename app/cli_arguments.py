"""What commands take and give: arguments of several commands, exit codes, words of complaint."""

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from greenroom.app.errors.rooms import BadRoom
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
        given = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        given = timedelta(seconds=-1)
    if given < timedelta(0):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds")
    return given


def lasting(text: str) -> timedelta:
    """How long something that is handed out is good for."""
    if (given := seconds(text)) < timedelta(seconds=1):
        raise argparse.ArgumentTypeError(f"'{text}' is over at once; say at least 1 second")
    return given


def word(text: str) -> str:
    """A name or an id."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def text_of(path: str) -> str:
    try:
        return Path(path).read_text("utf-8-sig")  # Windows marks the beginning of a file
    except OSError as error:
        raise argparse.ArgumentTypeError(f"'{path}' cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise argparse.ArgumentTypeError(f"'{path}' cannot be read: it is not UTF-8") from None


def room(url: str) -> Room:
    try:
        return Room.parse(url)
    except BadRoom as error:
        raise argparse.ArgumentTypeError(f"{str(error)[0].lower()}{str(error)[1:]}") from None


class Parser(argparse.ArgumentParser):
    """argparse, with a guess at what was meant."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        given = list(sys.argv[1:] if args is None else args)
        for each in given:
            if not _is_text(each):  # Redis, the database and the terminal each break on it later
                self.error(f"{each!a} is not UTF-8")
        return super().parse_known_args(given, namespace)

    def error(self, message: str) -> NoReturn:
        complain(f"{self.prog}: {message}", f"Try `{self.prog} --help`.")
        sys.exit(MISUSED)

    def _check_value(self, action: argparse.Action, value: str) -> None:
        if action.choices is not None and value not in action.choices:
            # Nearer than `leave` is to `erase`, which deletes all that is kept of a person
            near = difflib.get_close_matches(value, action.choices, n=1, cutoff=0.7)
            guess = (
                f"did you mean `{self.prog} {near[0]}`?"
                if near
                else f"there are {', '.join(action.choices)}."
            )
            self.error(f"there is no `{value}`; {guess}")


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeError:
        return False
    return True


def complain(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr)
