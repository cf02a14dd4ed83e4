"""The web process's root: builds the parts of the application and joins them, nothing else."""

from dataclasses import replace

from flask import Flask

from greenroom.app import logging
from greenroom.app import settings as app_settings
from greenroom.app.api.application import register
from greenroom.app.api.services import Services
from greenroom.app.storage.ledger import RedisLedger
from greenroom.bots import personalities, voices  # neither imports pipecat
from greenroom.tasks.celery import app as celery
from greenroom.tasks.queues import CeleryQueues


def create_app() -> Flask:
    """The WSGI application, from the environment's settings.  Raises SettingsError."""
    settings = app_settings.load(keys=(app_settings.API_KEY, app_settings.SIGNING_SECRET))
    logging.configure(settings)
    ledger, launches = RedisLedger(settings.redis_url), CeleryQueues(celery)
    there = personalities.everybody()
    names = {name: each.name for name, each in there.items()}
    limits = {name: each.limits for name, each in there.items()}
    shown = {
        name: {"name": each.name, "about": each.about, "language": each.language}
        for name, each in there.items()
    }
    services = Services.over(ledger, launches, settings, tuple(names))
    services = replace(
        services,
        names=names,
        shown=shown,
        limits=limits,
        check_voice=voices.check_voice,
        check_changes=personalities.check_changes,
    )
    return register(Flask("app", static_folder=None), services)
