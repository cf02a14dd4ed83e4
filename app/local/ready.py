"""Asks the started processes from outside, as their users would, whether they are ready."""

import http.client
import json
from collections.abc import Callable
from urllib.parse import urlsplit

from greenroom.app.local import embedded_redis
from greenroom.app.settings import Settings

ASK_WITHIN = 2.0  # seconds

Probe = Callable[[Settings], str | None]  # the reason why not, in words


def redis(settings: Settings) -> str | None:
    """Why Redis is not ready: it does not answer, or still loads its data."""
    if settings.redis_is_embedded:
        return None if embedded_redis.answers(settings.redis_socket) else "Redis does not answer"
    from redis import Redis  # a third of a second that only this case needs
    from redis.exceptions import RedisError

    try:
        with Redis.from_url(
            settings.redis_url,
            socket_timeout=ASK_WITHIN,
            socket_connect_timeout=ASK_WITHIN,
            driver_info=None,
        ) as connection:
            connection.ping()
    except (RedisError, OSError) as error:
        where = urlsplit(settings.redis_url)
        address = where.netloc.rpartition("@")[2] or where.path  # without the password
        return f"Redis does not answer at {address}, as REDIS_URL has it ({type(error).__name__})"
    return None


def web(settings: Settings) -> str | None:
    return _answers(f"{settings.address}/livez")


def bots(settings: Settings) -> str | None:
    """Why a join would get no bot: the web process knows whether anybody would take its launch."""
    return _answers(f"{settings.address}/readyz") or joins(settings)


def joins(settings: Settings) -> str | None:
    """Why no join would be accepted now.  A room is claimed and given back, with a join's own patience.

    Redis may answer all who read, and keep those waiting who write: the first join after "ready" was refused then.
    Where Redis has just lost everything, a join waits for its room and gets it, so that is no reason.
    """
    from greenroom.app.errors.storage import RedisAway
    from greenroom.app.operate import trial
    from greenroom.app.storage.ledger import RedisLedger

    ledger = RedisLedger(settings.redis_url)
    try:
        tried = trial.claim(ledger)
    except RedisAway:
        return "Redis answers, and takes no join in time"
    finally:
        ledger.close()
    return f"Redis takes no join: {tried.why}" if tried.outcome is trial.Outcome.REFUSED else None


def flower(settings: Settings) -> str | None:
    return _answers(f"{settings.flower_address}/healthcheck")


def events(settings: Settings) -> str | None:
    return _answers(f"{settings.events_url}/readyz")


def livekit(settings: Settings) -> str | None:
    return _answers(f"http://127.0.0.1:{settings.livekit_port}/")


def unfit(settings: Settings) -> dict[str, str]:
    """The bots that no worker can start, and why, as the workers report; nothing if Redis cannot tell."""
    from greenroom.app.errors.storage import RedisAway
    from greenroom.app.rooms.overview import Overview
    from greenroom.app.storage.ledger import RedisLedger

    ledger = RedisLedger(settings.redis_url)
    try:
        return {name: why for host in Overview(ledger).hosts() for name, why in host.unfit.items()}
    except RedisAway:
        return {}
    finally:
        ledger.close()


PROBES: dict[str, Probe] = {
    "redis": redis,
    "web": web,
    "bots": bots,
    "events": events,
    "flower": flower,
    "livekit": livekit,
}


def _answers(url: str) -> str | None:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=ASK_WITHIN)
    try:
        connection.request("GET", where.path)
        reply = connection.getresponse()
        body = reply.read()
    except (OSError, http.client.HTTPException) as error:
        return f"{url} does not answer ({type(error).__name__})"
    finally:
        connection.close()
    return None if reply.status == http.HTTPStatus.OK else f"{url} says {reply.status}{_detail(body)}"


def _detail(body: bytes) -> str:
    try:
        checks = json.loads(body)["checks"]
        return ": " + ", ".join(
            f"{name}: {found}" for name, found in checks.items() if found not in (True, "ok")
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
