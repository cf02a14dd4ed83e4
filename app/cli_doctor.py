"""`greenroom doctor`: what is wrong with an installation, or why there is a bot in a room or not."""

import argparse
from collections.abc import Callable

from greenroom.app.cli_arguments import json_argument, room
from greenroom.app.cli_here import ledger_of, settings_here
from greenroom.app.settings import Settings, SettingsError
from greenroom.app.settings.parsers import without_password


def doctor(chosen: argparse.Namespace) -> int:
    """Say what is wrong, and what to do; of one room, why there is a bot in it or not."""
    from greenroom.app import providers
    from greenroom.app.operate import doctor as checks
    from greenroom.app.rooms.letters import receiver_of

    settings = settings_here()
    place = checks.Place(
        settings.redis_address,
        settings.redis_is_embedded,
        settings.address,
        settings.var_dir,
        settings.api_key,
        settings.events_url,
        tuple((without_password(url), receiver_of(url)) for url in settings.webhook_urls),
        *_database(settings),
        (*_wrong_with_personalities(settings), *_wrong_with_script(settings)),
    )
    ledger = ledger_of(settings)
    ours = providers.of(settings)
    if chosen.room:
        report = checks.examine_room(ledger, place, chosen.room, ours)
    else:
        report = checks.examine(ledger, place, ours)
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


def _wrong_with_personalities(settings: Settings) -> tuple[str, ...]:
    from greenroom.bots import personalities

    try:
        personalities.with_those_of(settings.personalities)
    except SettingsError as error:
        return tuple(error.problems)
    return ()


def _wrong_with_script(settings: Settings) -> tuple[str, ...]:
    """Of the demo's answers, where one's own are named: else they are ours, and a test reads them."""
    if settings.demo_script is None:
        return ()
    from greenroom.bots.demo_script import with_own

    try:
        with_own(settings.demo_script)
    except SettingsError as error:
        return tuple(error.problems)
    return ()


def doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("room", nargs="?", type=room, metavar="ROOM", help="tell this room's story")
    json_argument(parser)
