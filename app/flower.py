"""Flower's configuration, read by Flower itself; a file, since a command line shows the password to everybody."""

import logging as _logging

from app import logging as _app_logging
from app import settings as _app_settings

_settings = _app_settings.load(keys=(_app_settings.FLOWER_PASSWORD,))

_app_logging.configure(_settings)
_logging.getLogger("flower.inspector").setLevel(_logging.ERROR)  # it warns of workers that are still starting

address = _settings.flower_host
port = _settings.flower_port
basic_auth = [f"greenroom:{_settings.flower_password}"]
logging = "none"  # Tornado is not to add its own
