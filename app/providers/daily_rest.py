"""Daily's REST API over HTTP: each call is tried again for PATIENCE, and no longer.

https://docs.daily.co/reference/rest-api: errors are `{"error": kind, "info": words}`; about 20 requests a second
are answered, 2 a second of those that list or delete, and 429 says that it was too much.
"""

import random
import time
from datetime import timedelta

import structlog

from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.providers.http import Http, Json, NoAnswer

CALL_WITHIN = timedelta(seconds=2)
PATIENCE = timedelta(seconds=5)  # how long all tries of one call may take together
FIRST_PAUSE = timedelta(milliseconds=250)  # doubled from try to try, where Daily does not say how long

log = structlog.get_logger(__name__)


class Refused(Exception):
    """Daily refuses a call with a 4xx; the same call would be refused again."""

    def __init__(self, status: int, kind: str, info: str) -> None:
        super().__init__(f"{status} {kind}: {info}")
        self.status = status
        self.kind = kind
        self.info = info


class _Failed(Exception):
    """A try has failed that may work when repeated, after `pause` if Daily has named one."""

    def __init__(self, why: str, pause: timedelta | None = None) -> None:
        super().__init__(why)
        self.pause = pause


class Rest:
    """The HTTP client of one domain.  Threads may share it; it opens its connections at the first call."""

    def __init__(self, url: str, api_key: str) -> None:
        self._url = url.rstrip("/")
        self._api_key = api_key
        self._http = Http()  # no proxy, nor a netrc's credentials in place of ours

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Call Daily and return its answer.  Raises Refused, or ProviderAway when PATIENCE is over."""
        until = time.monotonic() + PATIENCE.total_seconds()
        pause = FIRST_PAUSE
        while True:
            try:
                return self._try(method, path, body, until)
            except _Failed as failure:
                wait = (failure.pause or pause * random.uniform(0.8, 1.2)).total_seconds()
                pause *= 2
                if time.monotonic() + wait >= until:
                    log.warning("daily_call_failed", method=method, path=path, because=str(failure))
                    raise _away(failure.pause) from failure
                time.sleep(wait)

    def close(self) -> None:
        self._http.close()

    def _try(self, method: str, path: str, body: Json | None, until: float) -> Json:
        within = min(CALL_WITHIN, timedelta(seconds=until - time.monotonic()))
        headers = {"Authorization": f"Bearer {self._api_key}"}
        try:
            answer = self._http.ask(method, self._url + path, body, within=within, headers=headers)
        except NoAnswer as failure:
            raise _Failed(str(failure)) from failure
        status, told = answer.status, answer.told
        if status == 429 or status >= 500:
            raise _Failed(f"status {status}", _retry_after(answer.headers.get("Retry-After")))
        if answer.is_good and told is not None:
            return told
        if status < 400:  # a redirect, or an answer that is no JSON object
            raise _Failed(f"status {status}, and not what Daily answers")
        refusal = told or {}
        raise Refused(status, str(refusal.get("error", "")), str(refusal.get("info", "")))


def _away(pause: timedelta | None) -> ProviderAway:
    away = ProviderAway()
    if pause:
        away.retry_after = max(away.retry_after, min(60, round(pause.total_seconds())))
    return away


def _retry_after(header: str | None) -> timedelta | None:
    """The seconds that a Retry-After header names; None for a date, which would depend on both clocks."""
    try:
        return timedelta(seconds=min(max(float(header or ""), 0), 3600))
    except ValueError:
        return None
