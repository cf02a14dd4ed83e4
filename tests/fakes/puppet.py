"""A bot without a voice: it does what a bot does to the shared state, when a test pulls its strings.

What runs a pipeline, in a process of a worker's, is in `tests/fakes/bots.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from greenroom.app.errors.rooms import OthersThere
from greenroom.app.rooms.inbox import Answer, Receive
from greenroom.app.rooms.leases import Adopt, Adoption, Beat, Beaten, Release
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.line import LeaveLine
from greenroom.app.rooms.messages import EXPIRED
from greenroom.app.rooms.session_lists import Forget
from greenroom.app.rooms.sessions import ReadSession, Reason, Session, State, Transition

Answers = Mapping[str, Mapping[str, object]]


class Puppet:
    """Plays one session's bot."""

    def __init__(
        self, ledger: Ledger, session: Session, token: str, *, owner: str = "bots@stage/job/1"
    ) -> None:
        self._ledger = ledger
        self._token = token
        self.session = session
        self.owner = owner
        self.heard: list[tuple[str, Mapping[str, object]]] = []
        self.answers: dict[str, Any] = {"look": {"people": []}}
        self.people: frozenset[str] = frozenset()  # who is in the room
        self._after = "0"

    def adopt(self) -> Adoption:
        host, job_id, _ = self.owner.split("/")
        adoption, epoch = self._ledger.run(Adopt(self.session.room, self._token, self.owner, host, job_id))
        if adoption in (Adoption.ADOPTED, Adoption.NEXT):
            self.session = replace(self.session, epoch=epoch)
        return adoption

    def go_live(self) -> "Puppet":
        assert self.adopt() is Adoption.ADOPTED
        self.enter(State.JOINING)
        self._ledger.run(LeaveLine(self.session.id))
        self.enter(State.LIVE)
        assert self.beat() is Beaten.KEPT
        return self

    def enter(self, state: State, reason: Reason | None = None) -> None:
        self._ledger.run(Transition(self.session.id, state, self.session.epoch, reason=reason))

    def beat(self, state: State = State.LIVE) -> Beaten:
        beat = Beat.of(self.session, owner=self.owner, host=self.owner.split("/")[0], state=state)
        return self._ledger.run(beat)[0]

    def obey(self, answers: Answers | None = None, *, wait: timedelta = timedelta(0)) -> None:
        """Read the inbox and answer each message by its kind; at `leave`, leave first."""
        for message in self._ledger.run(Receive(self.session.id, self._after, wait)):
            self._after = message.id
            if message.epoch > self.session.epoch:  # for the bot that comes after this one
                continue
            if message.expired or message.epoch < self.session.epoch:
                self._ledger.run(Answer(self.session.id, message.id, {"error": EXPIRED}))
                continue
            self.heard.append((message.kind, message.body))
            if (
                message.kind in ("leave", "leave_later")
                and "by" in message.body
                and self.people - {str(message.body["by"])}
            ):
                self._ledger.run(Answer(self.session.id, message.id, {"error": OthersThere.kind}))
                continue
            if message.kind == "heed_record":
                self.heed_record()
            if message.kind == "leave":
                self.leave(Reason(str(message.body["reason"])))
            self._ledger.run(
                Answer(self.session.id, message.id, {**self.answers, **(answers or {})}.get(message.kind, {}))
            )

    def heed_record(self) -> None:
        """Be paused or not, as the session's record says."""
        found = self._ledger.run(ReadSession(self.session.id))
        wanted = State.PAUSED if found.pause else State.LIVE
        if found.state in (State.PAUSED, State.LIVE):
            self.enter(wanted)

    def leave(self, reason: Reason = Reason.LEFT) -> bool:
        self.enter(State.LEAVING)
        self.enter(State.ENDED, reason)
        self._ledger.run(Forget(self.session.id, self.session.brief.user_id))
        return self._ledger.run(Release(self.session.room, self.session.epoch, self.owner))
