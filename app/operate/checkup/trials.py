"""What came of the trials: a join that is taken back, and the web process asked as a caller would."""

from collections.abc import Mapping
from http import HTTPStatus

from greenroom.app.operate.checkup.redis import REMEDIES
from greenroom.app.operate.findings import OK, PROBLEM, START, WARNING, Finding
from greenroom.app.operate.trial import Claiming, Outcome, Web
from greenroom.app.rooms.letters import Waiting


def join(tried: Claiming) -> Finding:
    """What the outcome of a trial join means."""
    told = {"outcome": tried.outcome}
    match tried.outcome:
        case Outcome.DONE:
            says = "A trial join got a room, and gave it back; no bot was launched for it."
            return Finding("trial join", OK, says, facts=told)
        case Outcome.HELD:
            return Finding("trial join", OK, "Another doctor is trying a join just now.", facts=told)
        case Outcome.SETTLING:
            return Finding(
                "trial join",
                WARNING,
                "Redis is new, or has lost everything a moment ago: it gives rooms to nobody until every bot that "
                "lives has had the time to say so.",
                "Look again in five seconds.",
                told,
            )
        case Outcome.LEFT:
            return Finding(
                "trial join",
                PROBLEM,
                "A trial join got a room, and could not give it back.",
                "It lapses within a minute. Do two Greenrooms use one Redis?",
                told,
            )
        case Outcome.REFUSED:
            return Finding(
                "trial join",
                PROBLEM,
                f"Redis answers, and refuses what is written to it: {tried.why.rstrip('.')}. Nobody can join. Calls "
                "that are on go on, and their bots keep what they would write.",
                REMEDIES.get(
                    tried.why.partition(" ")[0],
                    "Look at Redis's log, and at what its user may do (`redis-cli acl whoami`).",
                ),
                told,
            )


def events(address: str, why_not: str | None) -> Finding:
    """Whether what happens is told to those who want to know."""
    if why_not is None:
        return Finding("events", OK, f"The events process at {address} answers.")
    return Finding(
        "events",
        WARNING,
        f"The events process at {address} does not serve ({why_not}): no event is streamed, and no webhook sent, until "
        "it does; what happens meanwhile is told then, for a day.",
        f"{START} the `events` line of the Procfile. If it is elsewhere: EVENTS_URL.",
    )


def webhooks(waiting: Mapping[str, Waiting]) -> Finding:
    """What receivers have not taken, or may never have been sent; by their URLs, as they may be shown."""
    dead = {url: it.dead for url, it in waiting.items() if it.dead or it.dropped}
    gaps = {url: it.gaps for url, it in waiting.items() if it.gaps}
    says = f"All receivers of webhooks ({len(waiting)}) have taken what they were sent in time."
    if dead:
        says = f"Events that a receiver did not take for a day: {_numbered(dead)}."
    if gaps:  # no warning: after a day in which nothing happened nobody can tell
        says += (
            f" In the last 30 days events may have been gone before they could be sent: {_numbered(gaps)}; each time "
            "the receiver got a `stream.gap`, which says from when to when."
        )
    return Finding(
        "webhooks",
        WARNING if dead else OK,
        says,
        "`greenroom webhooks` lists them with the reasons; `greenroom webhooks resend all` sends them again."
        if dead
        else "",
        {name: numbers for name, numbers in (("dead", dead), ("gaps", gaps)) if numbers},
    )


def _numbered(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{url} ({number})" for url, number in numbers.items())


def web(address: str, found: Web) -> list[Finding]:
    """What the web process says, from outside."""
    if found.livez is None:
        return [
            Finding(
                "web",
                WARNING,
                f"No web process answers at {address} ({found.why_not}): nobody can join there. "
                "If web listens elsewhere, say where: HOST and PORT, or its VAR_DIR, as when it was started.",
                "Start the `web` line of the Procfile; if it runs on another machine, ask `/livez` there.",
            )
        ]
    if found.livez != HTTPStatus.OK:
        return [
            Finding(
                "web",
                WARNING,
                f"{address}/livez says {found.livez}: something other than Greenroom listens there, or it is failing.",
                "Look at the web process's log, and at PORT.",
            )
        ]
    findings = [Finding("web", OK, f"The web process at {address} answers.")]
    if found.missing:
        findings.append(
            Finding(
                "readiness",
                PROBLEM,
                f"{address}/readyz says no ({found.missing}): a load balancer sends nobody there.",
                "Mend what it names; if nothing of that was found above, this process looks at another Redis: compare "
                "its REDIS_URL.",
            )
        )
    if found.takes_key is False:
        findings.append(
            Finding(
                "key",
                PROBLEM,
                f"The web process at {address} refuses the API key that this doctor has: callers who use it get 401.",
                "Was it started with another API_KEY, or with another folder (VAR_DIR/api-key)?",
            )
        )
    elif found.takes_key:
        findings.append(Finding("key", OK, "It takes the API key."))
    return findings
