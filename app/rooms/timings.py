"""Times that people are told, by an answer, a log or the doctor, as well as kept: both read them here."""

from datetime import timedelta

from greenroom.app.rooms.leases import STALE_AFTER

WORKER_GONE_AFTER = timedelta(seconds=15)  # since its last report, a worker counts as gone
BOT_STARTS_WITHIN = timedelta(seconds=30)  # its own set-up, until its pipeline runs; then it has failed
# An event loop that stands still, or a frozen process: a bot that woke later would cut off the one that has its room
LOOP_BLOCKED_AT_MOST = STALE_AFTER
