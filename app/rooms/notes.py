"""Notes: what a bot has written down for a person, each under a title of its own, and kept until they are erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

LONGEST_TITLE, LONGEST_NOTE = 80, 2000  # characters
NOTES_KEPT = 200  # of a person; then the one that was written longest ago goes


@dataclass(frozen=True)
class Note:
    """One note, as it is now."""

    title: str
    text: str

    @property
    def id(self) -> str:
        """What names it among its owner's: people do not say capitals, and a recogniser writes them as it likes."""
        return id_of(self.title)


def id_of(title: str) -> str:
    return " ".join(title.split()).casefold()


class Notes(Protocol):
    """Keeps notes.  Each raises a GreenroomError if it cannot be done now, and nobody reads another person's."""

    def write(
        self, tenant: str, user_id: str, note: Note, *, conversation_id: str, at_ms: int, add: bool = False
    ) -> Note:
        """Keep a note in the place of the one with that title, or behind its text; returns it as it is kept.

        Raises PersonErased if the person was erased at that time or later, NoteTooLong if there is too much of it then.
        """
        ...

    def find(self, tenant: str, user_id: str, title: str) -> Note | None:
        """The note of that title, in whatever capitals."""
        ...

    def titles(self, tenant: str, user_id: str) -> Sequence[str]:
        """Of all that the person has, the newest first."""
        ...
