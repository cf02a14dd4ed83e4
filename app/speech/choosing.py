"""Which services a session gets: those that its personality names, else the installation's, else what there is."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

from greenroom.app.settings import Settings, environment
from greenroom.app.speech import Choice, Part

CHAIN = (Part.HEARING, Part.THINKING, Part.SPEAKING)  # the path of a voice
Named = Mapping[str, Sequence[str]]  # services by part, the first choice first
Choices = Mapping[Part, tuple[Choice, ...]]


def kind_of(settings: Settings) -> str:
    """The service for all parts where nothing else is said: the one that SPEECH means."""
    if settings.speech == "demo":
        return "demo"
    return "openai" if settings.thinks_with_openai else "demo"


def choices(settings: Settings, named: Named) -> Choices:
    """The services for each part, the first choice first.  Raises UnknownService."""
    return {
        part: tuple(
            Choice.read(each, part)
            for each in named.get(part) or getattr(settings, part) or (kind_of(settings),)
        )
        for part in CHAIN
    }


def environment_of(settings: Settings) -> Mapping[str, str]:
    """Where keys are looked for: in the environment, as their vendors call them, and in the settings."""
    own = {
        row.name.upper(): value
        for row in fields(Settings)
        if isinstance(value := getattr(settings, row.name), str)
    }
    return {**environment(), **own}


def ready(chosen: Sequence[Choice], environ: Mapping[str, str]) -> list[Choice]:
    """Those that lack nothing here; the first one if all do, so that its own words say what is wrong."""
    return [each for each in chosen if not each.service.lacks(environ)] or [chosen[0]]


def not_ready(settings: Settings, named: Named, environ: Mapping[str, str]) -> list[str]:
    """Why a bot with these services could not be heard, think or speak, each as what somebody can do.

    One choice that is ready is enough for a part; what its others lack costs nothing before they are needed.
    """
    found = []
    for part, chosen in choices(settings, named).items():
        lacks = [(choice.service, choice.service.lacks(environ)) for choice in chosen]
        if all(todo for _, todo in lacks):
            found += [f"{service.name} ({part}): {'; '.join(todo)}" for service, todo in lacks]
    return found
