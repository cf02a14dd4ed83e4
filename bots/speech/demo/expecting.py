"""What the demo expects to be told, from `sentences.txt`, and the first names that it knows.

Some hundred phrases, which a person who talks with the demo is likelier to say than a model of all English can know:
"Goodbye." rather than "Good-bye.", "Who are you?" rather than "For you."
"""

import itertools
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
UNCLEAR = "(unclear)"  # the transcript of a voice of which no words can be made out
A_QUESTION = re.compile(r"(?:what|what's|who|how|are|do|can|could) \w|pardon")
OURSELVES = re.compile(r"\bi(?=\b|')")


@cache
def names() -> frozenset[str]:
    return frozenset((HERE / "names.txt").read_text().split())


@cache
def phrases() -> frozenset[str]:
    """Every phrase, as a sentence is written."""
    lines = (HERE / "sentences.txt").read_text().splitlines()
    listed = (line for line in lines if line and not line.startswith("#"))
    return frozenset(_as_sentence(" ".join(each.split())) for line in listed for each in _written_out(line))


def _written_out(pattern: str) -> Iterator[str]:
    """The phrases that a line with (one|of|these) and [optional] parts stands for."""
    parts = [
        [part] if part[0] not in "([" else part[1:-1].split("|") + ([""] if part[0] == "[" else [])
        for part in re.findall(r"\([^)]*\)|\[[^]]*\]|[^(\[]+", pattern)
    ]
    return ("".join(chosen) for chosen in itertools.product(*parts))


def _as_sentence(phrase: str) -> str:
    """`"what time is it"` as "What time is it?"."""
    end = "?" if A_QUESTION.match(phrase) else "."
    return OURSELVES.sub("I", phrase[0].upper() + phrase[1:]) + end
