"""What a session's bot can be asked, by subject: each request with its fields, its answer, who sends it, its time
limit, and what the bot does then.

`messages.ask` puts a request into the session's inbox and waits for the answer.  A bot reads its inbox once its
pipeline runs, or a second after it has taken the session up if that is earlier, and handles requests in order; a
request that is older than its time limit when it is read is answered with `expired` and not handled.  So is a request
that was for the session's bot before; `ask` sends it again to this one.

To let a bot be asked something new, say to whisper, write a class beside its kin, and name it in `table.py`; its answer
is `Done`, or one more of `answers.py`.  Where it does what no request has needed yet, `asked_bot.py` gets a method, and
`bots/stay/requests.py` says how that is done to a pipecat bot.  The API sends it where it is `for_callers`; one that
needs more than its own fields has a view of its own.
"""
