"""The `greenroom` command."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from greenroom.app import cli_sessions, cli_talks, cli_webhooks, cli_workers
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
    room,
    seconds,
    text_of,
)
from greenroom.app.cli_here import environment_here, ledger_of, running_here, settings_here
from greenroom.app.errors import DatabaseAway, GreenroomError, RedisAway
from greenroom.app.rooms.letters import receiver_of
from greenroom.app.settings import Settings, SettingsError
from greenroom.app.settings.parsers import without_password

OUR_PROCFILE = Path(__file__).parent.parent / "Procfile"

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; what was expected to go wrong is said in words, anything else is a traceback."""
    chosen = _parser().parse_args(arguments)
    command: Command = chosen.command
    try:
        return command(chosen)
    except SettingsError as error:
        complain("The settings do not work as they are:", *(f"  {problem}" for problem in error.problems))
        return MISUSED
    except RedisAway as error:
        complain(str(error), "`greenroom doctor` says more.")
        return BLIND
    except DatabaseAway:
        complain(
            "The database does not answer.",
            "`greenroom settings` says where it is looked for (DATABASE_URL).",
        )
        return BLIND
    except GreenroomError as error:
        complain(str(error))
        return FAILED
    except BrokenPipeError:  # the reader of our output had enough
        sys.stderr.close()
        return OK


def _up(chosen: argparse.Namespace) -> int:
    """Start everything and print the link; Ctrl-C stops it."""
    from greenroom.app.local.up import up

    for name in app_settings.ignored():
        complain(name)
    return up(app_settings.load(keys=app_settings.KEYS), app_settings.environment(), chosen.procfile)


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


def _redis(_chosen: argparse.Namespace) -> int:
    """Be the embedded Redis, unless REDIS_URL names another."""
    from greenroom.app.local.embedded_redis import become_redis

    settings = app_settings.read()
    if settings.redis_is_embedded:
        become_redis(settings)
    print("REDIS_URL is set: that Redis is used, and none is started.")
    return OK


def _livekit(_chosen: argparse.Namespace) -> int:
    """Be the LiveKit server of our own, if LIVEKIT is on and LIVEKIT_URL names no other."""
    from greenroom.app.local.embedded_livekit import become_livekit

    settings = app_settings.load()
    if settings.livekit_is_embedded:
        become_livekit(settings)
    print("No LiveKit server of our own is wanted, and none is started.")
    return OK


def _events(_chosen: argparse.Namespace) -> int:
    """Be the process that streams events, until it is told to stop."""
    from greenroom.app.events.process import main as be_events

    be_events()
    return OK


def _migrate(_chosen: argparse.Namespace) -> int:
    """Bring the database's tables to this version; safe to repeat."""
    from greenroom.app.conversations.database import Database
    from greenroom.app.conversations.migrating import migrate

    url = app_settings.load().database_url
    before, after = migrate(url)
    done = (
        f"is at {after} already" if before == after else f"is migrated from {before or 'nothing'} to {after}"
    )
    print(f"The database at {Database(url).address} {done}.")
    return OK


def _import_assistants(chosen: argparse.Namespace) -> int:
    """Add the assistants of a file that MongoDB has exported; what is there stays as it is."""
    from greenroom.app.api.schemas.assistants import read_assistant
    from greenroom.app.conversations.assistants import SqlAssistants
    from greenroom.app.conversations.database import Database
    from greenroom.app.conversations.state import check
    from greenroom.app.operate.importing import Outcome, import_assistants
    from greenroom.app.operate.mongo_documents import documents_in

    database = Database(app_settings.load(environment_here()).database_url)
    check(database)
    documents = documents_in(chosen.file)
    came: Counter[Outcome] = Counter()
    for imported in import_assistants(documents, SqlAssistants(database), read_assistant, dry=chosen.dry_run):
        print(imported)
        came[imported.outcome] += 1
    database.close()
    counted = ", ".join(f"{came[outcome]} {outcome.short}" for outcome in Outcome if came[outcome])
    print(f"{sum(came.values())} documents: {counted or 'nothing to do'}.")
    if chosen.dry_run:
        print("This was a dry run: nothing is changed.")
    return FAILED if came[Outcome.BAD] else OK


def _link(chosen: argparse.Namespace) -> int:
    """Print a link to the talk page: to a fresh room, or an invitation to ROOM."""
    from greenroom.app import passes

    settings = app_settings.load(environment_here(), keys=(app_settings.SIGNING_SECRET,))
    lasts = chosen.lasts or (passes.LASTS if chosen.room else passes.LINK_LASTS)
    room = str(chosen.room) if chosen.room else None
    signed = passes.Passes(settings.signing_secret).sign(passes.Pass(passes.until(lasts), room))
    print(passes.link(settings.address, signed, room))
    return OK


def _doctor(chosen: argparse.Namespace) -> int:
    """Say what is wrong, and what to do; of one room, why there is a bot in it or not."""
    from greenroom.app import providers
    from greenroom.app.operate import doctor

    settings = settings_here()
    place = doctor.Place(
        settings.redis_address,
        settings.redis_is_embedded,
        settings.address,
        settings.api_key,
        settings.events_url,
        tuple((without_password(url), receiver_of(url)) for url in settings.webhook_urls),
        *_database(settings),
    )
    ledger = ledger_of(settings)
    ours = providers.of(settings)
    if chosen.room:
        report = doctor.examine_room(ledger, place, chosen.room, ours)
    else:
        report = doctor.examine(ledger, place, ours)
    print(report.as_json() if chosen.json else report.as_text())
    return report.exit_code


def _database(settings: Settings) -> tuple[str, Callable[[], None]]:
    """Where the database is, and what finds out whether it can be used."""
    from greenroom.app.conversations.database import Database, Patience
    from greenroom.app.conversations.state import check

    database = Database(settings.database_url, pooled=False, patience=Patience(1, 1, 1))

    def try_it() -> None:
        check(database)
        database.try_to_write()

    return database.address, try_it


def _version(_chosen: argparse.Namespace) -> int:
    """Print the version."""
    print(f"greenroom {metadata.version('greenroom')}")
    return OK


def _conversations(chosen: argparse.Namespace) -> int:
    """List what was said: the conversations that began last, or those with USER, or with WORDS in them."""
    return _with_what_is_kept(cli_talks.conversations, chosen)


def _conversation(chosen: argparse.Namespace) -> int:
    """Print a conversation: who said what when, and what the bot's tools did."""
    return _with_what_is_kept(cli_talks.conversation, chosen)


def _users(chosen: argparse.Namespace) -> int:
    """List the people who talked last."""
    return _with_what_is_kept(cli_talks.users, chosen)


def _analytics(chosen: argparse.Namespace) -> int:
    """Count the sessions of the last 30 days, by day and assistant."""
    return _with_what_is_kept(cli_talks.analytics, chosen)


def _export(chosen: argparse.Namespace) -> int:
    """Print all that the database keeps of a person, as one JSON object."""
    return _with_what_is_kept(cli_talks.export, chosen)


def _erase(chosen: argparse.Namespace) -> int:
    """Erase a person: all that they said, and that is known of them."""
    return _with_what_is_kept(cli_talks.erase, chosen)


def _with_what_is_kept(
    run: Callable[[argparse.Namespace, cli_talks.Kept], int], chosen: argparse.Namespace
) -> int:
    settings = settings_here()
    with cli_talks.kept(settings, ledger_of(settings)) as here:
        return run(chosen, here)


def _webhooks(chosen: argparse.Namespace) -> int:
    """List the events that a receiver of webhooks has not taken, or show, resend or drop them."""
    settings = settings_here()
    return cli_webhooks.webhooks(chosen, settings, ledger_of(settings))


COMMANDS: dict[str, Command] = {
    "up": _up,
    "link": _link,
    "doctor": _doctor,
    "workers": cli_workers.workers,
    "drain": cli_workers.drain,
    "restart": cli_workers.restart,
    "reap": cli_workers.reap_room,
    "settings": _settings,
    "redis": _redis,
    "livekit": _livekit,
    "events": _events,
    "migrate": _migrate,
    "import-assistants": _import_assistants,
    "sessions": cli_sessions.sessions,
    "session": cli_sessions.session,
    "conversations": _conversations,
    "conversation": _conversation,
    "users": _users,
    "analytics": _analytics,
    "export": _export,
    "erase": _erase,
    "webhooks": _webhooks,
    "version": _version,
}


def _up_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--procfile", type=Path, default=OUR_PROCFILE, help="what to start (Greenroom's own)")


def _link_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("room", nargs="?", type=room, metavar="ROOM", help="a room, as in local:standup")
    parser.add_argument(
        "--lasts", type=seconds, metavar="SECONDS", help="how long it opens (a week; to ROOM, a day)"
    )


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=text_of,
        metavar="FILE.json",
        help="as mongoexport writes it: an array, or a document a line",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("room", nargs="?", type=room, metavar="ROOM", help="tell this room's story")
    json_argument(parser)


ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "webhooks": cli_webhooks.arguments,
    "up": _up_arguments,
    "link": _link_arguments,
    "doctor": _doctor_arguments,
    "import-assistants": _import_arguments,
    "workers": json_argument,
    "drain": cli_workers.drain_arguments,
    "restart": cli_workers.restart_arguments,
    "reap": cli_workers.reap_arguments,
    "sessions": json_argument,
    "session": and_json(cli_sessions.session_arguments),
    "conversations": and_json(cli_talks.conversations_arguments),
    "conversation": and_json(cli_talks.conversation_arguments),
    "analytics": and_json(cli_talks.analytics_arguments),
    "users": and_json(cli_talks.users_arguments),
    "export": cli_talks.user_arguments,
    "erase": and_json(cli_talks.erase_arguments),
}


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="greenroom", description="A self-hosted launcher and keeper of voice bots.")
    parser.add_argument("--version", action="version", version=f"greenroom {metadata.version('greenroom')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for name, command in COMMANDS.items():
        about = (command.__doc__ or "").splitlines()[0]
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(command=command)
        if add_arguments := ARGUMENTS.get(name):
            add_arguments(made)
    return parser


if __name__ == "__main__":
    sys.exit(main())
