"""What leaves for Celery, for those who want a bot launched without knowing how."""

from datetime import timedelta

from celery import Celery
from kombu.exceptions import OperationalError

from app.errors import RedisAway
from app.rooms.sessions import Session
from app.rooms.steps import STARTS_WITHIN
from tasks.celery import LAUNCHES

# A bot ends its session itself when its time is over.  Should it not, the soft limit asks it to,
# and the hard limit ends its process.
ASKED_AFTER = timedelta(seconds=30)
KILLED_AFTER = timedelta(seconds=60)


class CeleryLaunches:
    """The queue of launches (`app.rooms.ports.LaunchQueue`)."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def launch(self, session: Session, claim: str) -> None:
        try:
            self._app.send_task(
                "bots.launch",
                (session.id, claim),
                queue=LAUNCHES,
                argsrepr="(...)",  # Flower and events show no claim
                expires=STARTS_WITHIN.total_seconds(),  # by then the reaper has launched it again
                soft_time_limit=(session.max_duration + ASKED_AFTER).total_seconds(),
                time_limit=(session.max_duration + KILLED_AFTER).total_seconds(),
            )
        except (OperationalError, OSError) as error:
            raise RedisAway from error
