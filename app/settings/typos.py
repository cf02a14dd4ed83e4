"""Names in the environment that are nearly a setting's."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path

from greenroom.app.settings.definition import Settings

DOTENV = Path(".env")
COMMON_NAMES = 4  # letters: a name this short has neighbours in anybody's environment, as HOST has HOSTS
PREFIX = "GREENROOM_"  # that somebody may put before a setting's name
LONG_NAME = 8  # letters: in such a name two typos are as clear as one


def misnamed(dotenv: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """What is wrong with names that are nearly ours.  All others are somebody else's: a bot's, or the machine's.

    So is one in the environment beside the right name, as where a platform gives both REDIS_URL and REDIS_URI.
    """
    return [
        f"{name}{where} is no setting; {meant} is: was that meant?"
        for names, where, shortest in ((dotenv, f" in {DOTENV}", 1), (environ, "", COMMON_NAMES + 1))
        for name in names
        if (meant := _meant(name, shortest)) and (names is dotenv or meant not in environ)
    ]


def overlooked(environ: Mapping[str, str]) -> list[str]:
    """What to say of names that may be meant for us: the first words of a setting's, as VAR is of VAR_DIR, or ours by
    their prefix.  They may be somebody else's as well, so they are no mistake."""
    ours = [row.name.upper() for row in fields(Settings)]
    said = []
    for name in sorted(environ.keys() - set(ours)):
        own = name.removeprefix(PREFIX)
        meant = [each for each in ours if each.startswith(f"{own}_")] or (
            get_close_matches(own, ours, n=1) if own != name else []
        )
        if meant and not any(each in environ for each in meant):
            said.append(f"{name} is no setting and does nothing; {meant[0]} is: was that meant?")
    return said


def _meant(name: str, shortest: int) -> str | None:
    """The setting, of so many letters at least, that somebody who wrote this must have had in mind."""
    ours = [row.name.upper() for row in fields(Settings)]
    if name in ours:
        return None
    spelled = name.upper().replace("-", "_")
    for setting in ours:
        if spelled.removeprefix(PREFIX) == setting and (spelled != setting or len(setting) >= shortest):
            return setting
        if len(setting) >= shortest and _differ_by(spelled, setting) <= 1 + (len(setting) >= LONG_NAME):
            return setting
    return None


def _differ_by(one: str, other: str) -> int:
    """How many letters were left out, added, changed or swapped with the next; 3 for all that is more than two."""
    if abs(len(one) - len(other)) > 2 or len(set(one) ^ set(other)) > 4:
        return 3
    before: list[int] = []
    row: list[int] = [*range(len(other) + 1)]
    for i, here in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, there in enumerate(other, 1):
            costs = [before[j] + 1, row[j - 1] + 1, before[j - 1] + (here != there)]
            if i > 1 and j > 1 and here == other[j - 2] and one[i - 2] == there:
                costs.append(last[j - 2] + 1)
            row.append(min(costs))
    return min(3, row[-1])
