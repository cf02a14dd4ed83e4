"""What the views ask: the product's services, built once a process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from flask import current_app
from itsdangerous import TimestampSigner

from app import providers
from app.api.auth import session_tokens
from app.api.seats import Latest, Seats
from app.passes import Passes
from app.rooms.joining import Joining
from app.rooms.leaving import Leaving
from app.rooms.looking import Looking
from app.rooms.ports import EvidenceQueue, Ledger, Outgoing
from app.rooms.providers import Providers
from app.settings import Settings


@dataclass(frozen=True)
class Services:
    """One of each."""

    ledger: Ledger
    joining: Joining
    leaving: Leaving
    looking: Looking
    tokens: TimestampSigner
    passes: Passes
    settings: Settings
    personalities: tuple[str, ...]
    providers: Providers
    evidence: EvidenceQueue
    seats: Seats
    offers: Latest
    names: Mapping[str, str] = field(default_factory=dict)  # what each personality calls itself

    @classmethod
    def over(
        cls, ledger: Ledger, outgoing: Outgoing, settings: Settings, personalities: tuple[str, ...]
    ) -> "Services":
        its, seats = providers.of(settings), Seats(settings.web_threads)
        return cls(
            ledger=ledger,
            joining=Joining(ledger, outgoing, sleep=seats.sleep),
            leaving=Leaving(ledger, its),
            looking=Looking(ledger),
            tokens=session_tokens(settings.signing_secret),
            passes=Passes(settings.signing_secret),
            settings=settings,
            personalities=personalities,
            providers=its,
            evidence=outgoing,
            seats=seats,
            offers=Latest(),
        )


def services() -> Services:
    """This application's."""
    return cast(Services, current_app.extensions["greenroom"])
