"""Sums, as people say them: "What's twelve times seven?", "How much is 2 + 3?"."""

import re
from fractions import Fraction

UNITS = (
    *(
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS = {word: number for number, word in enumerate(UNITS)} | {
    word: 10 * at for at, word in enumerate(TENS, 2)
}
SIGNS = (
    (r"\b(?:divided by|over)\b|(?<=\d)\s*/", " / "),
    (r"\b(?:multiplied by|times)\b|\N{MULTIPLICATION SIGN}|\*|(?<=\d)\s*x\s*(?=\d)", " * "),
    (r"\bplus\b|\+", " + "),
    (r"\b(?:minus|less)\b|\N{MINUS SIGN}|(?<=\d)\s+-\s+(?=\d)", " - "),
)
LARGEST = 10**12  # of a number in it; nobody says more
AT_MOST = 10  # numbers


def result_of(said: str) -> str | None:
    """What it makes, as it is said; None if there is no sum in it, or it has no result."""
    text = said.lower()
    for sign, plain in SIGNS:
        text = re.sub(sign, plain, text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"[a-z]+(?:[ -](?:and )?[a-z]+)*", lambda words: _in_digits(words[0]), text)
    found = re.search(r"\d+(?:\.\d+)?(?: *[-+*/] *\d+(?:\.\d+)?)+", text)
    if found is None:
        return None
    numbers = [Fraction(each) for each in re.findall(r"\d+(?:\.\d+)?", found[0])]
    signs = re.findall(r"[-+*/]", found[0])
    if len(numbers) > AT_MOST or max(numbers) > LARGEST:
        return None
    return _said(numbers, signs)


def number_in(said: str) -> int | None:
    """The first whole number in it."""
    text = re.sub(r"[a-z]+(?:[ -][a-z]+)*", lambda words: _in_digits(words[0]), said.lower())
    found = re.search(r"\d{1,12}", text)
    return int(found[0]) if found else None


def _said(numbers: list[Fraction], signs: list[str]) -> str | None:
    terms = [numbers[0]]
    for sign, number in zip(signs, numbers[1:], strict=True):
        if sign in "+-":
            terms.append(number if sign == "+" else -number)
        elif sign == "*":
            terms[-1] *= number
        elif number == 0:
            return None
        else:
            terms[-1] /= number
    result = sum(terms, Fraction(0))
    if result.denominator == 1:
        return f"{result.numerator}"
    return f"{float(result):.2f}".rstrip("0")


def _in_digits(words: str) -> str:
    """Number words in digits, and all others as they are."""
    said: list[str] = []
    number: int | None = None
    for word in re.split(r"[ -]", words):
        if word in WORDS:
            number = WORDS[word] if number is None or number % 10 or number < 20 else number + WORDS[word]
        elif word == "hundred" and number is not None:
            number *= 100
        else:
            said += [*([str(number)] if number is not None else []), word]
            number = None
    return " ".join([*said, *([str(number)] if number is not None else [])])
