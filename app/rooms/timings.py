"""Times that people are told, by an answer, a log or the doctor, as well as kept: both read them here."""

from datetime import timedelta

from greenroom.app.rooms.leases import STALE_AFTER

WORKER_GONE_AFTER = timedelta(
    seconds=15
)  # a worker that has not reported for so long gets no launches counted on it
BOT_STARTS_WITHIN = timedelta(seconds=30)  # a bot whose pipeline does not run by then is ended, as failed
LOOP_BLOCKED_AT_MOST = (
    STALE_AFTER  # a blocked event loop's process is killed before its room may be another bot's
)
