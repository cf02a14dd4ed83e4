"""The `greenroom` command."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from greenroom.app import (
    cli_admin,
    cli_doctor,
    cli_processes,
    cli_services,
    cli_sessions,
    cli_talks,
    cli_webhooks,
    cli_workers,
)
from greenroom.app import settings as app_settings
from greenroom.app.cli_arguments import (
    BLIND,
    FAILED,
    MISUSED,
    OK,
    Parser,
    and_json,
    complain,
    json_argument,
    lasting,
    room,
    text_of,
)
from greenroom.app.cli_here import environment_here, running_here
from greenroom.app.errors.families import GreenroomError
from greenroom.app.errors.storage import DatabaseAway, RedisAway
from greenroom.app.settings import SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; what was expected to go wrong is said in words, anything else is a traceback."""
    chosen = _parser().parse_args(arguments)
    command: Command = chosen.command
    try:
        return command.run(chosen)
    except SettingsError as error:
        complain("The settings do not work as they are:", *(f"  {problem}" for problem in error.problems))
        return MISUSED
    except RedisAway as error:
        complain(str(error), "`greenroom doctor` says more.")
        return BLIND
    except DatabaseAway as error:
        complain(
            "The database does not answer." if type(error) is DatabaseAway else str(error),
            "`greenroom settings` says where it is looked for (DATABASE_URL).",
        )
        return BLIND
    except GreenroomError as error:
        complain(str(error))
        return FAILED
    except BrokenPipeError:  # the reader of our output had enough
        sys.stderr.close()
        return OK


def _settings(_chosen: argparse.Namespace) -> int:
    """Print every setting: value, where it is from, what it means; of what runs in this folder, if anything does."""
    running = running_here()
    rows = app_settings.table(running=running)
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print(*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[3], sep="  ")
    app_settings.read()
    if running is None:
        print(
            "\nNothing runs in this folder: these are the settings that `greenroom up` would start with here."
        )
    else:
        print("\nThese are the settings of what runs in this folder, as `greenroom up` was given them.")
    return OK


def _import_assistants(chosen: argparse.Namespace) -> int:
    """Add the assistants of a file that MongoDB has exported; what is there stays as it is."""
    from greenroom.app.api.schemas.assistants import read_assistant
    from greenroom.app.conversations.assistants import SqlAssistants
    from greenroom.app.conversations.database import Database
    from greenroom.app.conversations.state import check
    from greenroom.app.operate.importing import Outcome, import_assistants
    from greenroom.app.operate.mongo_documents import documents_in
    from greenroom.app.operate.wording import count

    database = Database(app_settings.load(environment_here()).database_url)
    check(database)
    documents = documents_in(chosen.file)
    came: Counter[Outcome] = Counter()
    for imported in import_assistants(documents, SqlAssistants(database), read_assistant, dry=chosen.dry_run):
        print(imported)
        came[imported.outcome] += 1
    database.close()
    counted = ", ".join(f"{came[outcome]} {outcome.short}" for outcome in Outcome if came[outcome])
    print(f"{count(sum(came.values()), 'document')}: {counted or 'nothing to do'}.")
    if chosen.dry_run:
        print("This was a dry run: nothing is changed.")
    return FAILED if came[Outcome.BAD] else OK


def _link(chosen: argparse.Namespace) -> int:
    """Print a link to the talk page: to a fresh room, or an invitation to ROOM."""
    from greenroom.app import passes

    settings = app_settings.load(environment_here(), keys=(app_settings.SIGNING_SECRET,))
    lasts = chosen.lasts or (passes.LASTS if chosen.room else passes.LINK_LASTS)
    room = str(chosen.room) if chosen.room else None
    signed = passes.Passes(settings.signing_secret).sign(
        passes.Pass(passes.until(lasts), room, chooses=room is None)
    )
    print(passes.link(settings.address, signed, room))
    return OK


def _version(_chosen: argparse.Namespace) -> int:
    """Print the version."""
    from importlib import metadata  # which imports a third of what all other commands need

    print(f"greenroom {metadata.version('greenroom')}")
    return OK


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser.exit(_version(argparse.Namespace()))


def _link_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("room", nargs="?", type=room, metavar="ROOM", help="a room, as in local:standup")
    parser.add_argument(
        "--lasts", type=lasting, metavar="SECONDS", help="how long it opens (a week; to ROOM, a day)"
    )


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=text_of,
        metavar="FILE.json",
        help="as mongoexport writes it: an array, or a document a line",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")


@dataclass(frozen=True)
class Command:
    """What is run, whose docstring is its help, and what it is told."""

    run: Callable[[argparse.Namespace], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None


COMMANDS: dict[str, Command] = {
    "up": Command(cli_processes.up, cli_processes.up_arguments),
    "link": Command(_link, _link_arguments),
    "doctor": Command(cli_doctor.doctor, cli_doctor.doctor_arguments),
    "workers": Command(cli_workers.workers, json_argument),
    "drain": Command(cli_workers.drain, cli_workers.drain_arguments),
    "restart": Command(cli_workers.restart, cli_workers.restart_arguments),
    "reap": Command(cli_workers.reap_room, cli_workers.reap_arguments),
    "settings": Command(_settings),
    "services": Command(cli_services.services, json_argument),
    "redis": Command(cli_processes.redis),
    "livekit": Command(cli_processes.livekit),
    "events": Command(cli_processes.events),
    "migrate": Command(cli_processes.migrate),
    "import-assistants": Command(_import_assistants, _import_arguments),
    "sessions": Command(cli_sessions.sessions, json_argument),
    "session": Command(cli_sessions.session, and_json(cli_sessions.session_arguments)),
    "say": Command(cli_admin.say, and_json(cli_admin.say_arguments)),
    "admin": Command(cli_admin.admin, and_json(cli_admin.admin_arguments)),
    "conversations": Command(cli_talks.conversations, and_json(cli_talks.conversations_arguments)),
    "conversation": Command(cli_talks.conversation, and_json(cli_talks.conversation_arguments)),
    "users": Command(cli_talks.users, and_json(cli_talks.users_arguments)),
    "analytics": Command(cli_talks.analytics, and_json(cli_talks.analytics_arguments)),
    "export": Command(cli_talks.export, cli_talks.user_arguments),
    "erase": Command(cli_talks.erase, and_json(cli_talks.erase_arguments)),
    "webhooks": Command(cli_webhooks.webhooks, cli_webhooks.arguments),
    "version": Command(_version),
}


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="greenroom", description="A self-hosted launcher and keeper of voice bots.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for name, command in COMMANDS.items():
        about = (command.run.__doc__ or "").splitlines()[0]
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(command=command)
        command.add_arguments(made)
    return parser


if __name__ == "__main__":
    sys.exit(main())
