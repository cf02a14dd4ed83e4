"""What words in a tool's arguments may be: such that a person sees what they are."""

from pydantic import AfterValidator


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line or not line.isprintable():
        raise ValueError("must be printable text on one line")
    return line


def _several_lines(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    if not any(lines) or not all(line.isprintable() for line in lines):
        raise ValueError("must be printable text")
    return "\n".join(lines)


ONE_LINE = AfterValidator(_one_line)
SEVERAL_LINES = AfterValidator(_several_lines)
