"""The processes that look after what died: the control worker, and beat, which asks it to."""

from collections.abc import Iterable
from datetime import timedelta

from greenroom.app.operate.facts import Facts
from greenroom.app.operate.findings import OK, PROBLEM, START, Finding
from greenroom.app.operate.wording import count, duration, some
from greenroom.app.rooms.timings import WORKER_GONE_AFTER

CHORES_AT_MOST = 20


def control(facts: Facts) -> Iterable[Finding]:
    hosts = facts.fleet.of_kind("control")
    told = {"hosts": [host.id for host in hosts], "queued": facts.fleet.chores}
    if not hosts:
        yield Finding(
            "control",
            PROBLEM,
            f"No control worker has reported in the last {WORKER_GONE_AFTER.seconds} seconds: dead bots are not "
            "replaced, and what never started is not launched again. Calls go on.",
            f"{START} the `control` line of the Procfile (log: var/log/control.log).",
            told,
        )
    elif facts.fleet.chores > CHORES_AT_MOST:
        yield Finding(
            "control",
            PROBLEM,
            f"{count(facts.fleet.chores, 'task')} wait for {some([h.id for h in hosts])}, which reports, but does not "
            "keep up.",
            "Restart the control worker; that is harmless. Its log says what it was busy with.",
            told,
        )
    else:
        yield Finding("control", OK, f"{some([h.id for h in hosts])} works.", facts=told)


def beat(facts: Facts) -> Iterable[Finding]:
    ago = facts.fleet.since_reaped
    told = {"since_reaped_ms": None if ago is None else round(ago / timedelta(milliseconds=1))}
    if ago is not None and facts.fleet.is_reaped:
        says = f"The reaper last looked for dead bots {duration(ago)} ago."
        yield Finding("beat", OK, says, facts=told)
        return
    says = (
        f"The reaper has not looked for dead bots for {duration(ago)}"
        if ago
        else "The reaper has not run today"
    )
    if not facts.fleet.of_kind("control"):
        do = "Start the control worker first (see above); if this does not pass then, start beat."
    elif facts.fleet.chores:
        do = (
            f"Beat asks for it ({count(facts.fleet.chores, 'task')} queued), and no control worker does it: restart "
            "the control worker."
        )
    else:
        do = f"{START} the `beat` line of the Procfile. If beat runs, its log says why it cannot ask."
    yield Finding("beat", PROBLEM, f"{says}: nobody replaces dead bots.", do, told)
