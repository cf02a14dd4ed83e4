"""Every Redis key: what it holds, how long it lives, who writes it.

    room_active:{<room>}          json    60 s pending, 24 h active   claim, adopt, beat
    room_epoch:{<room>}           string  30 days past use            claim, beat, reap
    room_keepalive:{<room>}       json    24 h; stale after 30 s      adopt, beat
    bot:config:{<room>}           json    24 h                        claim, write_config
    room:{<room>}:active_note     json    24 h                        the bot's tools
    room:{<room>}:active_applet   json    24 h                        the bot's tools
    room:{<room>}:desktop_mode    json    24 h                        the bot's tools
    rooms:keepalive               zset    kept; room -> deadline      mark, unmark
    session:{<id>}                hash    24 h past its end           create, transition
    session:{<id>}:events         stream  24 h past its end, capped   create, transition, note
    session:{<id>}:inbox          stream  24 h, capped                send, answer
    session:{<id>}:answer:<msg>   list    30 s                        answer
    sessions:live                 zset    kept; session -> start      create, transition
    user_bot:{<user>}             json    24 h                        create
    hosts                         zset    kept; host -> deadline      report
    host:{<id>}                   json    15 s unrenewed              report
    ran:{<work>}                  string  24 h                        since_last
    turn:{<work>}                 string  the work's own interval     take_turn

The braces put one room's (or one session's) keys in one cluster slot, so that a
script may use them together; the three kept sets lie elsewhere and are never
mixed in.  A kept set loses its members as their subjects end.

Celery keeps its own: the lists `bot:launch:queue` and `control`, `_kombu.*`,
`unacked*`, and a reply list per remote-control call.
"""

from app.rooms.room import Room

KEPT = frozenset({"rooms:keepalive", "sessions:live", "hosts"})

ROOMS_KEEPALIVE = "rooms:keepalive"
SESSIONS_LIVE = "sessions:live"
HOSTS = "hosts"


def lease(room: Room) -> str:
    return f"room_active:{{{room}}}"


def epoch(room: Room) -> str:
    return f"room_epoch:{{{room}}}"


def keepalive(room: Room) -> str:
    return f"room_keepalive:{{{room}}}"


def config(room: Room) -> str:
    return f"bot:config:{{{room}}}"


def room_state(room: Room) -> tuple[str, str, str]:
    """What is open in a room; it goes when the room's bot goes."""
    return (
        f"room:{{{room}}}:active_note",
        f"room:{{{room}}}:active_applet",
        f"room:{{{room}}}:desktop_mode",
    )


def session(session_id: str) -> str:
    return f"session:{{{session_id}}}"


def events(session_id: str) -> str:
    return f"session:{{{session_id}}}:events"


def inbox(session_id: str) -> str:
    return f"session:{{{session_id}}}:inbox"


def answer(session_id: str, message_id: str) -> str:
    return f"session:{{{session_id}}}:answer:{message_id}"


def user_bot(user_id: str) -> str:
    return f"user_bot:{{{user_id}}}"


def host(host_id: str) -> str:
    return f"host:{{{host_id}}}"


def ran(work: str) -> str:
    return f"ran:{{{work}}}"


def turn(work: str) -> str:
    return f"turn:{{{work}}}"
