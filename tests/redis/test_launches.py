"""A launch that we put in the queue is one that Celery would have put there."""

import base64
import json
from datetime import timedelta

import pytest
import redis
from celery import Celery

from app.rooms.room import Room
from app.rooms.sessions import Session
from app.storage.ledger import RedisLedger
from tasks.celery import LAUNCHES
from tasks.celery import app as ours
from tasks.outgoing import CeleryLaunches

A_SESSION = Session(
    id="a-session",
    room=Room.parse("local:stage"),
    user_id="ann",
    bot="assistant",
    personality="host",
    mode="voice",
    persistence=timedelta(0),
    max_duration=timedelta(seconds=600),
    epoch=1,
)
OWN = ("id", "root_id", "correlation_id", "delivery_tag", "reply_to", "origin", "expires")  # differ each time


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
    app.conf.update(ours.conf.changes)
    app.conf.broker_url = redis_url.replace("unix://", "redis+socket://")
    return app


def test_our_launch_is_what_celery_would_send(redis_url, celery):
    RedisLedger(redis_url).run(CeleryLaunches(ours).launch(A_SESSION, "a-claim"))
    celery.send_task(
        "bots.launch",
        ("a-session", "a-claim"),
        queue=LAUNCHES,
        argsrepr="(...)",
        expires=10,
        soft_time_limit=630.0,
        time_limit=660.0,
        ignore_result=True,
    )
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        theirs, mine = (opened(text) for text in client.lrange(LAUNCHES, 0, -1))

    # What kombu adds for brokers that expire messages themselves; Celery's worker reads the header.
    assert theirs["properties"].pop("expiration") == "10000"
    assert theirs["properties"].pop("argsrepr") == "(...)"
    assert mine == theirs


def test_a_launch_says_until_when_it_is_good():
    message = json.loads(CeleryLaunches(ours).message(A_SESSION, "a-claim"))

    assert message["headers"]["expires"]
    assert message["headers"]["id"] == message["properties"]["correlation_id"]
