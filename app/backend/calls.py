"""One call of somebody's own backend: signed, short, and never taken elsewhere."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from greenroom.app.backend.signing import ID, SIGNATURE, sign
from greenroom.app.errors.storage import BackendAway, BackendRefused
from greenroom.app.providers.http import Http, Json, NoAnswer

ANSWERS_WITHIN = timedelta(seconds=3)
LONGEST_ANSWER = 64 * 1024  # bytes
# Answers that no repetition changes.  A wrong secret or address (401, 403, 404) is mended, and then the same call works
REFUSALS = frozenset({400, 409, 413, 422})


class Backend:
    """The backend at one address.  Threads may share it."""

    def __init__(self, url: str, secret: str, *, now: Callable[[], float] = time.time) -> None:
        self._url = url
        self._secret = secret
        self._now = now
        self._http = Http()

    def call(self, path: str, facts: Mapping[str, object], *, within: timedelta = ANSWERS_WITHIN) -> Json:
        """The object that it answers, or an empty one if it answers none.

        The same facts have the same id whenever they are sent.  Raises BackendRefused if it never takes these, and
        BackendAway if it may do so later.
        """
        body = json.dumps(facts, separators=(",", ":")).encode()  # ASCII: halves of characters as well
        call_id = hashlib.sha256(path.encode() + b"\n" + body).hexdigest()[:32]
        headers = {
            "Content-Type": "application/json",
            ID: call_id,
            SIGNATURE: sign(self._secret, call_id, int(self._now()), body),
        }
        url = f"{self._url}/{path}"
        try:
            answer = self._http.ask("POST", url, body, within=within, headers=headers, longest=LONGEST_ANSWER)
        except NoAnswer as error:
            raise BackendAway(because=str(error)) from error
        if answer.status in REFUSALS:
            raise BackendRefused(because=f"status {answer.status}")
        if not answer.is_good:
            raise BackendAway(because=f"status {answer.status}", status=answer.status)
        return answer.told or {}

    def close(self) -> None:
        self._http.close()
