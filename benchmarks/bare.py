"""The peer of bench-api: the least that a launcher of bots can do in Flask, with our claim script and one publish."""

import json
import os
import secrets

import redis
from flask import Flask, request

from greenroom.app.storage.commands import SCRIPTS

app = Flask(__name__)
client = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
claim = client.register_script(SCRIPTS["claim"])


@app.post("/join")
def join() -> tuple[dict[str, object], int]:
    order = request.get_json()
    room, session_id = order["room_url"], secrets.token_hex(16)
    names = ("room_active", "room_epoch", "room_keepalive", "bot:config")
    card = json.dumps(
        {"session_id": session_id, "bot": "assistant", "user": order["user_id"], "mode": "voice"}
    )
    outcome = claim(
        keys=[*(f"{name}:{{{room}}}" for name in names), "memory"],
        args=[secrets.token_hex(16), card, 60_000, 20_000, 4_000, 10_000, 0, 2_592_000_000],
    )
    if outcome[0] == "held":
        return {"session_id": json.loads(outcome[1])["session_id"], "reused": True}, 200
    client.lpush("bare:launches", session_id)
    return {"session_id": session_id, "reused": False}, 202
