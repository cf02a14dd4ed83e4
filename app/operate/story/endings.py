"""How a session ended: how bad it is, what it means, and what to do."""

from collections.abc import Mapping

from greenroom.app.operate.findings import OK, PROBLEM, WARNING, Verdict
from greenroom.app.operate.wording import duration
from greenroom.app.rooms.leases import PLACE_KEPT_FOR
from greenroom.app.rooms.sessions import Reason

# How a session ended: how bad it is, what it means, and what to do.
ENDINGS: Mapping[Reason, tuple[Verdict, str, str]] = {
    Reason.LEFT: (OK, "the call was ended", ""),
    Reason.IDLE: (
        OK,
        "the person left, and did not come back while the bot waited, or said nothing for long",
        "",
    ),
    Reason.NO_SHOW: (
        OK,
        "nobody came into the room while the bot waited",
        "If somebody did try: could their browser reach the bot's machine by UDP (ICE_SERVERS, a firewall)?",
    ),
    Reason.MAX_DURATION: (OK, "its time was over (`max_duration` of its join, else MAX_DURATION)", ""),
    Reason.SUPERSEDED: (WARNING, "another session has taken the room over from it", ""),
    Reason.MOVED_OUT: (OK, "the bot has moved to another room", ""),
    Reason.LAUNCH_FAILED: (
        PROBLEM,
        "no bot could be started",
        "Look at `greenroom doctor` for workers and queue, and at the bots worker's log around that time.",
    ),
    Reason.NOT_ASKED_FOR: (
        WARNING,
        "it waited for a slot, and its caller stopped asking",
        f"Who waits keeps the place by asking again within {duration(PLACE_KEPT_FOR)}. More SLOTS or workers help.",
    ),
    Reason.NO_SLOT: (
        PROBLEM,
        "its worker was stopped, and no other slot became free for it in ten minutes",
        "Start a worker, or raise SLOTS.",
    ),
    Reason.NO_WORKER: (
        PROBLEM,
        "there was no worker that could have started its bot",
        "Start one (the `bots` line of the Procfile).",
    ),
    Reason.ROOM_GONE: (WARNING, "the room was gone at its provider", ""),
    Reason.EJECTED: (WARNING, "the bot was thrown out of the room", ""),
    Reason.CRASHED_TOO_OFTEN: (
        PROBLEM,
        "its bots died again and again within a few minutes, so no further one was started",
        "The bots worker's log has the tracebacks, by session_id: is it this bot, its speech service, or memory?",
    ),
    Reason.SHUTDOWN: (
        WARNING,
        "its worker was told to stop at once",
        "Stop workers with SIGTERM, or `greenroom drain`: then calls are handed over instead.",
    ),
    Reason.ERROR: (PROBLEM, "its bot failed", "The bots worker's log says why, by session_id."),
}
