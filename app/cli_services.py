"""`greenroom services`: what a bot can hear, think and speak with, and what each lacks."""

import argparse
import json

from greenroom.app.cli_arguments import OK
from greenroom.app.cli_here import settings_here


def services(chosen: argparse.Namespace) -> int:
    """List the speech services: what each does, and what it lacks, by the keys of this terminal and of .env."""
    from greenroom.app.operate.wording import columns
    from greenroom.app.speech import Part, table
    from greenroom.app.speech.choosing import choices, environment_of

    settings = settings_here()
    environ = environment_of(settings)
    lacks = {(name, part): service.lacks(environ) for (name, part), service in table().items()}
    if chosen.json:
        told = [
            {
                "service": name,
                "does": part,
                "ready": not todo,
                "missing": todo,
                "about": table()[name, part].about,
            }
            for (name, part), todo in lacks.items()
        ]
        print(json.dumps({"services": told}))
        return OK
    rows: list[tuple[str, ...]] = [("SERVICE", "HEARS", "THINKS", "SPEAKS", "TALKS", "WHAT IT LACKS")]
    for name in dict.fromkeys(name for name, _ in table()):
        parts = ["" if (name, part) not in lacks else "no" if lacks[name, part] else "yes" for part in Part]
        todos = [todo for (its, _), todos in lacks.items() if its == name for todo in todos]
        missing = dict.fromkeys(todo.partition(" (it needs ")[0] for todo in todos)
        rows.append((name, *parts, "; ".join(missing)))
    print(columns(rows))
    usual = ", ".join(
        f"{part} {' then '.join(choice.service.name for choice in several)}"
        for part, several in choices(settings, {}).items()
    )
    print(f"\nA personality that names none has: {usual}.  docs/services.md says more.")
    return OK
