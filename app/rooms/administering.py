"""What an admin has bots do: one, the one of a room, or all; each says what happened, within a bounded wait.

What is to stay so is written into the rooms' configs first, and then the bots are told.  The API decides who may ask
for it: the holder of its key, and nobody else.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from greenroom.app.errors.bots import BotFailed, BotSilent, NotOnStage, OnItsWay
from greenroom.app.errors.families import Conflict, GreenroomError
from greenroom.app.errors.rooms import NoBotThere
from greenroom.app.errors.sessions import SessionEnded
from greenroom.app.rooms.bodies import to_body
from greenroom.app.rooms.inbox import AwaitAnswer
from greenroom.app.rooms.leases import ReadRoom, WriteConfig
from greenroom.app.rooms.ledger import Ledger, Step
from greenroom.app.rooms.messages import read_answer, sending
from greenroom.app.rooms.overview import Overview
from greenroom.app.rooms.requests.answers import EXPIRED
from greenroom.app.rooms.requests.changing import Configure, Switch
from greenroom.app.rooms.requests.directing import GUIDANCE, MUTED, STEALTH, Direct, Say
from greenroom.app.rooms.requests.request import Request
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.session_lists import ReadSessions
from greenroom.app.rooms.sessions import ON_STAGE, Session, State
from greenroom.app.rooms.sliced_wait import SLICE
from greenroom.app.rooms.transitions import await_arrival

SESSIONS_AT_ONCE = (
    200  # of a broadcast: each is asked in one of three batches, and waited for together with the others
)


@dataclass(frozen=True)
class Action:
    """What a bot is to do, and what stays so."""

    name: str
    request: Request[Any]
    changes: Mapping[str, object] = field(default_factory=dict)  # of its room's config; None: taken back


def say(text: str, *, interrupt: bool = False) -> Action:
    """Raises ValueError for a text that is empty or too long."""
    return Action("say", Say.of_body({"text": text, "interrupt": interrupt}))


def mute() -> Action:
    return _direct("mute", {MUTED: True})


def unmute() -> Action:
    return _direct("unmute", {MUTED: None})


def stealth(*, is_on: bool = True) -> Action:
    return _direct("stealth", {STEALTH: is_on or None})


def instruct(text: str | None) -> Action:
    """None takes the instruction back."""
    return _direct("instruct", {GUIDANCE: text or None})


def persona(changes: Mapping[str, object]) -> Action:
    return Action("persona", Configure(changes), changes)


def switch(assistant: str) -> Action:
    return Action("switch", Switch(assistant))


def _direct(name: str, changes: Mapping[str, object]) -> Action:
    return Action(name, Direct(changes), changes)


@dataclass(frozen=True)
class Result:
    """What became of an action with one session's bot."""

    session: Session
    refusal: GreenroomError | None = None
    did: Mapping[str, object] = field(default_factory=dict)  # the bot's answer


def as_told(result: Result) -> dict[str, Any]:
    """A result, as the API and the commands tell it."""
    told = {"session_id": result.session.id, "room_url": str(result.session.room)}
    if result.refusal is not None:
        return {**told, "status": "refused", "kind": result.refusal.kind, "detail": str(result.refusal)}
    return {**told, "status": "done", "did": dict(result.did)}


class Administering:
    """Has bots do what an admin wants."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._overview = Overview(ledger)

    def in_session(
        self, session_id: str, action: Action, *, by: str, is_awaited: Callable[[], bool] = lambda: True
    ) -> Result:
        """Have one session's bot do it; one that is on its way to another room is waited for.

        Raises NoSuchSession; all else that keeps it from that is in the result.
        """
        session = await_arrival(self._ledger, session_id, is_awaited=is_awaited)
        return self._do([session], action, by, is_awaited)[0]

    def in_room(
        self, room: Room, action: Action, *, by: str, is_awaited: Callable[[], bool] = lambda: True
    ) -> Result:
        """Have the bot of a room do it.  Raises NoBotThere."""
        lease = self._ledger.run(ReadRoom(room)).adopted()
        session = await_arrival(self._ledger, lease.session_id, is_awaited=is_awaited)
        if session.room != room:
            raise NoBotThere
        return self._do([session], action, by, is_awaited)[0]

    def in_all(
        self,
        action: Action,
        *,
        by: str,
        after: str = "",
        limit: int = SESSIONS_AT_ONCE,
        is_awaited: Callable[[], bool] = lambda: True,
    ) -> tuple[list[Result], str | None]:
        """Have a page of all sessions' bots do it: a result for each, and what the next page comes after, if any."""
        sessions, next_after = self._overview.sessions(after, limit)
        return self._do(sessions, action, by, is_awaited), next_after

    def _do(
        self, sessions: Sequence[Session], action: Action, by: str, is_awaited: Callable[[], bool]
    ) -> list[Result]:
        """A result for each, in their order."""
        done = _Round(self._ledger, action, is_awaited).results_of(sessions)
        self._keep_where_they_went(done, action)
        self._write_down(done, action, by)
        return done

    def _keep_where_they_went(self, results: Sequence[Result], action: Action) -> None:
        """Write the changes where a session has moved meanwhile, which may have left them behind."""
        if not action.changes:
            return
        done = [each.session for each in results if each.refusal is None]
        found = self._ledger.run(ReadSessions(tuple(each.id for each in done)))
        moved = [
            now for was, now in zip(done, found, strict=True) if now is not None and now.room != was.room
        ]
        self._ledger.run_all([WriteConfig(each.room, each.epoch, action.changes) for each in moved])

    def _write_down(self, results: Sequence[Result], action: Action, by: str) -> None:
        """Who had a bot do what, in its history; never the words.

        What is to stay so is so for the next bot, where this one did not answer.
        """
        detail = f"{action.name}, by {by}"
        stays = (BotSilent, BotFailed) if action.changes else ()
        done = [each.session for each in results if each.refusal is None or isinstance(each.refusal, stays)]
        self._ledger.run_all(
            [Note(each.id, Happened.ADMIN_ACTED, each.epoch, detail=detail) for each in done]
        )


class _Round:
    """One action with the bots of some sessions, within its time: all are told first, and then heard."""

    def __init__(self, ledger: Ledger, action: Action, is_awaited: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._action = action
        self._is_awaited = is_awaited
        self._deadline = time.monotonic() + action.request.within.total_seconds()
        self._results: dict[str, Result] = {}

    def results_of(self, sessions: Sequence[Session]) -> list[Result]:
        """A result for each, in their order."""
        asked = list(sessions)
        while asked:
            told = self._tell([each for each in asked if not self._is_refused(each)])
            again = [each for each, message_id in told if not self._hear(each, message_id)]
            asked = self._with_another_bot(again)
        return [self._results[each.id] for each in sessions]

    def _refuse(self, session: Session, why: GreenroomError) -> None:
        self._results[session.id] = Result(session, why)

    def _is_refused(self, session: Session) -> bool:
        refusal = _refusal_of(session)
        if refusal is not None:
            self._refuse(session, refusal)
        return refusal is not None

    def _tell(self, sessions: Sequence[Session]) -> list[tuple[Session, str]]:
        """Write down what is to stay so, and tell the bots; those that are told, with their messages."""
        if self._action.changes:
            sessions = list(self._written(sessions))
        left = timedelta(seconds=self._left())
        steps: list[Step[Any]] = [sending(each, self._action.request, good_for=left) for each in sessions]
        told = []
        for session, sent in zip(sessions, self._ledger.run_all(steps), strict=True):
            if isinstance(sent, GreenroomError):
                self._refuse(session, sent)
            else:
                told.append((session, sent))
        return told

    def _written(self, sessions: Sequence[Session]) -> Iterable[Session]:
        steps: list[Step[Any]] = [
            WriteConfig(each.room, each.epoch, self._action.changes) for each in sessions
        ]
        for session, is_written in zip(sessions, self._ledger.run_all(steps), strict=True):
            if is_written is True:
                yield session
            else:
                changed = Conflict("The room's bot has just changed; try again.", session_id=session.id)
                self._refuse(session, changed)

    def _hear(self, session: Session, message_id: str) -> bool:
        """Wait for a bot's answer; False where another bot is to be asked, since the message was for the one before."""
        answer = self._answer(session.id, message_id)
        if answer is not None and answer.get("error") == EXPIRED:
            return False
        if answer is None:
            self._refuse(session, BotSilent(session_id=session.id))
            return True
        try:
            did = to_body(read_answer(self._action.request, answer, session))
            self._results[session.id] = Result(session, did=did)
        except GreenroomError as error:
            self._refuse(session, error)
        return True

    def _answer(self, session_id: str, message_id: str) -> Mapping[str, object] | None:
        while True:
            # Where nobody waits any more, what has been answered by now is still taken, for the history
            left = timedelta(seconds=self._left() if self._is_awaited() else 0.0)
            answer = self._ledger.run(AwaitAnswer(session_id, message_id, min(left, SLICE)))
            if answer is not None or left <= SLICE:
                return answer

    def _with_another_bot(self, sessions: Sequence[Session]) -> list[Session]:
        """Those of them that have another bot by now, if there is time to ask that."""
        found = self._ledger.run(ReadSessions(tuple(each.id for each in sessions)))
        again = []
        for before, now in zip(sessions, found, strict=True):
            if now is not None and now.epoch > before.epoch and self._left():
                again.append(now)
            else:
                self._refuse(before, BotSilent(session_id=before.id))
        return again

    def _left(self) -> float:
        """The seconds for which answers are still awaited."""
        return max(0.0, self._deadline - time.monotonic())


def _refusal_of(session: Session) -> GreenroomError | None:
    if session.state is State.ENDED:
        return SessionEnded(session_id=session.id, reason=session.reason)
    if session.state is State.TRANSITIONING:
        return OnItsWay(session_id=session.id)
    return None if session.state in ON_STAGE else NotOnStage(session_id=session.id)
