"""The `greenroom` command."""

import argparse
import difflib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from greenroom.app import cli_talks, cli_webhooks
from greenroom.app import settings as app_settings
from greenroom.app.errors import BadRoom, DatabaseAway, GreenroomError, RedisAway
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.timings import WORKER_GONE_AFTER
from greenroom.app.settings import Settings, SettingsError

OK, FAILED, MISUSED = 0, 1, 2  # exit codes
BLIND = 3  # Redis, or the database, does not answer: nothing was seen, nothing was asked for
INTERRUPTED = 130

OUR_PROCFILE = Path(__file__).parent.parent / "Procfile"

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; what was expected to go wrong is said in words, anything else is a traceback."""
    chosen = _parser().parse_args(arguments)
    command: Command = chosen.command
    try:
        return command(chosen)
    except SettingsError as error:
        _complain("The settings do not work as they are:", *(f"  {problem}" for problem in error.problems))
        return MISUSED
    except RedisAway as error:
        _complain(str(error), "`greenroom doctor` says more.")
        return BLIND
    except DatabaseAway:
        _complain(
            "The database does not answer.",
            "`greenroom settings` says where it is looked for (DATABASE_URL).",
        )
        return BLIND
    except GreenroomError as error:
        _complain(str(error))
        return FAILED
    except BrokenPipeError:  # the reader of our output had enough
        sys.stderr.close()
        return OK


def _up(chosen: argparse.Namespace) -> int:
    """Start everything and print the link; Ctrl-C stops it."""
    from greenroom.app.local.up import up

    return up(app_settings.load(keys=app_settings.KEYS), app_settings.environment(), chosen.procfile)


def _settings(_chosen: argparse.Namespace) -> int:
    """Print every setting: value, where it is from, what it means."""
    rows = app_settings.table()
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print(*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[3], sep="  ")
    app_settings.read()
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

    database = Database(app_settings.load(_environment_here()).database_url)
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

    settings = app_settings.load(_environment_here(), keys=(app_settings.SIGNING_SECRET,))
    lasts = chosen.lasts or (passes.LASTS if chosen.room else passes.LINK_LASTS)
    room = str(chosen.room) if chosen.room else None
    signed = passes.Passes(settings.signing_secret).sign(passes.Pass(passes.until(lasts), room))
    print(passes.link(settings.address, signed, room))
    return OK


def _doctor(chosen: argparse.Namespace) -> int:
    """Say what is wrong, and what to do; of one room, why there is a bot in it or not."""
    from greenroom.app import providers
    from greenroom.app.operate import doctor

    settings = _settings_here()
    place = doctor.Place(
        settings.redis_address,
        settings.redis_is_embedded,
        settings.address,
        settings.api_key,
        *_database(settings),
    )
    ledger = _ledger(settings)
    ours = providers.of(settings)
    if chosen.room:
        report = doctor.examine_room(ledger, place, chosen.room, ours)
    else:
        report = doctor.examine(ledger, place, ours)
    print(report.as_json() if chosen.json else report.as_text())
    return report.exit_code


def _workers(chosen: argparse.Namespace) -> int:
    """List the workers: slots, used, warm, and who drains."""
    from greenroom.app.operate import fleet

    ledger = _ledger(_settings_here())
    hosts = fleet.workers(ledger)
    if chosen.json:
        print(json.dumps({"workers": fleet.as_objects(hosts)}))
    else:
        print(fleet.as_table(hosts, fleet.now_ms(ledger)))
    return OK


def _database(settings: Settings) -> tuple[str, Callable[[], None]]:
    """Where the database is, and what finds out whether it can be used."""
    from greenroom.app.conversations.database import Database, Patience
    from greenroom.app.conversations.state import check

    database = Database(settings.database_url, pooled=False, patience=Patience(1, 1, 1))
    return database.address, lambda: check(database)


def _session(chosen: argparse.Namespace) -> int:
    """Tell what came of a session: who was there, what happened, and how it ended."""
    from greenroom.app.conversations.database import Database
    from greenroom.app.conversations.sessions import SqlKeptSessions
    from greenroom.app.rooms.histories import Histories

    settings = _settings_here()
    ledger, database = _ledger(settings), Database(settings.database_url)
    # The database is asked for a session that Redis has forgotten, and for no other: it may be what is away
    status = cli_talks.session(chosen, Histories(ledger, SqlKeptSessions(database)), ledger)
    database.close()
    return status


def _drain(chosen: argparse.Namespace) -> int:
    """Empty a worker: it takes no launches, and hands its calls over."""
    from greenroom.app.operate import fleet

    ledger = _ledger(_settings_here())
    watch = fleet.Watch(ledger, fleet.find(ledger, chosen.host), _tell)
    if chosen.undo:
        fleet.undo(watch)
        return OK
    try:
        fleet.drain(watch, within=chosen.timeout)
    except KeyboardInterrupt:
        _complain(
            f"{watch.host.id} goes on draining; `greenroom drain --undo {watch.host.id}` lets it work again."
        )
        return INTERRUPTED
    return OK


def _restart(chosen: argparse.Namespace) -> int:
    """Replace all bot workers, one after the other; calls are handed over."""
    from greenroom.app.operate import fleet

    ledger = _ledger(_settings_here())
    hosts = [host for host in fleet.workers(ledger) if host.kind == "bots"]
    if not hosts:
        _complain(
            f"No bot worker has reported in the last {WORKER_GONE_AFTER.seconds} seconds, so there is none to restart."
        )
        return FAILED
    try:
        fleet.restart(
            [fleet.Watch(ledger, host, _tell) for host in hosts],
            empty_within=chosen.timeout,
            back_within=chosen.back_within,
        )
    except KeyboardInterrupt:
        _complain("Whoever was asked to stop does so when it is empty; the others were left alone.")
        return INTERRUPTED
    print("All bot workers are new.")
    return OK


def _reap(chosen: argparse.Namespace) -> int:
    """Have ROOM looked after at once, or all that are overdue; says what was found, and done."""
    from greenroom.app.operate import reap
    from greenroom.app.rooms.asked_reaping import AskedReaping
    from greenroom.tasks.celery import app as celery
    from greenroom.tasks.queues import CeleryQueues

    asked = AskedReaping(_ledger(_settings_here()), CeleryQueues(celery))
    told = asked.wait(asked.ask(chosen.room), chosen.timeout)
    if told is None:
        _complain(
            "It is asked for, and control has not said yet what came of it; `greenroom workers` lists it if it works."
        )
        return FAILED
    print(reap.as_json(told) if chosen.json else reap.as_text(told, chosen.room))
    return OK


def _tell(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S}  {line}", flush=True)


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
    settings = _settings_here()
    with cli_talks.kept(settings, _ledger(settings)) as here:
        return run(chosen, here)


def _webhooks(chosen: argparse.Namespace) -> int:
    """List the events that a receiver of webhooks has not taken, or show, resend or drop them."""
    settings = _settings_here()
    return cli_webhooks.webhooks(chosen, settings, _ledger(settings))


COMMANDS: dict[str, Command] = {
    "up": _up,
    "link": _link,
    "doctor": _doctor,
    "workers": _workers,
    "drain": _drain,
    "restart": _restart,
    "reap": _reap,
    "settings": _settings,
    "redis": _redis,
    "livekit": _livekit,
    "events": _events,
    "migrate": _migrate,
    "import-assistants": _import_assistants,
    "session": _session,
    "conversations": _conversations,
    "conversation": _conversation,
    "users": _users,
    "analytics": _analytics,
    "export": _export,
    "erase": _erase,
    "webhooks": _webhooks,
    "version": _version,
}


def _settings_here() -> Settings:
    return app_settings.read_with_keys(_environment_here())


def _environment_here() -> dict[str, str]:
    """Ours, and under it that of the product that runs in this folder: it may have been told another port."""
    from greenroom.app.local import here

    given = app_settings.environment()
    return {**here.settings_of_who_runs(app_settings.read().var_dir), **given}


def _ledger(settings: Settings) -> Ledger:
    from greenroom.app.storage.ledger import RedisLedger

    return RedisLedger(settings.redis_url)


def _up_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--procfile", type=Path, default=OUR_PROCFILE, help="what to start (Greenroom's own)")


def _link_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("room", nargs="?", type=_room, metavar="ROOM", help="a room, as in local:standup")
    parser.add_argument(
        "--lasts", type=_seconds, metavar="SECONDS", help="how long it opens (a week; to ROOM, a day)"
    )


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=_text_of,
        metavar="FILE.json",
        help="as mongoexport writes it: an array, or a document a line",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("room", nargs="?", type=_room, metavar="ROOM", help="tell this room's story")
    _json_argument(parser)


def _drain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "host", metavar="WORKER", help="as `greenroom workers` names it, or its machine's name"
    )
    parser.add_argument("--undo", action="store_true", help="let it take launches again")
    _seconds_argument(parser, "--timeout", 600, "until it should be empty")


def _restart_arguments(parser: argparse.ArgumentParser) -> None:
    _seconds_argument(parser, "--timeout", 600, "until a worker should be empty")
    _seconds_argument(parser, "--back-within", 120, "until its supervisor should have started it again")


def _reap_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("room", nargs="?", type=_room, metavar="ROOM", help="that room, overdue or not")
    _seconds_argument(parser, "--timeout", 10, "until control should have answered")
    _json_argument(parser)


def _seconds_argument(parser: argparse.ArgumentParser, name: str, default: int, about: str) -> None:
    parser.add_argument(
        name,
        type=_seconds,
        default=timedelta(seconds=default),
        metavar="SECONDS",
        help=f"{about} ({default})",
    )


def _json_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _and_json(add: Callable[[argparse.ArgumentParser], None]) -> Callable[[argparse.ArgumentParser], None]:
    def add_both(parser: argparse.ArgumentParser) -> None:
        add(parser)
        _json_argument(parser)

    return add_both


def _seconds(text: str) -> timedelta:
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds") from None


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise argparse.ArgumentTypeError(f"'{path}' cannot be read: {error}") from None


def _room(url: str) -> Room:
    try:
        return Room.parse(url)
    except BadRoom as error:
        raise argparse.ArgumentTypeError(f"{str(error)[0].lower()}{str(error)[1:]}") from None


ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "webhooks": cli_webhooks.arguments,
    "up": _up_arguments,
    "link": _link_arguments,
    "doctor": _doctor_arguments,
    "import-assistants": _import_arguments,
    "workers": _json_argument,
    "drain": _drain_arguments,
    "restart": _restart_arguments,
    "reap": _reap_arguments,
    "session": _and_json(cli_talks.session_arguments),
    "conversations": _and_json(cli_talks.conversations_arguments),
    "conversation": _and_json(cli_talks.conversation_arguments),
    "analytics": _and_json(cli_talks.analytics_arguments),
    "users": _and_json(cli_talks.users_arguments),
    "export": cli_talks.user_arguments,
    "erase": _and_json(cli_talks.erase_arguments),
}


class _Parser(argparse.ArgumentParser):
    """argparse, with a guess at what was meant."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{self.prog}: {message}", f"Try `{self.prog} --help`.")
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


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="greenroom", description="A self-hosted launcher and keeper of voice bots.")
    parser.add_argument("--version", action="version", version=f"greenroom {metadata.version('greenroom')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for name, command in COMMANDS.items():
        about = (command.__doc__ or "").splitlines()[0]
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(command=command)
        if add_arguments := ARGUMENTS.get(name):
            add_arguments(made)
    return parser


def _complain(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
