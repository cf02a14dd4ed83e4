"""Typed lines, each of which comes in two frames, in either order: one for the model, and one that says whose it is."""

from collections import deque
from typing import Any, Generic, TypeVar

TYPED_LINES_KEPT = 16  # kept until the frame comes that says who typed them

L = TypeVar("L")


class TypedLines(Generic[L]):
    """Finds for each line its author, by its words."""

    def __init__(self) -> None:
        self._lines: deque[tuple[Any, L]] = deque(maxlen=TYPED_LINES_KEPT)
        self._authors: deque[tuple[str, str]] = deque(maxlen=TYPED_LINES_KEPT)

    def author_of(self, words: Any, line: L) -> str | None:
        """Who wrote a line that has come, if that is known already; else it is kept for its author."""
        for person, written in self._authors:
            if written == words:
                self._authors.remove((person, written))
                return person
        self._lines.append((words, line))
        return None

    def line_of(self, person: str, words: str) -> L | None:
        """The line of an author who has become known, if it is here already; else the author is kept for it."""
        for written, line in self._lines:
            if written == words:
                self._lines.remove((written, line))
                return line
        self._authors.append((person, words))
        return None
