"""Every event that our own code writes to the log, by name, and what has happened then.

A log line's name is `noun_verb_past` and one of these, so that whoever searches a log knows what to search for; what
varies is in the line's fields.  A test holds each call of `log` to this list, and docs/operations.md as well.
"""

EVENTS = {
    # Joins
    "join_answered": "a join was answered: who, where, the session, its `state`, whether it was `reused`, `latency_ms`",
    "join_refused": "a join was refused; `kind` is the last word of the problem's type",
    "profile_write_failed": "the database was away, or late: what a join brought of its user was told to the bot alone",
    # Sessions and their rooms
    "session_changed": "a session is in another `state`; an end has its `reason`",
    "session_relaunched": "a session whose bot is gone gets its next one",
    "session_handed_over": "a bot has taken a session over from the bot before it",
    "session_handover_failed": "a session could not be handed over, and goes on after a crash",
    "session_write_failed": "Redis is away; what was to be written of a session is written later",
    "step_write_failed": "Redis is away, or refused a step that the call can do without",
    "transition_refused": "a bot's change of state was refused: the session's present state does not lead there",
    "successor_failed": "a session's next bot could not be prepared; the present one stays",
    "room_given_up": "a bot has left its room to the session's next one; `because` says why",
    "room_check_failed": "the reaper failed to look after a room; it tries again",
    # Bots and their processes
    "bot_lost": "a bot's process is dead, or was not heard for too long",
    "bot_failed": "a bot raised an error",
    "bot_rejected": "a bot cannot be run as it is written",
    "bot_import_failed": "a bot of `BOTS` cannot be imported",
    "bot_process_lost": "a bot's process has ended before its bot had",
    "bot_processes_killed": "processes that a bot had started outlived it, and were ended",
    "bot_task_failed": "a task that a bot had left behind failed while it was cancelled",
    "bot_cleanup_failed": "what a bot left behind could not be cleared away",
    "bot_put_out": "a room's server has put the bot out; `kind` says why",
    "bot_evicted": "a bot of an earlier epoch was put out of its room, so that the next one can come",
    "helper_ended": "a task that must run as long as its session (heartbeat, inbox, ...) has ended before it",
    "process_retired": "a bot's process takes no further bot; another is started",
    # Launches and workers
    "launch_repeated": "nobody had taken a launch in time, and it is queued again",
    "launch_adoption_refused": "a launch was delivered whose session has a bot already, or has ended",
    "launch_session_missed": "a launch was delivered for a session without a record",
    "warmup_failed": "a bot's process could not load what bots need, and ends",
    "worker_state_requested": "an operator wants a worker to drain, to stop or to go on",
    "worker_stopped": "a worker that was to stop has no bot left",
    "report_write_failed": "Redis is away; a worker could not say what it runs",
    "death_report_failed": "a worker could not tell that a bot's process has died; it tries again",
    # What is said, asked and shown
    "message_failed": "a bot raised an error over a request to it",
    "message_rejected": "a request to a bot is of no known kind or form",
    "message_refused": "a person's client sent a kind of message that is not taken from clients",
    "message_send_failed": "a message to a room's clients could not be sent",
    "answer_rejected": "a bot's answer to a request has no known form",
    "memory_load_failed": "what is known of a person could not be had in time; the bot begins without it",
    "turn_refused": "a turn is not written: the session has another bot by now",
    "turns_dropped": "Redis was away for so long that the oldest turns were never written; how many so far",
    "flush_failed": "what was said could not be stored for good; it waits in Redis, and is stored later",
    "turn_rejected": "the database never takes a turn; it is put aside in Redis for a month",
    "outbox_rejected": "turns in Redis are of no known form; they are put aside there for a month",
    "session_rejected": "the database never takes a session's record; its turns are stored",
    "turns_write_failed": "Redis is away; what was said is kept, and written later",
    "room_state_refused": "what is open in a room is not written: the room has another bot by now",
    "camera_change_failed": "a bot's camera could not be turned on or off",
    # Servers of rooms
    "room_entry_failed": "a bot could not get into its room yet; it tries again",
    "room_prepare_failed": "a Daily room could not be made or found",
    "room_close_failed": "a bot did not leave its room in order: it raised an error, or took too long",
    "room_metadata_failed": "a LiveKit room's metadata could not be written",
    "evidence_heard": "a webhook of a room's server was accepted",
    "presence_bot_joined": "a room with people and no bot was given one",
    "presence_join_refused": "a room with people and no bot could not be given one",
    "presence_check_failed": "a room's server could not be asked who is there",
    "livekit_call_failed": "the LiveKit server did not answer",
    "daily_call_failed": "Daily did not answer",
    "daily_refused": "Daily refused a request",
    "daily_room_made": "a Daily room was made",
    "daily_eject_skipped": "there was nobody to put out of a Daily room",
    # The rest
    "redis_refused": "Redis refused a command, as when its memory is full",
    "request_failed": "a request met a bug of ours; the answer was 500",
    "pipecat_warned": "pipecat warned of something; `text` has its words, without those of people",
}
