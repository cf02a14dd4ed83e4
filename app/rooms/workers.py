"""The workers, their slots, what they run, and what an operator wants of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.timings import WORKER_GONE_AFTER


@dataclass(frozen=True)
class Host:
    """A worker process and its slots."""

    id: str
    kind: str  # "bots" or "control"
    slots: int
    used: int
    incarnation: str
    draining: bool = False
    warm: int = 0  # idle processes whose models are loaded
    since_ms: int = 0  # when this incarnation first reported
    cold_s: int = 0  # for how long not all its processes have had their models; in steps of ten seconds
    unfit: Mapping[str, str] = field(default_factory=dict)  # bots that it cannot import, and why, by name

    # What is to be done before bots can hear, think or speak here, by bot and personality, as in assistant/host
    unready: Mapping[str, str] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """How many launches it would start at once."""
        return 0 if self.draining or self.kind != "bots" else max(0, self.slots - self.used)


def unfit_everywhere(hosts: list[Host], bot: str) -> str | None:
    """Why no worker that takes launches can import a bot; None if one can, or none lives to tell."""
    return _said_by_all([host.unfit.get(bot) for host in _takers(hosts)])


def unready_everywhere(hosts: list[Host], bot: str, personality: str) -> str | None:
    """What would have to be done before any worker could run that bot as that personality; None if one can."""
    return _said_by_all([host.unready.get(f"{bot}/{personality}") for host in _takers(hosts)])


def _takers(hosts: list[Host]) -> list[Host]:
    """The workers that take launches."""
    return [host for host in hosts if host.kind == "bots" and not host.draining]


def _said_by_all(said: list[str | None]) -> str | None:
    return said[0] if said and all(said) else None


class RequestedState(StrEnum):
    """What an operator wants of a worker."""

    WORK = "work"
    DRAIN = "drain"  # take no launches, hand every session over, stay
    STOP = "stop"  # the same, and exit when empty


@dataclass(frozen=True)
class Report(Step[RequestedState]):
    """A worker reports that it lives and how full it is; returns the state that an operator requested of it.

    `held` is who runs its sessions, by session; None at a worker's first report, which then forgets what was
    wanted of the worker before it, and leaves what that one held.
    """

    host: Host
    held: Mapping[str, str] | None = None
    lasts: timedelta = WORKER_GONE_AFTER


@dataclass(frozen=True)
class ReadHeld(Step[Mapping[str, str]]):
    """Which sessions a worker, or the one before it of the same name, last said to run: the owner by session."""

    host_id: str


@dataclass(frozen=True)
class AskHost(Step[None]):
    """Ask a worker to work, drain or stop; it learns so with its next report, within a second."""

    host_id: str
    requested: RequestedState


@dataclass(frozen=True)
class Retire(Step[None]):
    """A worker says that it has gone."""

    host_id: str


@dataclass(frozen=True)
class ReadHosts(Step[list[Host]]):
    """What the workers that live last said of themselves."""


@dataclass(frozen=True)
class ReadHost(Step[Host | None]):
    """What a worker last said of itself; None if that is too long ago."""

    host_id: str
