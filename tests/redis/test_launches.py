"""A launch that we put in the queue is one that Celery would have put there."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from celery import Celery

from greenroom.app.queue_names import CONTROL, LAUNCHES
from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.extending import LONGEST_SESSION
from greenroom.app.rooms.line import Line, QueueLength
from greenroom.app.rooms.providers import Evidence, Participant, RoomEvent
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session
from greenroom.app.storage.ledger import RedisLedger
from greenroom.tasks.celery import app as ours
from greenroom.tasks.celery import configuration
from greenroom.tasks.queues import ASKED_AFTER, KILLED_AFTER, CeleryQueues

A_SESSION = Session(
    id="a-session",
    room=Room.parse("local:stage"),
    brief=Brief("ann", "assistant", "host", timedelta(0), timedelta(seconds=600)),
    epoch=1,
)
OWN = ("id", "root_id", "correlation_id", "delivery_tag", "reply_to", "origin")  # differ each time


def opened(text):
    """A message as a worker reads it, without what is its own."""
    message = json.loads(text)
    message["body"] = json.loads(base64.b64decode(message["body"]))
    for part in (message["headers"], message["properties"]):
        for name in OWN:
            part.pop(name, None)
    return message


@pytest.fixture
def celery(redis_url):
    app = Celery("theirs", broker=redis_url.replace("unix://", "redis+socket://"))
    app.conf.update(configuration())
    app.conf.broker_url = redis_url.replace("unix://", "redis+socket://")
    return app


def test_our_launch_is_what_celery_would_send(redis_url, server, celery):
    RedisLedger(redis_url).run(CeleryQueues(ours).launch(A_SESSION, "a-claim"))
    celery.send_task(
        "bots.launch",
        ("a-session", "a-claim"),
        queue=LAUNCHES,
        argsrepr="('a-session', ...)",
        kwargsrepr="{'room': 'local:stage'}",
        soft_time_limit=(LONGEST_SESSION + ASKED_AFTER).total_seconds(),
        time_limit=(LONGEST_SESSION + KILLED_AFTER).total_seconds(),
        ignore_result=True,
    )
    theirs, mine = (opened(text) for text in server.lrange(LAUNCHES, 0, -1))

    # What kombu adds for brokers that show it
    assert theirs["properties"].pop("argsrepr") == "('a-session', ...)"
    assert theirs["properties"].pop("kwargsrepr") == "{'room': 'local:stage'}"
    assert mine == theirs


def test_so_is_evidence_which_is_sent_once(redis_url, server, celery):
    who = Participant("bot:stage", is_bot=True, session_id="a-session", epoch=7)
    evidence = Evidence("EV_1", RoomEvent.PARTICIPANT_LEFT, Room.parse("local:stage"), who)
    ledger, ours_first = RedisLedger(redis_url), CeleryQueues(ours)
    assert ledger.run(ours_first.publish(evidence)) is True
    assert ledger.run(ours_first.publish(evidence)) is False
    about = ("participant_left", "local:stage", "a-session", 7)
    celery.send_task("rooms.weigh", about, queue=CONTROL, ignore_result=True)
    theirs, mine = (opened(text) for text in server.lrange(CONTROL, 0, -1))

    assert mine == theirs


def test_a_launch_is_good_for_as_long_as_it_waits_whatever_a_worker_s_clock_says():
    message = json.loads(CeleryQueues(ours).message(A_SESSION, "a-claim"))

    assert message["headers"]["expires"] is None
    assert message["headers"]["id"] == message["properties"]["correlation_id"]


def test_launches_are_taken_first_come_first_served_and_those_in_front_before(redis_url, server):
    launches, ledger = CeleryQueues(ours), RedisLedger(redis_url)
    for session_id in ("first", "second"):
        ledger.run(launches.launch(replace(A_SESSION, id=session_id), "a-claim"))
    ledger.run(launches.launch(replace(A_SESSION, id="on-stage"), "a-claim", in_front=True))
    assert ledger.run(QueueLength(LAUNCHES)) == 3

    taken = [opened(server.rpop(LAUNCHES))["body"][0][0] for _ in range(3)]  # as Celery does

    assert taken == ["on-stage", "first", "second"] == ledger.run(Line())


def test_flower_lists_launches_with_their_room_and_not_the_reaper():
    """A run every three seconds was 95 % of what Flower listed, and a launch had no room in it."""
    from greenroom.tasks.launches import launch
    from greenroom.tasks.upkeep import reap

    message = json.loads(CeleryQueues(ours).message(A_SESSION, "a-claim"))
    shown = message["headers"]["argsrepr"] + message["headers"]["kwargsrepr"]

    assert (launch.send_events, reap.send_events) == (True, False)
    assert "a-session" in shown and "local:stage" in shown
    assert "a-claim" not in shown
