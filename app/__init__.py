"""The web process: `create_app` builds the parts and joins them, nothing else."""

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """The WSGI application, from the environment's settings.  Raises SettingsError."""
    from flask import Flask  # here, since every process imports this package, and one needs Flask

    from app import logging, settings
    from app.api import register
    from app.api.services import Services
    from app.storage.ledger import RedisLedger
    from bots import personalities  # names only; pipecat is not imported
    from tasks import celery
    from tasks.outgoing import CeleryLaunches

    current = settings.load(keys=(settings.API_KEY, settings.SIGNING_SECRET))
    logging.configure(current)
    ledger = RedisLedger(current.redis_url)
    launches = CeleryLaunches(celery.app)
    names = {name: personalities.load(name).name for name in personalities.names()}
    services = replace(Services.over(ledger, launches, current, tuple(names)), names=names)
    return register(Flask("app", static_folder=None), services)
