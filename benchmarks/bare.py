"""The peer of bench-api: the least that a launcher of bots can do in Flask, with our claim and one publish."""

import json
import os
import secrets

import redis
from flask import Flask, request

from greenroom.app.rooms.leases import Claim
from greenroom.app.rooms.room import Room
from greenroom.app.storage.commands import SCRIPTS, by_sha
from greenroom.app.storage.encoding import encode
from tests.rigs.makers import a_brief

app = Flask(__name__)
client = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


@app.post("/join")
def join() -> tuple[dict[str, object], int]:
    order = request.get_json()
    session_id = secrets.token_hex(16)
    brief = a_brief(user_id=order["user_id"])
    step = Claim(Room.parse(order["room_url"]), session_id, secrets.token_hex(16), brief)
    (call,) = encode(step).calls
    try:
        outcome = client.execute_command(*by_sha(call))
    except redis.exceptions.NoScriptError:
        outcome = client.execute_command("EVAL", SCRIPTS["claim"], *call.args)
    if outcome[0] == "held":
        return {"session_id": json.loads(outcome[1])["session_id"], "reused": True}, 200
    client.lpush("bare:launches", session_id)
    return {"session_id": session_id, "reused": False}, 202
