"""The web process: `create_app` builds the parts and joins them, nothing else."""

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """The WSGI application, from the environment's settings.  Raises SettingsError."""
    from flask import Flask  # here, since every process imports this package, and one needs Flask

    from greenroom.app import logging, settings
    from greenroom.app.api import register
    from greenroom.app.api.services import Services
    from greenroom.app.storage.ledger import RedisLedger
    from greenroom.bots import personalities, voices  # names only; pipecat is not imported
    from greenroom.tasks import celery
    from greenroom.tasks.outgoing import CeleryLaunches

    current = settings.load(keys=(settings.API_KEY, settings.SIGNING_SECRET))
    logging.configure(current)
    ledger = RedisLedger(current.redis_url)
    launches = CeleryLaunches(celery.app)
    names = {name: personalities.load(name).name for name in personalities.names()}
    services = Services.over(ledger, launches, current, tuple(names))
    services = replace(services, names=names, check_voice=voices.check_voice)
    return register(Flask("app", static_folder=None), services)
