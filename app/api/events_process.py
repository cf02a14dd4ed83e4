"""Whether the process `events` serves, for those who ask a web process how all is."""

import http.client
from http import HTTPStatus
from urllib.parse import urlsplit

ANSWERS_WITHIN = 0.5  # seconds: a load balancer waits for the whole answer, and asks often


def check(address: str) -> str:
    """`ok`, or why no event is streamed and no webhook sent; calls go on without it."""
    where = urlsplit(address)
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = kind(where.hostname or "", where.port, timeout=ANSWERS_WITHIN)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"the events process does not answer ({type(error).__name__})"
    finally:
        connection.close()
    return "ok" if status == HTTPStatus.OK else "the events process answers, and is not ready"
