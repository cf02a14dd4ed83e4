"""The archive at somebody's own backend: turns and what happens to sessions, as calls that it may be sent again."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from operator import itemgetter

from greenroom.app.backend.calls import Backend
from greenroom.app.errors.storage import BackendAway, BackendRefused
from greenroom.app.rooms.archive import Batch, Delivery, NotNow, Refusal, Report, Unkept
from greenroom.app.rooms.providers import is_guest
from greenroom.app.rooms.sessions import State

TURNS_A_CALL = 50
FAILURES_IN_A_ROW = (
    3  # then the others are not tried: each may cost the whole time that is waited for an answer
)
SESSIONS_REMEMBERED = 1000  # of which it is known what the backend has been told

Facts = dict[str, object]


class BackendArchive:
    """Keeps what was said and what has happened (`greenroom.app.rooms.archive.Archive`).

    A conversation that the backend stumbles over waits by itself, and the others go on.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._told: OrderedDict[str, set[str]] = OrderedDict()  # by session, the ids of what has arrived

    def keep_turns(self, batches: Sequence[Batch]) -> list[Refusal]:
        refusals: list[Refusal] = []
        failures = 0
        for batch in batches:
            if failures == FAILURES_IN_A_ROW:
                refusals.append(Refusal(batch.conversation_id, _first(batch), Unkept.NOT_TRIED))
                continue
            of_this = self._keep(batch)
            refusals += of_this
            failures = failures + 1 if any(each.why is Unkept.NOT_NOW for each in of_this) else 0
        return refusals

    def keep_session(self, report: Report) -> str | None:
        """Tell what has happened since it was told last; after a start of this process, all of it again."""
        session_id, because = report.session.id, None
        told = self._told.setdefault(session_id, set())
        self._told.move_to_end(session_id)
        while len(self._told) > SESSIONS_REMEMBERED:
            self._told.popitem(last=False)
        for path, facts in _happenings(report):
            its_id = str(facts["id"])
            if its_id in told:
                continue
            try:
                self._backend.call(path, facts)
            except BackendRefused as error:
                because = str(error.facts["because"])
            except BackendAway as error:
                raise NotNow(str(error.facts["because"])) from error
            told.add(its_id)
        return because

    def _keep(self, batch: Batch) -> list[Refusal]:
        """What was said: a backend sums up what it likes itself."""
        refusals: list[Refusal] = []
        said = [delivery for delivery in batch.deliveries if delivery.turn.is_said]
        for first in range(0, len(said), TURNS_A_CALL):
            some = said[first : first + TURNS_A_CALL]
            try:
                refusals += self._send(batch, some)
            except BackendAway as error:
                because = str(error.facts["because"])
                return [
                    *refusals,
                    Refusal(batch.conversation_id, some[0].turn.id, Unkept.NOT_NOW, because),
                ]
        return refusals

    def _send(self, batch: Batch, deliveries: Sequence[Delivery]) -> list[Refusal]:
        """In as few calls as leave out what the backend never takes."""
        facts = {
            "conversation_id": batch.conversation_id,
            "tenant": batch.tenant,
            "user_id": batch.user_id,
            "turns": [_turn(delivery) for delivery in deliveries],
        }
        try:
            self._backend.call("turns", facts)
        except BackendRefused as error:
            if len(deliveries) == 1:
                because = str(error.facts["because"])
                return [Refusal(batch.conversation_id, deliveries[0].turn.id, Unkept.UNSTORABLE, because)]
            middle = len(deliveries) // 2
            return [*self._send(batch, deliveries[:middle]), *self._send(batch, deliveries[middle:])]
        return []


def _first(batch: Batch) -> str:
    return batch.deliveries[0].turn.id


def _turn(delivery: Delivery) -> Facts:
    """A message as a model reads it, and what else is known of it."""
    turn = delivery.turn
    return {
        **turn.as_message(),
        "content": turn.content,
        "id": turn.id,
        "sequence": turn.sequence,
        "session_id": delivery.session_id,
        "epoch": turn.epoch,
        "person": turn.person,
        "interrupted": turn.interrupted,
        "tool_status": turn.tool_status,
        "source": turn.source,
        "started_ms": turn.started_ms,
        "ended_ms": turn.ended_ms,
    }


def _happenings(report: Report) -> Iterator[tuple[str, Facts]]:
    """What has happened so far, in order, each with an id of its own and to which path it goes."""
    session, brief = report.session, report.session.brief
    about: Facts = {
        "session_id": session.id,
        "room_name": session.room.name,
        "room_url": str(session.room),
        "conversation_id": session.conversation_id,
        "tenant": brief.tenant,
        "user_id": brief.user_id,
    }

    def of(event: str, at_ms: int, its_id: str, **more: object) -> Facts:
        return {"id": f"{session.id}/{its_id}", "event": event, "at_ms": at_ms, **about, **more}

    yield "sessions", of("started", session.created_ms, "started", bot=brief.bot, assistant=brief.assistant)
    moves: list[tuple[int, Facts]] = []
    for visit in report.visits:
        who = {"identity": visit.identity, "name": visit.name, "metadata": dict(visit.metadata)}
        which = f"{visit.identity}/{visit.joined_ms}"
        moves.append((visit.joined_ms, of("joined", visit.joined_ms, f"joined/{which}", **who)))
        if visit.left_ms is not None:
            left = of("left", visit.left_ms, f"left/{which}", joined_ms=visit.joined_ms, **who)
            moves.append((visit.left_ms, left))
    moves.sort(key=itemgetter(0))  # those of one moment stay as they are: coming, then going
    yield from (("participants", move) for _, move in moves)
    if session.state is State.ENDED:
        participants = [
            {
                "identity": each.identity,
                "name": each.name,
                "joined_ms": each.joined_ms,
                "left_ms": each.left_ms,
            }
            for each in report.visits
        ]
        yield (
            "sessions",
            of(
                "ended",
                session.updated_ms,
                "ended",
                reason=session.reason,
                duration_ms=session.updated_ms - session.created_ms,
                message_count=report.messages,
                participants=participants,
            ),
        )
        if brief.memory and not is_guest(brief.user_id):
            yield "remember", of("remember", session.updated_ms, "remember")
