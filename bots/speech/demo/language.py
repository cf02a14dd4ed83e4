"""What the demo can hear, made from `sentences.txt` and `names.txt`: a small language for pocketsphinx.

A speech model for all of English takes 100 MB and mishears short sentences.  Some hundred phrases, as a
trigram model in which every first name is equally likely, take next to nothing and are heard well.
"""

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
NAME = "<name>"
UNCLEAR = "(unclear)"  # the transcript of words that form no phrase of ours
DISCOUNT = 0.1  # the share of each history's probability that goes to words never seen there
AN_OPENING = 0.25  # how often a sentence has an opening in front of it

Ngram = tuple[str, ...]
Probabilities = dict[Ngram, float]


@cache
def names() -> frozenset[str]:
    return frozenset((HERE / "names.txt").read_text().split())


@cache
def phrases() -> dict[str, float]:
    """Every phrase, written out, with how often it is said.  `<name>` stands for all names."""
    return {phrase: weight for phrase, weight, _ in _listed()}


@cache
def words() -> frozenset[str]:
    return names() | {word for phrase in phrases() for word in phrase.split()} - {NAME}


def is_ours(heard: list[str]) -> bool:
    """Whether these words are phrases of ours, one after the other, and nothing else."""
    return bool(_ours().fullmatch(" ".join(NAME if word in names() else word for word in heard)))


@cache
def _ours() -> re.Pattern[str]:
    any_phrase = "|".join(re.escape(phrase) for phrase in sorted(phrases(), key=len, reverse=True))
    return re.compile(f"(?:(?:{any_phrase})(?: |$))+")


@cache
def _listed() -> tuple[tuple[str, float, bool], ...]:
    listed = []
    for line in (HERE / "sentences.txt").read_text().splitlines():
        if match := re.match(r"(\d+) (> )?(.+)", line):
            written_out = [" ".join(phrase.split()) for phrase in _written_out(match[3])]
            weight = int(match[1]) / len(written_out)
            listed += [(phrase, weight, bool(match[2])) for phrase in written_out]
    return tuple(listed)


def _written_out(pattern: str) -> Iterator[str]:
    """The phrases that a line with (one|of|these) and [optional] parts stands for."""
    parts = [
        [part] if part[0] not in "([" else part[1:-1].split("|") + ([""] if part[0] == "[" else [])
        for part in re.findall(r"\([^)]*\)|\[[^]]*\]|[^(\[]+", pattern)
    ]
    return ("".join(chosen) for chosen in itertools.product(*parts))


def dictionary(pronunciations: Iterable[str]) -> Iterator[str]:
    """The lines about our words, out of those of a whole CMU dictionary ("bye B AY", "a(2) EY")."""
    ours = words()
    return (line for line in pronunciations if line.partition(" ")[0].partition("(")[0] in ours)


def model() -> Iterator[str]:
    """The trigram model, line by line as an ARPA file."""
    ones, twos, threes = _counts()
    total = sum(ones.values())
    one: Probabilities = {gram: count / total for gram, count in ones.items()}
    two, after_one = _smoothed(twos, lambda gram: one[gram])
    three, after_two = _smoothed(threes, lambda gram: two.get(gram) or after_one[gram[:1]] * one[gram[1:]])

    tables = [
        list(_lines(one | {("<s>",): 0.0}, after_one)),
        list(_lines(two, after_two)),
        list(_lines(three, {})),
    ]
    yield "\\data\\"
    yield from (f"ngram {order}={len(table)}" for order, table in enumerate(tables, 1))
    for order, table in enumerate(tables, 1):
        yield f"\n\\{order}-grams:"
        yield from table
    yield "\n\\end\\"


def _counts() -> list[Counter[Ngram]]:
    """How often each word, pair and triple is said."""
    counts: list[Counter[Ngram]] = [Counter(), Counter(), Counter()]
    openings = {phrase: weight for phrase, weight, opens in _listed() if opens}
    often = AN_OPENING / sum(openings.values())
    said = dict(phrases())
    for (opening, so_often), (phrase, weight) in itertools.product(openings.items(), phrases().items()):
        said[f"{opening} {phrase}"] = said.get(f"{opening} {phrase}", 0) + often * so_often * weight
    for sentence, weight in said.items():
        spoken = ("<s>", *sentence.split(), "</s>")
        for order, count in enumerate(counts, 1):
            for start in range(order == 1, len(spoken) - order + 1):
                count[spoken[start : start + order]] += weight  # type: ignore[assignment]
    return counts


def _smoothed(counts: Counter[Ngram], lower: Callable[[Ngram], float]) -> tuple[Probabilities, Probabilities]:
    """What follows each history, mixed with the shorter model; and each history's back-off weight."""
    followers: dict[Ngram, list[Ngram]] = defaultdict(list)
    for gram in counts:
        followers[gram[:-1]].append(gram)
    probabilities, back_off = {}, {}
    for history, grams in followers.items():
        total = sum(counts[gram] for gram in grams)
        for gram in grams:
            probabilities[gram] = (1 - DISCOUNT) * counts[gram] / total + DISCOUNT * lower(gram[1:])
        unseen = 1 - sum(lower(gram[1:]) for gram in grams)
        back_off[history] = (1 - sum(probabilities[gram] for gram in grams)) / max(unseen, 1e-6)
    return probabilities, back_off


def _lines(probabilities: Probabilities, back_off: Probabilities) -> Iterator[str]:
    """ARPA lines.  A line about `<name>` becomes one for every name."""
    share = 1 / len(names())
    for gram, probability in probabilities.items():
        of_each = probability * (share if gram[-1] == NAME else 1)
        end = f" {_log(back_off[gram])}" if gram in back_off else ""
        for name in sorted(names()) if NAME in gram else [""]:
            yield f"{_log(of_each)} {' '.join(gram).replace(NAME, name)}{end}"


def _log(probability: float) -> str:
    return f"{math.log10(max(probability, 1e-9)):.4f}"
