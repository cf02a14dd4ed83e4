"""gunicorn's configuration: threads, since a request waits for Redis or for a bot, and hardly computes."""

import gc
import os
import sys

# gunicorn looks in the working folder first, which may have anybody's `redis.py`; BOTS may name modules there.
if os.getcwd() in sys.path:
    sys.path.append(sys.path.pop(sys.path.index(os.getcwd())))

from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger

from greenroom.app import logging as app_logging
from greenroom.app import settings as app_settings

_settings = app_settings.load()


class OurLogger(Logger):
    """gunicorn's lines through our logging, instead of handlers of its own."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        app_logging.configure(_settings)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True


bind = (
    f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
)
worker_class = "greenroom.app.gunicorn.worker.WholeRequests"
workers = _settings.web_workers
threads = _settings.web_threads
accesslog = None  # sessions log their changes; a proxy in front logs its requests
logger_class = OurLogger
loglevel = "warning"
timeout = 30  # seconds a worker may hang, not how long a request may last: gthread beats beside its requests
graceful_timeout = 4  # seconds: event streams end at once, and their readers come back; `?wait=` is cut off
keepalive = 75  # seconds, longer than a proxy in front of us
worker_connections = 400  # a process, each a file; who comes then takes the place of one that sends nothing
forwarder_headers = ""  # a SCRIPT_NAME that somebody on this machine sends would go into our redirects
sendfile = False  # static files are read whole
preload_app = True  # imported once: half the time to start, and the workers share its memory
control_socket_disable = True  # the default is one for all of a user's gunicorns; signals are enough


def when_ready(_: Arbiter) -> None:
    """Leave what was imported out of all collections of garbage: it stays, and a look at it costs requests time."""
    gc.collect()
    gc.freeze()
