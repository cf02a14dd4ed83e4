"""The commands about what was said, and about the people who said it."""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING

from greenroom.app.cli_arguments import FAILED, OK, word
from greenroom.app.cli_here import ledger_of, settings_here
from greenroom.app.errors.users import NoSuchUser, UserInSession
from greenroom.app.operate.wording import count
from greenroom.app.rooms.clock import Now

if TYPE_CHECKING:
    from greenroom.app.rooms.analytics import Counted
    from greenroom.app.rooms.erasing import Erasing, KeptOfPeople
    from greenroom.app.rooms.ledger import Ledger
    from greenroom.app.rooms.reading import Reading


@dataclass(frozen=True)
class Kept:
    """What these commands work with."""

    reading: "Reading"
    personal: "KeptOfPeople"
    erasing: "Erasing"
    counted: "Counted"
    ledger: "Ledger"


@contextmanager
def _kept() -> Iterator[Kept]:
    """Raises DatabaseOld, DatabaseNewer, DatabaseAway."""
    from greenroom.app.backend.erasing import erasure_at
    from greenroom.app.conversations.analytics import SqlCounted
    from greenroom.app.conversations.database import Database
    from greenroom.app.conversations.personal import SqlPersonal
    from greenroom.app.conversations.reading import SqlKeptConversations
    from greenroom.app.conversations.state import check
    from greenroom.app.rooms.erasing import Erasing
    from greenroom.app.rooms.reading import Reading

    settings = settings_here()
    ledger = ledger_of(settings)
    with closing(Database(settings.database_url)) as database:
        check(database)
        personal = SqlPersonal(database)
        reading = Reading(SqlKeptConversations(database), ledger)
        erasing = Erasing(
            ledger,
            personal,
            elsewhere=erasure_at(settings.backend_url, settings.backend_secret),
            redis_keeps_file=settings.redis_is_embedded,
        )
        yield Kept(reading, personal, erasing, SqlCounted(database), ledger)


def _with_what_is_kept(
    command: Callable[[argparse.Namespace, Kept], int],
) -> Callable[[argparse.Namespace], int]:
    @wraps(command)
    def run(chosen: argparse.Namespace) -> int:
        with _kept() as here:
            return command(chosen, here)

    return run


@_with_what_is_kept
def conversations(chosen: argparse.Namespace, here: Kept) -> int:
    """List what was said: the conversations that began last, or those of a user, or with WORDS in them."""
    from greenroom.app.operate import talks
    from greenroom.app.rooms.reading import Wanted

    wanted = Wanted(
        user_id=chosen.user,
        assistant=chosen.assistant,
        room=chosen.room,
        from_ms=chosen.since,
        to_ms=chosen.until,
        words=" ".join(filter(None, [chosen.words, *chosen.also])),
        has_turns=not chosen.all,
    )
    found, has_more = talks.conversations(here.reading, wanted, chosen.limit)
    if chosen.json:
        from greenroom.app.api.schemas.conversations import (
            ConversationSchema,  # Flask, which few commands need
        )

        print(json.dumps({"conversations": ConversationSchema(many=True).dump(found), "more": has_more}))
    else:
        print(talks.conversations_table(found, has_more))
    return OK


@_with_what_is_kept
def conversation(chosen: argparse.Namespace, here: Kept) -> int:
    """Print a conversation: who said what when, and what the bot's tools did."""
    from greenroom.app.operate import talks
    from greenroom.app.rooms.transcripts import as_script, as_vtt

    told = talks.all_of(here.reading, chosen.id)
    if chosen.json:
        from greenroom.app.api.schemas.conversations import ToldConversationSchema

        print(
            json.dumps(
                ToldConversationSchema(exclude=["next"]).dump({**vars(told.conversation), **vars(told)})
            )
        )
    else:
        print(as_vtt(told) if chosen.vtt else as_script(told, _width()), end="")
    return OK


@_with_what_is_kept
def users(chosen: argparse.Namespace, here: Kept) -> int:
    """List the people who talked last."""
    from greenroom.app.operate import talks

    seen = here.personal.seen_last(chosen.limit + 1)
    shown, has_more = seen[: chosen.limit], len(seen) > chosen.limit
    if chosen.json:
        from greenroom.app.api.schemas.users import SeenUserSchema

        print(json.dumps({"users": SeenUserSchema(many=True).dump(shown), "more": has_more}))
    else:
        print(talks.users_table(shown, has_more))
    return OK


@_with_what_is_kept
def analytics(chosen: argparse.Namespace, here: Kept) -> int:
    """Count the sessions of the last 30 days, by day and assistant."""
    from greenroom.app.operate import talks
    from greenroom.app.rooms.analytics import span

    from_ms, to_ms = span(chosen.since, chosen.until, here.ledger.run(Now()))
    days = here.counted.days(from_ms, to_ms, chosen.assistant)
    if chosen.json:
        from greenroom.app.api.schemas.analytics import DaySchema

        print(json.dumps({"days": DaySchema(many=True).dump(days)}))
    else:
        print(talks.analytics_table(days, _width()))
    return OK


@_with_what_is_kept
def export(chosen: argparse.Namespace, here: Kept) -> int:
    """Print all that the database keeps of a person, as one JSON object.

    Raises NoSuchUser, so that nobody takes an empty file for all that is kept of somebody whose id they mistyped.
    """
    from greenroom.app.rooms import exporting

    if not here.personal.is_known(chosen.user):
        raise NoSuchUser(f"Nothing is known of {chosen.user}; `greenroom users` lists who has talked.")
    for part in exporting.as_json(here.personal.rows(chosen.user)):
        sys.stdout.write(part)
    return OK


@_with_what_is_kept
def erase(chosen: argparse.Namespace, here: Kept) -> int:
    """Erase a person: all that they said, and that is known of them."""
    if not chosen.yes:
        counts = {name: sum(1 for _ in rows) for name, rows in here.personal.rows(chosen.user)}
        print(f"Kept of {chosen.user}: {_rows(counts) or 'nothing in the database'}.")
        print(
            f"Nothing is erased yet; `greenroom erase {chosen.user} --yes` erases it, and nothing brings it back."
        )
        return FAILED
    try:
        erased = here.erasing.erase(chosen.user)
    except UserInSession as error:
        sessions: Sequence[str] = error.facts["sessions"]  # type: ignore[assignment]
        print(f"A bot is with {chosen.user} just now, so nothing is erased. First end by POST /leave:")
        print(*(f"  session {each}" for each in sessions), sep="\n")
        return FAILED
    if chosen.json:
        print(json.dumps({"user_id": chosen.user, "erased": dict(erased)}))
    else:
        print(f"Erased of {chosen.user}: {_rows(erased) or 'nothing; there was nothing'}.")
    return OK


def _rows(counts: Mapping[str, int]) -> str:
    """As in 1 user, 2 tool calls: the tables are called after what is in them."""
    names = {name: name.replace("_", " ") for name in counts}
    one = {
        name: f"{each[:-3]}y" if each.endswith("ies") else each.removesuffix("s")
        for name, each in names.items()
    }
    return ", ".join(count(number, one[name], names[name]) for name, number in counts.items() if number)


def conversations_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", metavar="USER", help="whose")
    parser.add_argument("--assistant", metavar="NAME", help="with which assistant")
    parser.add_argument("--room", metavar="ROOM", help="in which room last, as in local:standup")
    parser.add_argument(
        "--from", dest="since", type=_when, metavar="WHEN", help="those that began then or later"
    )
    parser.add_argument("--to", dest="until", type=_when, metavar="WHEN", help="those that began before")
    parser.add_argument("also", nargs="*", metavar="WORDS", help="in which somebody said that")
    parser.add_argument("--search", dest="words", default="", metavar="WORDS", help="the same")
    parser.add_argument("--all", action="store_true", help="those too in which nothing was said")
    _limit_argument(parser, "conversations")


def conversation_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=word, metavar="ID", help="as `greenroom conversations` tells it")
    parser.add_argument("--vtt", action="store_true", help="as subtitles (WebVTT)")


def analytics_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="since", type=_when, metavar="DAY", help="the first day (30 days ago)")
    parser.add_argument("--to", dest="until", type=_when, metavar="DAY", help="up to before this day")
    parser.add_argument("--assistant", metavar="NAME", help="of this one alone")


def users_arguments(parser: argparse.ArgumentParser) -> None:
    _limit_argument(parser, "users")


def user_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "user", type=word, metavar="USER", help="the user's id, as `greenroom users` tells it"
    )


def erase_arguments(parser: argparse.ArgumentParser) -> None:
    user_arguments(parser)
    parser.add_argument(
        "--yes", action="store_true", help="do it; without this it is only told what there is"
    )


def _limit_argument(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--limit", type=_count, default=20, metavar="N", help=f"how many {what} (20)")


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", text) or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 to 100000")
    return int(text)


def _when(text: str) -> int:
    from greenroom.app.rooms.reading import moment_ms

    try:
        return moment_ms(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _width() -> int:
    return shutil.get_terminal_size((80, 24)).columns
