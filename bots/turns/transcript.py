"""What was said in a conversation, as far as the bot that has it knows."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from greenroom.app.rooms.conversations import SUMMARY, Source, SumsUp, Turn

REMEMBERED = 1000  # turns, as many as Redis keeps of a conversation
READ_BESIDES = 2  # messages that a summary tells of, and that are read beside it all the same


class Transcript:
    """The last turns, each with the place that Redis gave it."""

    def __init__(self, epoch: int, before: Sequence[Turn] = ()) -> None:
        self.epoch = epoch
        self._turns: deque[Turn] = deque(maxlen=REMEMBERED)
        self._number = 0
        self.last_sequence = 0  # that Redis has given
        self.catch_up(before)

    def __iter__(self) -> Iterator[Turn]:
        return iter(tuple(self._turns))

    def add(self, role: str, content: str, **facts: Any) -> Turn:
        """Add what has just been said; returns it with its id."""
        self._number += 1
        said = Turn(f"{self.epoch}-{self._number}", role, content, epoch=self.epoch, **facts)
        self._turns.append(said)
        return said

    def go_on_under(self, epoch: int) -> None:
        """What is added from now on is said under a later epoch."""
        self.epoch = epoch

    def place(self, turn_id: str, sequence: int) -> None:
        """Remember where a turn stands, for the case that Redis loses it."""
        for at in range(len(self._turns) - 1, -1, -1):  # it is one of the last
            if self._turns[at].id == turn_id:
                self._turns[at] = replace(self._turns[at], sequence=sequence)
                self.last_sequence = max(self.last_sequence, sequence)
                return

    def sum_up(self, text: str, model: str, person: str | None, kept: int) -> Turn | None:
        """Add a summary of what one of several people and the bot have said to each other, but for the last messages.

        It tells of what stands up to a sequence: so it is none while Redis has given no place yet.  Some more than
        those messages are read beside it: a person's words may be known behind the answer to them.
        """
        said = [turn for turn in self.of(person) if turn.is_said and turn.role != "tool"]
        said_again = said[-(kept + READ_BESIDES) :]
        told = [turn for turn in said[: len(said) - len(said_again)] if turn.sequence]
        if not told:
            return None
        up_to = min([told[-1].sequence, *(turn.sequence - 1 for turn in said_again if turn.sequence)])
        before = next((turn for turn in self.of(person) if not turn.is_said), told[0])
        sums_up = SumsUp(up_to, model)
        return self.add(
            SUMMARY,
            text,
            person=person,
            started_ms=before.started_ms,
            ended_ms=told[-1].ended_ms,
            sums_up=sums_up,
        )

    def begins_with(self, conversation: Sequence[Turn]) -> bool:
        """Whether all that is here is in a conversation as well, in front."""
        before = [said.id for said in self._turns]
        return [said.id for said in conversation[: len(before)]] == before

    def catch_up(self, conversation: Sequence[Turn]) -> list[Turn]:
        """Take over what is missing here; returns it."""
        known = {said.id for said in self._turns}
        missed = [said for said in conversation if said.id not in known]
        self._turns.extend(missed)
        self.last_sequence = max([self.last_sequence, *(said.sequence for said in missed)])
        return missed

    def go_on_behind(self, sequence: int) -> None:
        """What is added from now on has a later place than that."""
        self.last_sequence = max(self.last_sequence, sequence)

    def lost(self, kept: Sequence[Turn]) -> list[Turn]:
        """What is not among the turns that Redis still has."""
        there = {turn.id for turn in kept}
        return [
            replace(turn, source=Source.RESTORED if turn.sequence else turn.source)
            for turn in self._turns
            if turn.id not in there
        ]

    def clear(self) -> None:
        """Begin another conversation, with a sequence of its own."""
        self._turns.clear()
        self.last_sequence = 0

    def of(self, person: str | None, alone_with: str = "") -> list[Turn]:
        """What one of several people and the bot have said to each other; with None everything.

        What names no person was said where there was only one: `alone_with` is theirs.
        """
        return [said for said in self._turns if person is None or (said.person or alone_with) == person]

    @property
    def people(self) -> frozenset[str]:
        return frozenset(said.person for said in self._turns if said.person is not None)
