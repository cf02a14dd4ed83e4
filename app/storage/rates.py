"""Rates as Redis commands."""

from datetime import timedelta

from greenroom.app.rooms.rates import ClaimPeriod, CountRequest, Once, TimeLeft
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, ms, script


def claim_period(step: ClaimPeriod) -> Command:
    names = {"period": keys.period(step.work), "came": keys.came(step.work)}
    call = script("claim_period", names, lasts_ms=ms(step.lasts), kept_ms=ms(KEPT_AFTER_END))
    return Command((call,), lambda replies: replies[0] == 1)


def once(step: Once) -> Command:
    names = {"once": keys.once(step.what), "queue": [step.queue] if step.queue else []}
    call = script("once", names, ttl_ms=ms(step.lasts), message=step.message)
    return Command((call,), lambda replies: bool(replies[0]))


def time_left(step: TimeLeft) -> Command:
    call = Call(("PTTL", keys.once(step.what)))
    return Command((call,), lambda replies: timedelta(milliseconds=max(0, replies[0])))


def count_request(step: CountRequest) -> Command:
    names = {"requests": [keys.requests(who) for who in step.whose]}
    call = script("count_request", names, window_ms=ms(step.within), at_most=list(step.whose.values()))
    return Command((call,), lambda replies: timedelta(milliseconds=replies[0]) if replies[0] else None)


ENCODERS: Encoders = {
    ClaimPeriod: claim_period,
    Once: once,
    TimeLeft: time_left,
    CountRequest: count_request,
}
