"""How a fault is planted: where its `was` stands, however the code around it has been laid out since."""

import re
from itertools import pairwise

TOKEN = re.compile(r"\w+|[^\w\s]")


def plant(source: str, was: str, becomes: str) -> str | None:
    """The source with the fault in it; None unless `was` stands in it exactly once.

    If it does not as it is written, space is taken as space: lines may be broken elsewhere and moved to the side, and a
    comma may come before a bracket that closes.  What the fault puts there is moved to the side with them.
    """
    if source.count(was) == 1:
        return source.replace(was, becomes) if was != becomes else None
    found = list(re.finditer(_pattern(TOKEN.findall(was)), source))
    if len(found) != 1:
        return None
    start, end = found[0].span()
    aside = _margin(source[:start].rpartition("\n")[2]) - _margin(was) if was[:1].isspace() else 0
    first, *others = becomes.strip().split("\n")
    lines = [first, *(" " * max(0, _margin(line) + aside) + line.lstrip() for line in others)]
    return source[:start] + "\n".join(lines) + source[end:]


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _pattern(tokens: list[str]) -> str:
    """Those tokens with any space between them, and some between two words."""
    parts = [r"\b" if _is_word(tokens[0]) else "", re.escape(tokens[0])]
    for before, token in pairwise(tokens):
        space = r"\s+" if _is_word(before) and _is_word(token) else r"\s*"
        parts += [",?" if token in ")]}" else "", space, re.escape(token)]
    return "".join(parts)


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"
