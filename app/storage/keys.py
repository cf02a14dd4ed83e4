"""Every Redis key: what it holds, how long it lives, who writes it.

    room_active:{<room>}          json    60 s (parked 10 min), 24 h  claim, and each step on a lease
    room_epoch:{<room>}           string  30 days past use            claim, beat, supersede, hand_over, release, a move
    room_keepalive:{<room>}       json    24 h; stale after 20 s      adopt, beat, yield
    bot:config:{<room>}           json    24 h                        claim, write_config, commit_move
    room_session:{<room>}         string  24 h past the longest end   create, commit_move
    room:{<room>}:active_note     json    24 h                        write_state, commit_move
    room:{<room>}:active_applet   json    24 h                        write_state, commit_move
    room:{<room>}:desktop_mode    json    24 h                        write_state, commit_move
    room:{<room>}:active_card     json    24 h                        write_state, commit_move
    room:{<room>}:active_page     json    24 h                        write_state, commit_move
    room_emptied:{<room>}         string  24 h                        note_emptied
    rooms:keepalive               zset    kept; room -> deadline      set_deadline, clear_deadline, beat, create, a move
    session:{<id>}                hash    24 h past its end           create, transition, succeed, and the like
    conversation:{<id>}           hash    3 days past its last turn    create, begin_conversation, record, take_up
    conversation:{<id>}:turns     zset    24 h past its last turn     record, take_up
    conversation:{<id>}:outbox    list    3 days, capped              record
    conversations:outbox          zset    kept; conversation -> last turn, 3 days  record
    conversation:{<id>}:unstorable  list  30 days                     settle
    conversations:unstorable      zset    kept; conversation -> put aside   settle
    sessions:unstorable           zset    30 days past the last; session -> put aside  put_session_aside
    turns:dropped                 string  3 days                      record
    sessions:changed              zset    kept; session -> last change      create, transition, note, and the like
    sessions:paused               zset    kept; session -> since when its pause is looked after  set_pause, seen_to
    events:told                   stream  a day past the last, capped  create, transition, succeed, note, record ...
    events:heard                  stream  a day past the last, capped  hear, record
    session:{<id>}:events         stream  24 h past its end, capped   create, transition, note, and the like
    session:{<id>}:inbox          stream  24 h, capped                send, answer
    session:{<id>}:sent:<nonce>   string  a minute                    send
    session:{<id>}:answer:<msg>   list    30 s                        answer
    sessions:live                 zset    kept; session -> start      create, forget
    sessions:alone                zset    kept; session -> since when  transition, note, succeed, forget, a move
    user_bot:{<user>}             json    24 h unrenewed              create, beat, forget, commit_move
    user_call:{<user>}            json    24 h                        set_call
    user_sessions:{<user>}        zset    24 h past the longest end   create
    reaped:{<request>}            list    a minute                    tell_reaped
    voice_rooms:{<user>}          hash    30 days, renewed            open_voice_room
    hosts                         zset    kept; host -> deadline      report
    hosts:free                    hash    kept; host -> free slots    report
    host:{<id>}                   json    15 s unrenewed              report
    host:{<id>}:held              json    24 h unrenewed              report
    host:{<id>}:requested         string  24 h                        ask_host
    launches:waiting              zset    kept; session -> since      create, push, leave_line
    launches:served               string  24 h                        leave_line
    webhook:{<receiver>}:cursor   string  30 days unrenewed           put_letters
    webhook:{<receiver>}:due      zset    two days past the last      put_letters, settle_letter, send_again
    webhook:{<receiver>}:of:<session>  list  two days past the last   put_letters, send_again
    webhook:{<receiver>}:tries    hash    two days past the last      settle_letter
    webhook:{<receiver>}:dead     hash    30 days past the last       settle_letter
    webhook:{<receiver>}:dropped  string  30 days past the last       put_letters
    webhook:{<receiver>}:gaps     string  30 days past the last       put_letters
    memory                        string  kept                        claim, report
    came:{<work>}                 string  24 h                        claim_period
    period:{<work>}               string  the work's own interval     claim_period
    requests:{<whose>}            string  a minute                    count_request
    once:{<what>}                 string  30 s (a bot for a room), 15 min (a webhook), 24 h (a used resume token)  once

The braces put one room's (or one session's, conversation's, user's, worker's) keys in one slot, as a Redis Cluster
calls it.  The kept ones are everybody's, so they lie in others.  Redis is one server here all the same, since Celery
has no broker on a cluster, and a script takes keys of several slots where something would be lost between two writes:
`ACROSS_SLOTS` names each such script, and what that would be.  A kept set loses its members as their subjects end;
`memory` says whether every bot that lives could register since this Redis lost everything.

Celery keeps its own: the lists `bot:launch:queue` and `control`, `_kombu.*`,
`unacked*`, and a reply list per remote-control call.
"""

import re

from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_states import Open

OF_ONE = re.compile(r"[a-z_]+(?::[a-z_]+)?:\{")  # as in `session:{id}`: the kind, and in braces whose it is
KEPT = frozenset(
    {
        "rooms:keepalive",
        "sessions:live",
        "sessions:alone",
        "hosts",
        "hosts:free",
        "launches:waiting",
        "memory",
        "conversations:outbox",
        "conversations:unstorable",
        "sessions:changed",
        "sessions:paused",
    }
)

ROOMS_KEEPALIVE = "rooms:keepalive"
SESSIONS_LIVE = "sessions:live"
SESSIONS_ALONE = "sessions:alone"
HOSTS = "hosts"
HOSTS_FREE = "hosts:free"
LAUNCHES_WAITING = "launches:waiting"
MEMORY = "memory"
OUTBOXES = "conversations:outbox"
UNSTORABLE = "conversations:unstorable"
SESSIONS_CHANGED = "sessions:changed"
SESSIONS_PAUSED = "sessions:paused"
# Scripts that take keys of more than one slot, and what a process that died between two writes would leave
ACROSS_SLOTS = {
    "claim": "a room that is given away before the bots that live have said so, after Redis lost everything",
    "beat": "a bot that lives and is not looked after, or is not its user's",
    "create": "a session without a launch, a launch without a session, or one over a limit",
    "transition": "a bot that is alone and never asked to give way",
    "note": "a bot that somebody is with and which is asked to give way",
    "write_state": "something that is open, and that nobody was told of",
    "hear": "nothing: what is heard is told as far as it can be",
    "succeed": "a bot that is gone and is asked to give way",
    "forget": "a session that has ended and counts as one that is on",
    "record": "a turn that nobody ever stores: control finds outboxes by `conversations:outbox` alone",
    "take_up": "a conversation that goes on behind turns which only SQL has",
    "push": "a launch without a place in line",
    "once": "a piece of work that counts as done, and that nobody was told of",
    "leave_line": "a session that is passed over, as it seems",
    "find_place": "a place in a line that was never so long",
    "report": "a worker whose slots nobody counts",
    "retire": "slots of a worker that has gone",
    "forget_conversation": "an outbox that is listed and is not there",
    "read_hosts": "a list in which a worker stands twice, or not at all",
    "begin_conversation": "a conversation that is nobody's",
    "settle": "an outbox that is empty and listed, or has turns and is not",
    "put_session_aside": "a session that is kept and that nobody is told of, or the other way round",
    "forget_session": "a session that is counted as put aside, and is not there",
    "set_pause": "a pause that nobody ends once the call is over that it is for",
    "set_duration": "a session whose time in the archive is not the one it had",
    "waiting": "a number that was never true",
    "commit_move": "a session in two rooms, or in one that says it is another's",
    "call_off_move": "a room that is kept for a session which stays elsewhere",
    "count_request": "a request that one limit counts and another does not",
}
LEASES = "room_active:{*}"  # all of them, for a SCAN
SESSIONS = "session:{*}"  # all of them, for a script that puts a session's id in
HOST_CARDS = "host:{*}"  # all of them, for a script that puts a worker's id in


def is_to_end(name: str) -> bool:
    """Whether a key is ours and must have a lifetime, since it belongs to one room, session, host or piece of work."""
    return OF_ONE.match(name) is not None


def lease(room: Room) -> str:
    return f"room_active:{{{room}}}"


def last_session(room: Room) -> str:
    return f"room_session:{{{room}}}"


def epoch(room: Room) -> str:
    return f"room_epoch:{{{room}}}"


def keepalive(room: Room) -> str:
    return f"room_keepalive:{{{room}}}"


def emptied(room: Room) -> str:
    return f"room_emptied:{{{room}}}"


def config(room: Room) -> str:
    return f"bot:config:{{{room}}}"


def room_state(room: Room) -> tuple[str, ...]:
    """What is open in a room, one for each of `Open`, in its order; removed when the room's bot leaves."""
    return tuple(f"room:{{{room}}}:{name}" for name in Open)


def session(session_id: str) -> str:
    return f"session:{{{session_id}}}"


def events(session_id: str) -> str:
    return f"session:{{{session_id}}}:events"


def inbox(session_id: str) -> str:
    return f"session:{{{session_id}}}:inbox"


def sent(session_id: str, nonce: str) -> str:
    return f"session:{{{session_id}}}:sent:{nonce}"


def conversation(conversation_id: str) -> str:
    return f"conversation:{{{conversation_id}}}"


def turns(conversation_id: str) -> str:
    return f"conversation:{{{conversation_id}}}:turns"


def outbox(conversation_id: str) -> str:
    """In the conversation's cluster slot, so that one script writes a turn and its entry here."""
    return f"conversation:{{{conversation_id}}}:outbox"


def unstorable(conversation_id: str) -> str:
    """Turns that the archive refuses, for somebody to look at."""
    return f"conversation:{{{conversation_id}}}:unstorable"


def told() -> str:
    return "events:told"


def heard() -> str:
    return "events:heard"


def webhook_cursor(receiver: str) -> str:
    return f"webhook:{{{receiver}}}:cursor"


def webhook_due(receiver: str) -> str:
    return f"webhook:{{{receiver}}}:due"


def webhook_queue(receiver: str, session: str) -> str:
    """A session's letters to a receiver; of `*` for a script that puts a session's id in."""
    return f"webhook:{{{receiver}}}:of:{session}"


def webhook_tries(receiver: str) -> str:
    return f"webhook:{{{receiver}}}:tries"


def webhook_dead(receiver: str) -> str:
    return f"webhook:{{{receiver}}}:dead"


def webhook_dropped(receiver: str) -> str:
    return f"webhook:{{{receiver}}}:dropped"


def webhook_gaps(receiver: str) -> str:
    return f"webhook:{{{receiver}}}:gaps"


def sessions_unstorable() -> str:
    """Sessions that the archive refuses, for somebody to look at."""
    return "sessions:unstorable"


def turns_dropped() -> str:
    return "turns:dropped"


def answer(session_id: str, message_id: str) -> str:
    return f"session:{{{session_id}}}:answer:{message_id}"


def user_bot(user_id: str) -> str:
    return f"user_bot:{{{user_id}}}"


def reaped(request_id: str) -> str:
    return f"reaped:{{{request_id}}}"


def voice_rooms(user_id: str) -> str:
    return f"voice_rooms:{{{user_id}}}"


def user_call(user_id: str) -> str:
    return f"user_call:{{{user_id}}}"


def user_sessions(whose: str) -> str:
    return f"user_sessions:{{{whose}}}"


def host(host_id: str) -> str:
    return f"host:{{{host_id}}}"


def held(host_id: str) -> str:
    return f"host:{{{host_id}}}:held"


def requested_state(host_id: str) -> str:
    return f"host:{{{host_id}}}:requested"


def period(work: str) -> str:
    return f"period:{{{work}}}"


def once(what: str) -> str:
    return f"once:{{{what}}}"


def requests(whose: str) -> str:
    return f"requests:{{{whose}}}"


def served() -> str:
    return "launches:served"


def came(work: str) -> str:
    return f"came:{{{work}}}"
