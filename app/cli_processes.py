"""The commands that start the product, or are one of its processes."""

import argparse
from pathlib import Path

from greenroom.app import settings as app_settings
from greenroom.app.cli_arguments import OK, complain

OUR_PROCFILE = Path(__file__).parent.parent / "Procfile"


def up(chosen: argparse.Namespace) -> int:
    """Start everything and print the link; Ctrl-C stops it."""
    from greenroom.app.local import up as supervisor
    from greenroom.bots import personalities

    personalities.everybody()  # said before anything is started, instead of by each process
    for name in app_settings.ignored():
        complain(name)
    return supervisor.up(
        app_settings.load(keys=app_settings.KEYS), app_settings.environment(), chosen.procfile
    )


def redis(_chosen: argparse.Namespace) -> int:
    """Be the embedded Redis, unless REDIS_URL names another."""
    from greenroom.app.local.embedded_redis import become_redis

    settings = app_settings.read()
    if settings.redis_is_embedded:
        become_redis(settings)
    print("REDIS_URL is set: that Redis is used, and none is started.")
    return OK


def livekit(_chosen: argparse.Namespace) -> int:
    """Be the LiveKit server of our own, if LIVEKIT is on and LIVEKIT_URL names no other."""
    from greenroom.app.local.embedded_livekit import become_livekit

    settings = app_settings.load()
    if settings.livekit_is_embedded:
        become_livekit(settings)
    print("No LiveKit server of our own is wanted, and none is started.")
    return OK


def events(_chosen: argparse.Namespace) -> int:
    """Be the process that streams events, until it is told to stop."""
    from greenroom.app.events.process import main as be_events

    be_events()
    return OK


def migrate(_chosen: argparse.Namespace) -> int:
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


def up_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--procfile", type=Path, default=OUR_PROCFILE, help="what to start (Greenroom's own)")
