"""The product's services that the views call, built once in each process."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial, wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from flask import current_app
from itsdangerous import TimestampSigner

from greenroom.app import providers
from greenroom.app.api.auth import session_tokens
from greenroom.app.api.seats import A_TURN, Latest, Seats, Wait
from greenroom.app.backend.erasing import erasure_at
from greenroom.app.conversations.analytics import SqlCounted
from greenroom.app.conversations.assistants import SqlAssistants
from greenroom.app.conversations.database import Database
from greenroom.app.conversations.personal import SqlPersonal
from greenroom.app.conversations.reading import SqlKeptConversations
from greenroom.app.conversations.sessions import SqlKeptSessions
from greenroom.app.conversations.users import SqlUsers
from greenroom.app.passes import Passes
from greenroom.app.resume_tokens import ResumeTokens
from greenroom.app.rooms.administering import Administering
from greenroom.app.rooms.analytics import Counted
from greenroom.app.rooms.asked_moves import AskedMoves
from greenroom.app.rooms.asked_reaping import AskedReaping
from greenroom.app.rooms.assistants import Assistants
from greenroom.app.rooms.erasing import Erasing, KeptOfPeople
from greenroom.app.rooms.extending import Extending
from greenroom.app.rooms.histories import Histories
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leaving import Leaving
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.opening import Opening
from greenroom.app.rooms.overview import Overview
from greenroom.app.rooms.participants import Presence
from greenroom.app.rooms.pausing import Pausing
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.queues import EvidenceQueue, Queues
from greenroom.app.rooms.reading import Reading
from greenroom.app.rooms.rollout import Rollout
from greenroom.app.rooms.shared_answers import SharedAnswers
from greenroom.app.rooms.users import Users
from greenroom.app.settings import Settings

PRESENCE_SHARED_FOR = timedelta(
    seconds=2
)  # Daily takes 20 questions a second, and its own answer lags by up to 15 s

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


NOTHING: Mapping[str, Any] = {}


class CheckVoice(Protocol):
    """Raises UnknownVoice for a voice that a bot's speech would ignore, where it was changed so."""

    def __call__(
        self,
        voice: str,
        *,
        bot: str,
        personality: str,
        settings: Settings,
        changed: Mapping[str, Any] = NOTHING,
    ) -> None: ...


def _any_voice(
    voice: str, *, bot: str, personality: str, settings: Settings, changed: Mapping[str, Any] = NOTHING
) -> None:
    """Where nothing is known of voices, as in tests of everything else."""


def _any_changes(changes: Mapping[str, Any]) -> None:
    """The same of tools, services and events of apps."""


@dataclass(frozen=True)
class Services:
    """One of each service."""

    ledger: Ledger
    joining: Joining
    asked_moves: AskedMoves
    leaving: Leaving
    asked_reaping: AskedReaping
    pausing: Pausing
    administering: Administering
    extending: Extending
    overview: Overview
    tokens: TimestampSigner
    passes: Passes
    resume_tokens: ResumeTokens
    settings: Settings
    personalities: tuple[str, ...]
    providers: Providers
    opening: Opening
    rollout: Rollout
    evidence: EvidenceQueue
    seats: Seats
    offers: Latest
    database: Database
    assistants: Assistants
    reading: Reading
    histories: Histories
    personal: KeptOfPeople
    counted: Counted
    erasing: Erasing
    users: Users
    presences: SharedAnswers[Presence] = field(default_factory=lambda: SharedAnswers(PRESENCE_SHARED_FOR))
    names: Mapping[str, str] = field(default_factory=dict)  # what each personality calls itself
    shown: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # what people read of each personality who choose one: name, about, language
    limits: Mapping[str, Mapping[str, timedelta]] = field(
        default_factory=dict
    )  # facts of a brief that each personality decides, where neither call nor assistant does
    check_voice: CheckVoice = _any_voice
    check_changes: Callable[[Mapping[str, Any]], None] = (
        _any_changes  # raises Rejected for what no personality could name
    )

    @classmethod
    def over(
        cls,
        ledger: Ledger,
        queues: Queues,
        settings: Settings,
        personalities: tuple[str, ...],
    ) -> "Services":
        its, seats = providers.of(settings), Seats(settings.web_threads)
        database = Database(settings.database_url)
        waits_for_database = partial(seats.taken, Wait.OUTSIDE)
        return cls(
            ledger=ledger,
            joining=Joining(ledger, queues, sleep=seats.sleep),
            asked_moves=AskedMoves(ledger, queues, sleep=seats.sleep),
            leaving=Leaving(ledger, its),
            asked_reaping=AskedReaping(ledger, queues),
            pausing=Pausing(ledger),
            administering=Administering(ledger),
            extending=Extending(ledger),
            overview=Overview(ledger),
            tokens=session_tokens(settings.signing_secret),
            passes=Passes(settings.signing_secret),
            resume_tokens=ResumeTokens(settings.signing_secret),
            settings=settings,
            personalities=personalities,
            providers=its,
            opening=Opening(its),
            rollout=Rollout(
                settings.voice_sessions,
                settings.voice_assistants_share,
                settings.voice_fallback,
                settings.voice_notice,
            ),
            evidence=queues,
            seats=seats,
            offers=Latest(),
            database=database,
            assistants=Assistants(SqlAssistants(database), waits_for_database),
            personal=(personal := SqlPersonal(database)),
            erasing=Erasing(
                ledger,
                personal,
                elsewhere=erasure_at(settings.backend_url, settings.backend_secret),
                redis_keeps_file=settings.redis_is_embedded,
            ),
            counted=SqlCounted(database),
            reading=Reading(SqlKeptConversations(database), ledger),
            histories=Histories(ledger, SqlKeptSessions(database), in_turn(seats)),
            users=Users(SqlUsers(database), waits_for_database),
        )

    @property
    def usual(self) -> Mapping[str, object]:
        """The facts of a brief that are as the installation has them where nobody says otherwise."""
        return {
            "bot": self.settings.default_bot,
            "personality": self.settings.default_personality,
            "persistence": self.settings.session_persistence,
            "max_duration": self.settings.max_duration,
        }


def services() -> Services:
    """The services of the current application."""
    return cast(Services, current_app.extensions["greenroom"])


def in_turn(seats: Seats) -> Callable[[], AbstractContextManager[object]]:
    """What a request asks the database in, for itself: a database that hangs stops these, and nobody else.

    For how long it is asked is the database's own patience.  Joins ask it in threads of their own.
    """
    return partial(seats.taken, Wait.DATABASE, within=A_TURN)


def asks_database(view: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """A view that asks the database.  Raises Busy where too many do already."""

    @wraps(view)
    def in_its_turn(*arguments: Parameters.args, **named: Parameters.kwargs) -> Answer:
        with in_turn(services().seats)():
            return view(*arguments, **named)

    return in_its_turn
