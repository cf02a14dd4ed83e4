"""Flower's configuration, read by Flower itself; a file, since a command line shows the password to everybody."""

import logging as _logging

from flower.api import BaseApiHandler as _BaseApiHandler
from tornado.web import HTTPError as _HTTPError

from greenroom.app import logging as _app_logging
from greenroom.app import settings as _app_settings

_settings = _app_settings.load(keys=(_app_settings.FLOWER_PASSWORD,))

_app_logging.configure(_settings)
_logging.getLogger("flower.inspector").setLevel(_logging.ERROR)  # it warns of workers that are still starting

address = _settings.flower_host
port = _settings.flower_port
basic_auth = [f"greenroom:{_settings.flower_password}"]
logging = "none"  # Tornado is not to add its own

_prepare = _BaseApiHandler.prepare


def _only_look(handler: _BaseApiHandler) -> None:
    """Flower has no such mode.  Whatever stops workers, and revokes or sends tasks, is a POST to its API."""
    if handler.request.method not in ("GET", "HEAD", "OPTIONS"):
        raise _HTTPError(403, "This Flower only shows; FLOWER_CONTROL=1 lets it change what runs.")
    _prepare(handler)


if not _settings.flower_control:
    _BaseApiHandler.prepare = _only_look
