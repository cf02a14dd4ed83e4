"""Rates as Redis commands."""

from datetime import timedelta

from greenroom.app.rooms.rates import ClaimPeriod, CountRequest, Once
from greenroom.app.rooms.sessions import KEPT_AFTER_END
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Command, Encoders, ms, script


def claim_period(step: ClaimPeriod) -> Command:
    names = [keys.period(step.work), keys.came(step.work)]
    call = script("claim_period", names, ms(step.lasts), ms(KEPT_AFTER_END))
    return Command((call,), lambda replies: replies[0] == 1)


def once(step: Once) -> Command:
    names = [keys.once(step.what), step.queue] if step.queue else [keys.once(step.what)]
    return Command((script("once", names, ms(step.lasts), step.message),), lambda replies: bool(replies[0]))


def count_request(step: CountRequest) -> Command:
    names = [keys.requests(who) for who in step.whose]
    call = script("count_request", names, ms(step.within), *step.whose.values())
    return Command((call,), lambda replies: timedelta(milliseconds=replies[0]) if replies[0] else None)


ENCODERS: Encoders = {
    ClaimPeriod: claim_period,
    Once: once,
    CountRequest: count_request,
}
