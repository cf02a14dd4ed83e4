"""What a worker that runs bots prepares: pipecat before it forks, the models in each process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery.signals import celeryd_after_setup, worker_process_init, worker_shutting_down

from greenroom.app import logging as app_logging
from greenroom.app.queue_names import LAUNCHES
from greenroom.tasks.celery import settings
from greenroom.tasks.parts import parent

log = structlog.get_logger(__name__)


@contextmanager
def _or_stop(trouble: str) -> Iterator[None]:
    """Stop the process on an error: Celery only logs what its signals' handlers raise, and says that it is ready."""
    try:
        yield
    except Exception as error:
        log.exception("warmup_failed", trouble=trouble)
        raise SystemExit(1) from error


@celeryd_after_setup.connect
def _prepare_parent(instance: Any, **_: Any) -> None:
    """Import pipecat before the fork, and freeze it, so that the children share its pages."""
    if LAUNCHES not in instance.app.amqp.queues.consume_from:
        return
    import gc

    app_logging.quieten_pipecat()
    with _or_stop("the worker cannot run bots"):
        from greenroom.bots.preparing import preload

        preload(settings())
    gc.collect()
    gc.freeze()  # 319 MB instead of 635 MB for eight bots: a collection would touch, and so copy, every page


@worker_process_init.connect
def _prepare_child(**_: Any) -> None:
    app_logging.configure(settings())
    with _or_stop("the worker's process cannot load its models"):
        from greenroom.bots.preparing import warm

        warm(settings())


@worker_shutting_down.connect
def _tell_bots(**_: Any) -> None:
    """Where the worker is not connected, Celery itself stops it and waits for its bots: they must be told to go."""
    parent().tell_bots()
