"""How many requests a minute a caller may make, counted in Redis for all web processes together.

Without Redis nobody is counted, and nobody is served either: every view that needs a key needs Redis.
"""

import math
from collections.abc import Mapping

from flask import Flask, current_app, g

from greenroom.app.errors.limits import TooManyRequests
from greenroom.app.rooms.rates import CountRequest

OF_THE_KEY = 60_000  # requests a minute, those with its sessions' tokens included: more than two cores answer
OF_A_LINK = (
    12_000  # with all passes and tokens that go back to one pass: whoever holds it makes up guests at will
)
OF_A_USER = 1_200  # with the tokens and passes of one user, or one invitation: a page makes one a second while it waits


def register(app: Flask) -> None:
    """Count each request, after `auth` has found out whose it is."""
    app.before_request(_count)


def _count() -> None:
    if "token" not in g:  # a public view
        return
    wait = current_app.extensions["greenroom"].ledger.run(CountRequest(_whose()))
    if wait is not None:
        raise TooManyRequests(math.ceil(wait.total_seconds()))


def _whose() -> Mapping[str, int]:
    if g.token is None and g.held is None:
        return {"key": OF_THE_KEY}
    user_id = g.token[1] if g.token else g.held.user_id
    whose = {f"user:{user_id}" if user_id else f"invitation:{g.link}": OF_A_USER}
    if g.link:
        whose[f"link:{g.link}"] = OF_A_LINK
    return {**whose, "key": OF_THE_KEY}
