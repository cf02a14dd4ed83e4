"""Users: what an installation knows of the people who talk, and what an assistant requires to be known of them."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import structlog

from greenroom.app.errors.limits import Busy
from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms.cached import Waiting, in_time

WITHIN = timedelta(seconds=2)  # a join waits for the database
THREADS = 4  # that wait for it longer than that, if it hangs

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class User:
    """A person who talks, or of whom somebody has said something."""

    id: str
    profile: Mapping[str, Any] = field(default_factory=dict)  # first_name, email, ...
    preferences: Mapping[str, Any] = field(default_factory=dict)
    created_ms: int = 0
    updated_ms: int = 0

    def with_more(self, *, profile: Mapping[str, Any], preferences: Mapping[str, Any]) -> "User":
        """The same with these entries as well; None takes one out."""
        return replace(
            self, profile=_merged(self.profile, profile), preferences=_merged(self.preferences, preferences)
        )


def missing(required: Sequence[str], profile: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that a profile lacks, in the order in which they are required.  An empty text says nothing."""
    return tuple(name for name in required if profile.get(name) in (None, ""))


class UserStore(Protocol):
    """Keeps users.  Each call raises DatabaseAway if it cannot be had in time."""

    def find(self, user_id: str) -> User | None: ...

    def change(self, user_id: str, change: Callable[[User], User]) -> User:
        """Change a user as nobody else does meanwhile; one of whom nothing is known yet is made."""
        ...


class Users:
    """The users of an installation, for joins as well.  Nothing of them stays in memory: who is erased is gone."""

    def __init__(self, store: UserStore, waiting: Waiting = nullcontext) -> None:
        """A join that waits longer than a moment for the database does so in `waiting`, which may refuse it."""
        self._store = store
        self._waiting = waiting
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="users")  # none before the first call

    def profile(self, user_id: str) -> Mapping[str, Any]:
        """What is known of a user, for a join.  Raises DatabaseAway."""
        user = self._in_time(self._store.find, user_id)
        return user.profile if user else {}

    def find(self, user_id: str) -> User | None:
        return self._store.find(user_id)

    def change(self, user_id: str, change: Callable[[User], User]) -> User:
        return self._store.change(user_id, change)

    def keep_brought(self, user_id: str, profile: Mapping[str, Any]) -> None:
        """Keep what a join has brought.  The join goes on where the database cannot take it in time."""
        try:
            if not profile.items() <= self.profile(user_id).items():
                self._in_time(
                    self._store.change, user_id, lambda old: old.with_more(profile=profile, preferences={})
                )
        except (Busy, DatabaseAway):
            log.warning("profile_write_failed", user_id=user_id)

    def _in_time(self, ask: Callable[..., Result], *arguments: Any) -> Result:
        return in_time(self._threads.submit(ask, *arguments), WITHIN, self._waiting)


def _merged(old: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**old, **more}.items() if value is not None}
