"""Users' bots as Redis commands."""

import json

from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.user_bots import ReadUserBot, UserBot
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, Reply, dumps


def card_of(session_id: str, room: Room, brief: Brief, since_ms: int) -> str:
    """What `user_bot` says of a session, as JSON; the script adds the time."""
    facts = {"session_id": session_id, "room_url": str(room), "since": str(since_ms)}
    return dumps({**facts, "personality": brief.personality, "persona": brief.persona})


def read_user_bot(step: ReadUserBot) -> Command:
    def read(replies: list[Reply]) -> UserBot | None:
        if not replies[0]:
            return None
        card = json.loads(replies[0])
        return UserBot(
            session_id=card["session_id"],
            room=Room.parse(card["room_url"]),
            personality=card["personality"],
            persona=card.get("persona"),
            since_ms=int(card["since"]),
            heard_ms=int(card["timestamp"]),
        )

    return Command((Call(("GET", keys.user_bot(step.user_id))),), read)


ENCODERS: Encoders = {ReadUserBot: read_user_bot}
