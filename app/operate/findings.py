"""What a look at the installation finds, as data: for people as lines, for machines as an object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # calls work, and an operator should look at it
    PROBLEM = "problem"  # a caller waits for a bot in vain, or will


OK, WARNING, PROBLEM = SEVERITY = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
START = "`greenroom up` starts it again by itself; elsewhere start"  # ... which process


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what there is, in a sentence, and what to do about it."""

    check: str
    verdict: Verdict
    says: str
    do: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return {
            "check": self.check,
            "verdict": self.verdict,
            "says": self.says,
            "do": self.do or None,
            "facts": dict(self.facts),
        }


def worst(verdicts: "list[Verdict]") -> Verdict:
    return max(verdicts, key=SEVERITY.index, default=Verdict.OK)
