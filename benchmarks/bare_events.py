"""The peer of bench-events: a stream as one writes it first, with a blocking read of Redis for each listener."""

import json
import os
from collections.abc import Iterator
from typing import Any

import redis
from flask import Flask, Response

app = Flask(__name__)
pool = redis.BlockingConnectionPool.from_url(
    os.environ["REDIS_URL"], max_connections=10_000, decode_responses=True
)


@app.get("/events")
def events() -> Response:
    return Response(_stream(), mimetype="text/event-stream")


def _stream() -> Iterator[str]:
    server = redis.Redis(connection_pool=pool)
    after = "$"
    yield "retry: 1000\n\n"
    while True:
        found: Any = server.xread({"events:told": after}, block=10_000)
        for _, entries in found or ():
            for after, fields in entries:
                told = {**fields, "sequence": int(fields["sequence"])}
                yield f"id: {after}\nevent: {fields['type']}\ndata: {json.dumps(told, separators=(',', ':'))}\n\n"
