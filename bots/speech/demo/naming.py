"""The name that somebody gives: "I am Alice" has one, "I am late" has none."""

import re
from functools import cache

from greenroom.bots.speech.demo.expecting import HERE, UNCLEAR, names

CALLED = r"\b(?:my name is|my name's|call me|the name is|i am called)"
MAYBE_CALLED = r"(?:i am|i'm|this is|it is|it's)"
A_GREETING = r"(?:(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening)) )?"
A_WORD = r"([^\W\d]\S*)"


def name_in(text: str, *, was_asked: bool) -> str | None:
    """The person's name, if this tells it.  Asked for it, people answer with a single word, too."""
    words = plain(text)
    if told := re.search(f"{CALLED} {A_WORD}", words, re.IGNORECASE):
        return _as_name(told[1])
    if was_asked and (
        told := re.fullmatch(f"{A_GREETING}(?:{MAYBE_CALLED} )?{A_WORD}", words, re.IGNORECASE)
    ):
        return _as_name(told[1])
    for told in re.finditer(rf"\b{MAYBE_CALLED} {A_WORD}", words, re.IGNORECASE):
        if told[1].lower() in names() or (told[1].istitle() and not words.istitle()):
            return _as_name(told[1])
    return None


def plain(text: str) -> str:
    """Words with single spaces, without punctuation and without what was not heard."""
    text = text.replace(UNCLEAR, " ").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join(word.strip("'-") for word in re.findall(r"[\w'-]+", text) if word.strip("'-"))


def _as_name(word: str) -> str | None:
    if word.lower() in _no_names():
        return None
    return word if word[0].isupper() else word.capitalize()


@cache
def _no_names() -> frozenset[str]:
    return frozenset((HERE / "no_names.txt").read_text().split())
