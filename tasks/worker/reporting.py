"""Celery's own hook by which a worker's parent process is told of its connection, and ticks."""

import signal
from typing import Any, ClassVar

from celery import bootsteps

from greenroom.tasks.celery import app
from greenroom.tasks.parts import parent
from greenroom.tasks.worker.parent import TICK, kind_of


class Reporting(bootsteps.StartStopStep):
    """The parent's clock: it ticks as long as the worker is connected."""

    requires: ClassVar[set[str]] = {"celery.worker.consumer.tasks:Tasks"}

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None
        self._usual: Any = None

    def start(self, consumer: Any) -> None:
        if kind_of(consumer) == "bots":
            # Celery's own answer stops the event loop first, and with it all that its parent could do for its bots
            self._usual = signal.signal(signal.SIGTERM, parent().asked_to_stop)
        parent().started(consumer)
        self._timer = consumer.timer.call_repeatedly(TICK, parent().tick, (consumer,))

    def stop(self, consumer: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._usual is not None:
            signal.signal(signal.SIGTERM, self._usual)  # nobody ticks now
        parent().retire(consumer)


app.steps["consumer"].add(Reporting)
