"""The servers of rooms: LiveKit's and Daily's."""

from collections.abc import Iterable

from greenroom.app.operate.facts import Facts
from greenroom.app.operate.findings import OK, PROBLEM, Finding
from greenroom.app.operate.wording import some


def servers(facts: Facts) -> Iterable[Finding]:
    if not facts.servers:
        yield Finding(
            "providers",
            OK,
            "Rooms are local: browsers speak to the bots' machines directly, and there is no vendor to reach.",
            facts={"servers": {}},
        )
        return
    silent = {server: why for server, why in facts.servers.items() if why}
    if not silent:
        yield Finding(
            "providers",
            OK,
            f"{some(sorted(facts.servers))} answers: a room was made and removed there, and a way into it signed.",
            facts={"servers": dict(facts.servers)},
        )
        return
    yield Finding(
        "providers",
        PROBLEM,
        f"{'; '.join(f'{server}: {why}' for server, why in silent.items())} Bots cannot join there, and who is in its "
        "rooms cannot be told.",
        "Is that server up, and is there a way to it from here? Are its address and keys right (`greenroom settings`)?",
        {"servers": dict(facts.servers)},
    )
