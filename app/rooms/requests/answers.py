"""What a bot answers to the requests that it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.providers import Source, Track

# What a bot may answer to any request instead of its answer: {"error": one of these, or a kind of `refusals`}
EXPIRED = "expired"  # it came too late, or was for the session's bot before
UNKNOWN = "unknown"  # this bot's version knows no such request
MALFORMED = "malformed"  # this bot's version knows such a request with other fields
FAILED = "failed"  # a defect: the worker's log has the traceback


@dataclass(frozen=True)
class BotAnswer:
    """What a bot answers to a request."""


@dataclass(frozen=True)
class Done(BotAnswer):
    """It has done what it was asked."""


@dataclass(frozen=True)
class OfferAnswer(BotAnswer):
    """The bot's half of a connection: an SDP answer, and the id of the connection."""

    answer: Mapping[str, str]


@dataclass(frozen=True)
class GivesWay(BotAnswer):
    """Whether it leaves: it stays where somebody has come meanwhile."""

    gives_way: bool


@dataclass(frozen=True)
class Cleaned(BotAnswer):
    """What a bot had under way, and has not any more."""

    answer: bool = False  # it said something, or thought of what to say
    tools: int = 0  # calls that had no result yet
    tasks: int = 0  # reads that went on beside the conversation
    is_awaited: bool = True  # all of it has ended; else it had not a second later
    is_written: bool = True  # everything that was said is in the ledger
    read_anew: Sequence[str] = ()  # from its source: memory, assistant


@dataclass(frozen=True)
class Said(BotAnswer):
    """A sentence is the bot's next."""

    people: int  # who are there to hear it
    waits: bool = False  # until the bot has said what it is saying
    cut_short: bool = False  # what the bot was saying


@dataclass(frozen=True)
class Directed(BotAnswer):
    """How a bot is now."""

    muted: bool
    stealth: bool
    guided: bool  # its model is told an instruction
    cut_short: bool = False  # it was saying something


@dataclass(frozen=True)
class Configured(BotAnswer):
    """A bot is as it was changed, but for this."""

    with_next_bot: Sequence[str] = ()  # is so once the session has its next bot
    not_ready: Sequence[str] = ()  # what services lack that it was given, each as what is to be done


@dataclass(frozen=True)
class WhatIsOpen(BotAnswer):
    """What is open in the room now, by name: its value and its owner, or null."""

    state: Mapping[str, object]


@dataclass(frozen=True)
class PeopleSeen(BotAnswer):
    """Who is with the bot: for each `identity`, `seconds`, and `tracks` by source, whether they are muted."""

    people: Sequence[Mapping[str, object]]

    @classmethod
    def of(cls, seen: Sequence[Seen]) -> "PeopleSeen":
        return cls([_told_of(each) for each in seen])

    def read(self) -> list[Seen]:
        return [_seen(each) for each in self.people]


def _told_of(seen: Seen) -> Mapping[str, object]:
    tracks = [{"source": track.source.value, "muted": track.muted} for track in seen.tracks]
    return {"identity": seen.identity, "seconds": seen.here_for.total_seconds(), "tracks": tracks}


def _seen(told: Mapping[str, Any]) -> Seen:
    tracks = tuple(Track(Source(each["source"]), each["muted"]) for each in told["tracks"])
    return Seen(told["identity"], timedelta(seconds=told["seconds"]), tracks)
