"""The Celery app, and why each setting is what it is.

A bot is a task that lasts an hour and is heard by a person.  Nearly every
setting that differs from Celery's default keeps such a task from being started
twice, parked behind another, or cut off.
"""

import time
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from celery import Celery
from celery.schedules import schedstate, schedule
from celery.signals import setup_logging
from kombu import Exchange, Queue

from greenroom.app import logging as app_logging
from greenroom.app import settings as app_settings
from greenroom.app.queue_names import CONTROL, LAUNCHES
from greenroom.app.settings import Settings

REAP_EVERY = timedelta(seconds=3)
FORGET_EVERY = timedelta(hours=1)
SUM_UP_LOST_EVERY = timedelta(minutes=10)
SWEEP_EVERY = timedelta(seconds=60)

INCLUDED = (
    "archiving",
    "launches",
    "summarising",
    "transitions",
    "upkeep",
    "worker.reporting",
    "worker.warmup",
)


class Steadily(schedule):
    """A period by a clock that nobody sets; Celery's own schedule pauses when the machine's clock is set back."""

    def __init__(self, every: timedelta) -> None:
        super().__init__(every)
        self._next = time.monotonic()

    def is_due(self, last_run_at: datetime) -> schedstate:
        now, every = time.monotonic(), self.run_every.total_seconds()
        if now < self._next:
            return schedstate(is_due=False, next=self._next - now)
        self._next = max(self._next + every, now)
        return schedstate(is_due=True, next=every)


@cache
def settings() -> Settings:
    """The settings of this process, read when they are first needed.  Raises SettingsError."""
    return app_settings.load()


def configuration() -> dict[str, Any]:
    """Celery's settings.  Raises SettingsError."""
    chosen = settings()
    return {
        "result_backend": None,  # the truth about a bot is never read from Celery's states, nor kept there
        "task_ignore_result": True,
        "timezone": "UTC",
        **_messages(),
        **_workers(chosen),
        **_broker(chosen),
        "beat_schedule": {
            # Without `expires`, which goes by two machines' clocks: of what a control worker that was away did not
            # get to, one run does something, and the others find that it was done.  One entry alone: beat keeps
            # several in the order of a clock that somebody may set
            "reap": {"task": "rooms.reap", "schedule": Steadily(REAP_EVERY), "options": {"queue": CONTROL}},
        },
    }


def _messages() -> dict[str, Any]:
    """Where they go, what may be in them, and when they count as done."""
    return {
        # JSON only, so that a message can never bring code
        "task_serializer": "json",
        "accept_content": ["json"],
        # A queue each, so that bots that fill their workers do not starve the reaper
        "task_queues": [Queue(name, Exchange(name), routing_key=name) for name in (LAUNCHES, CONTROL)],
        "task_default_queue": CONTROL,
        "task_create_missing_queues": False,  # a typo in a queue's name fails instead of queueing for nobody
        "task_routes": {"bots.*": {"queue": LAUNCHES}},
        # Acknowledged at the start: late, a second copy of a live bot starts when a connection resets, or
        # after the visibility timeout.  A launch that is lost so is launched again by the reaper.
        "task_acks_late": False,
        "task_reject_on_worker_lost": False,
    }


def _workers(chosen: Settings) -> dict[str, Any]:
    """How much one takes and for how long, what it runs in, and what it tells."""
    return {
        # A worker takes a launch only when it has a free slot; the default parks launches behind hour-long calls
        "worker_disable_prefetch": True,
        "worker_prefetch_multiplier": 1,
        "worker_concurrency": chosen.slots,
        # prefork, with processes that end where a bot has left them unfit for the next one
        "worker_pool": "greenroom.tasks.worker.pool:TaskPool",
        "worker_proc_alive_timeout": 60,  # seconds for a child to load its models; after 4, the default, it is killed
        # Set for each launch (greenroom.tasks.queues); these hold for whatever is published by hand
        "task_soft_time_limit": timedelta(hours=24).total_seconds(),
        "task_time_limit": timedelta(hours=24, minutes=1).total_seconds(),
        # Flower lives from events; a second event for each publish costs a millisecond
        "worker_send_task_events": True,
        "task_send_sent_event": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


def _broker(chosen: Settings) -> dict[str, Any]:
    """Where Redis is, and what is done while it does not answer."""
    return {
        "broker_url": chosen.broker_url,
        # A blip of Redis must not end calls
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # Redis may be away for long: keep trying, also at the start; the default gives up after 46 minutes
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": 120,  # seconds, the same in every process: the shortest wins
            "unacked_restore_interval": 10,  # a message that a dead worker held comes back soon
            "unacked_restore_throttle": 1,
            "health_check_interval": 5,  # a half-open connection is noticed after 13 s instead of 53 s
            "socket_connect_timeout": 2,
            "socket_timeout": 5,  # no call blocks for ever when Redis hangs
        },
        # One retry: the default multiplies a socket's timeout by five
        "task_publish_retry_policy": {
            "max_retries": 1,
            "interval_start": 0.2,
            "interval_step": 0,
            "interval_max": 0.2,
        },
        "broker_pool_limit": chosen.web_threads,  # a thread that publishes never waits for another's connection
    }


app = Celery("greenroom", include=[f"greenroom.tasks.{module}" for module in INCLUDED])
app.add_defaults(configuration)  # called when Celery first looks at one of them, not when this is imported


@setup_logging.connect
def _configure_logging(**_: Any) -> None:
    app_logging.configure(settings())
