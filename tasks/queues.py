"""Puts launches, evidence and reapings into Celery's queues, by steps of the ledger.

The message is Celery's own (`amqp.as_task_v2`), in the envelope that kombu gives it on Redis, and goes through
the ledger.  Celery's `send_task` makes and binds a Redis client, a channel and a queue for each message, which
took longer than all the rest of a join; it also has timeouts of its own.  A test compares the two, part by part.
"""

import json
import uuid
from base64 import b64encode
from datetime import timedelta
from typing import Any

from celery import Celery

from greenroom.app.queue_names import CONTROL, LAUNCHES
from greenroom.app.rooms.asked_reaping import TOLD_FOR
from greenroom.app.rooms.extending import LONGEST_SESSION
from greenroom.app.rooms.line import Push
from greenroom.app.rooms.provider_events import REMEMBERED_FOR, name_of
from greenroom.app.rooms.providers import Evidence
from greenroom.app.rooms.rates import Once
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session

# A bot ends its session itself when its time is over, which may be extended while it runs.  Celery's limits are fixed
# with the launch, so they are those of the longest session there may be: should a bot outlive that, the soft limit asks
# it to end, and the hard limit ends its process.
ASKED_AFTER = timedelta(seconds=30)
KILLED_AFTER = timedelta(seconds=60)


class CeleryQueues:
    """Celery's queues behind the port `greenroom.app.rooms.queues.Queues`."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def launch(self, session: Session, token: str, *, in_front: bool = False) -> Push:
        return Push(LAUNCHES, self.message(session, token), session.id, in_front)

    def publish(self, evidence: Evidence) -> Once:
        who = evidence.participant
        about = (who.session_id, who.epoch) if who else (None, None)
        task = self._app.amqp.as_task_v2(
            str(uuid.uuid4()),
            "rooms.weigh",
            args=(evidence.event, str(evidence.room), *about),
            ignore_result=True,
        )
        return Once(name_of(evidence), REMEMBERED_FOR, CONTROL, _in_envelope(task, CONTROL))

    def reap(self, request_id: str, room: Room | None) -> Once:
        task = self._app.amqp.as_task_v2(
            str(uuid.uuid4()),
            "rooms.reap_asked",
            args=(request_id, str(room) if room else None),
            ignore_result=True,
        )
        return Once(f"reap:{request_id}", TOLD_FOR, CONTROL, _in_envelope(task, CONTROL))

    def transition(self, session: Session, epoch: int, *, again: bool = False) -> Once:
        task = self._app.amqp.as_task_v2(
            str(uuid.uuid4()), "rooms.transition", args=(session.id, str(epoch)), ignore_result=True
        )
        name = f"move:{session.id}:{epoch}{':again' if again else ''}"
        return Once(name, REMEMBERED_FOR, CONTROL, _in_envelope(task, CONTROL))

    def message(self, session: Session, token: str) -> str:
        """A launch as it lies in the queue.

        It has no `expires`: a launch that comes too late finds that its claim has lapsed, whatever the clock of
        its worker says, and one that waits for a slot keeps its place.
        """
        task = self._app.amqp.as_task_v2(
            str(uuid.uuid4()),
            "bots.launch",
            args=(session.id, token),
            # What Flower and events show: which session and room, and not the claim, which lets its bearer adopt
            argsrepr=f"({session.id!r}, ...)",
            kwargsrepr=f"{{'room': {str(session.room)!r}}}",
            soft_time_limit=(LONGEST_SESSION + ASKED_AFTER).total_seconds(),
            time_limit=(LONGEST_SESSION + KILLED_AFTER).total_seconds(),
            ignore_result=True,
        )
        return _in_envelope(task, LAUNCHES)


def _in_envelope(task: Any, queue: str) -> str:
    envelope = {
        "body": b64encode(json.dumps(task.body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": task.headers,
        "properties": {
            **task.properties,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }
    return json.dumps(envelope)
