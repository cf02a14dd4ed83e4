"""Tries what a join needs and takes it back at once: a claim, a room, a web process.  No bot is launched."""

import http.client
import json
import re
import secrets
import uuid
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.brief import NOBODYS
from greenroom.app.rooms.leases import Claim, Claimed, Held, NotYet, ReadRoom, Withdraw
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.providers import Provider
from greenroom.app.rooms.room import LOCAL, Room

# Always the same: what remembers the last epoch of a room stays for a month, and each trial would leave one more
ROOM = Room(LOCAL, "greenroom-doctor")
WEB_ANSWERS_WITHIN = 0.3  # seconds
WEB_LOOKS_WITHIN = 1.0  # seconds; it asks Redis first
NOBODY = "doctor"
IN_A_SCRIPT = re.compile(r"^Error running script .*@user_script: ?\d+: -?")  # before the refusal itself


class Outcome(StrEnum):
    """How a trial claim ended."""

    DONE = "done"  # a room was claimed, and given back
    HELD = "held"  # another doctor is trying just now
    SETTLING = "settling"  # Redis has lost everything a moment ago, and gives no room away yet
    REFUSED = "refused"  # Redis answers, and does not take what is written
    LEFT = "left"  # it was claimed, and could not be given back


@dataclass(frozen=True)
class Claiming:
    """A room was claimed, as a join does, and given back before any bot was launched."""

    outcome: Outcome
    why: str = ""  # Redis's own words


@dataclass(frozen=True)
class Web:
    """What a web process answers."""

    livez: int | None  # the status; None: nobody answers
    why_not: str = ""
    missing: str | None = None  # what `/readyz` says is not there; None: nothing, or it was not asked
    takes_key: bool | None = None  # None: there was no key to try


def claim(ledger: Ledger) -> Claiming:
    """Claim a room, look at it, and give it back.  Raises RedisAway if Redis does not answer at all."""
    token = secrets.token_hex(16)
    order = Claim(ROOM, str(uuid.uuid4()), token, replace(NOBODYS, user_id=NOBODY, bot=NOBODY))
    try:
        match ledger.run(order):
            case Claimed() as claimed:
                is_back = (
                    ledger.run(Withdraw(ROOM, claimed.epoch)) and ledger.run(ReadRoom(ROOM)).lease is None
                )
                return Claiming(Outcome.DONE if is_back else Outcome.LEFT)
            case Held():
                return Claiming(Outcome.HELD)
            case NotYet():
                return Claiming(Outcome.SETTLING)
    except RedisAway as error:
        if (why := refusal(error)) is None:
            raise
        return Claiming(Outcome.REFUSED, why)


def refusal(error: RedisAway) -> str | None:
    """Redis's own words, if it does answer and refuses; None if it does not answer."""
    cause = error.__cause__
    names = {kind.__name__ for kind in type(cause).__mro__} if cause else set()
    if "ResponseError" not in names:
        return None
    return IN_A_SCRIPT.sub("", str(cause))


def enter(provider: Provider) -> None:
    """Have a room made and removed, and a way into it signed.  Raises what a join would."""
    provider.busy_rooms()
    provider.rehearse(Room(provider.name, f"{ROOM.name}-{secrets.token_hex(4)}", provider.server))


def ask_web(address: str, key: str) -> Web:
    """Whether a web process answers, is ready, and takes the key."""
    status, body = _get(address, "/livez", WEB_ANSWERS_WITHIN)
    if status != http.HTTPStatus.OK:
        return Web(status, body)
    _, told = _get(address, "/readyz", WEB_LOOKS_WITHIN)
    missing = _missing(told)
    if not key:
        return Web(status, missing=missing)
    answered, _ = _get(address, f"/rooms/{ROOM}", WEB_LOOKS_WITHIN, {"Authorization": f"Bearer {key}"})
    refused = (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN)
    return Web(status, missing=missing, takes_key=None if answered is None else answered not in refused)


def ask_events(address: str) -> str | None:
    """Why the events process does not serve, if it does not."""
    status, body = _get(address, "/readyz", WEB_LOOKS_WITHIN)
    return f"no answer ({body})" if status is None else _missing(body)


def _get(
    address: str, path: str, within: float, headers: dict[str, str] | None = None
) -> tuple[int | None, str]:
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=within)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(100_000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return None, type(error).__name__
    finally:
        connection.close()


def _missing(told: str) -> str | None:
    """What `/readyz` says is not there, in its own words."""
    try:
        said = json.loads(told)
        if said["ready"]:
            return None
        return "; ".join(f"{name}: {found}" for name, found in said["checks"].items() if found != "ok")
    except (ValueError, KeyError, TypeError, AttributeError):
        return "`/readyz` does not answer as it should"
