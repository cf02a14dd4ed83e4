"""How a bot gives its session up, and how another one takes it."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from pipecat.frames.frames import OutputTransportMessageUrgentFrame
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from greenroom.app.rooms.conversations import Record
from greenroom.app.rooms.deadlines import SetDeadline
from greenroom.app.rooms.failures import BotCrashed, FailureKind
from greenroom.app.rooms.handovers import HandOver, Yield
from greenroom.app.rooms.leases import Found, Hold, ReadRoom, Supersede
from greenroom.app.rooms.line import FindPlace, Place
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Advance, ReadSession, Reason, State, Succeed
from greenroom.bots.stay import hand_over
from greenroom.bots.stay.ending import REPLACED, Ending
from tests.fakes.async_ledgers import Told
from tests.fakes.stays import parts_of_a_stay, with_pipeline
from tests.rigs.makers import a_session

pytestmark = pytest.mark.anyio


class Launched:
    """A launch that is in the queue."""


async def nothing():
    pass


class Successor:
    """A ledger in which a successor stands ready; what happens while it gets the room is the test's."""

    def __init__(self, *, free=1, meanwhile=nothing, is_yielded=True):
        self.free, self.meanwhile, self.is_yielded = free, meanwhile, is_yielded
        self.told = []
        self.others_steps = 0  # of what else is under way in the session's record

    async def run(self, step):
        self.told.append(step)
        match step:
            case FindPlace():
                return Place(ahead=None, waiting=0, free=self.free)
            case HandOver():
                return 8
            case ReadRoom():
                successor = SimpleNamespace(is_ready=True)
                return SimpleNamespace(lease=SimpleNamespace(epoch=7, successor=successor))
            case Yield():
                await self.meanwhile()
                return 8 if self.is_yielded else None
            case Supersede():
                return Found.SUPERSEDED, SimpleNamespace(epoch=8)
            case Advance() if self.others_steps:
                self.others_steps -= 1
                return False
            case ReadSession():
                return a_session()
            case Advance() | Hold():
                return True
            case Succeed():
                return SimpleNamespace(session=a_session(epoch=8))
            case Launched() | Record() | SetDeadline():
                return None
        raise AssertionError(step)

    async def run_all(self, steps):
        self.told += steps
        return [None] * len(steps)


class Mouth(BaseOutputTransport):
    """The end of a pipeline, where messages to people leave it."""

    def __init__(self):
        super().__init__(TransportParams())
        self.sent = []

    async def send_message(self, frame):
        self.sent.append(frame.message)


def a_bot(ledger, **facts):
    launches = SimpleNamespace(launch=lambda *_, **__: Launched())
    parts = parts_of_a_stay(ledger=ledger, launches=launches, **facts)
    parts.bot_run.started.set()
    return parts


@pytest.mark.parametrize("is_yielded", [True, False])
async def test_what_is_answered_while_the_room_changes_hands_is_sent_only_if_it_does_not(is_yielded):
    """The answer to a line that came in that moment was read, and the next bot knew nothing of the line."""
    ledger = Successor(is_yielded=is_yielded)
    parts, mouth, heard = a_bot(ledger), Mouth(), []
    await with_pipeline(parts, mouth)

    async def answer():
        heard.append(parts.stage.listens)
        await mouth.send_message(OutputTransportMessageUrgentFrame(message="an answer"))

    ledger.meanwhile = answer

    assert await parts.hand_over.hand_over() is is_yielded
    assert heard == [False]
    assert mouth.sent == ([] if is_yielded else ["an answer"])
    assert parts.stage.listens is not is_yielded
    assert parts.journal.has_room is not is_yielded


async def test_the_people_of_a_room_that_was_handed_over_are_told_and_their_line_is_left_up():
    parts = a_bot(Successor())

    await parts.hand_over.run()

    assert parts.stage.done == ["hushed"]
    assert len(parts.stage.told) == 1
    assert parts.end.ending is REPLACED


async def test_without_a_slot_a_session_that_was_visited_is_parked():
    ledger = Successor(free=0)
    parts = a_bot(ledger, person="ann")
    await parts.listener.started()
    parts.carry_out.stop_clock()

    await parts.hand_over.run()

    assert Succeed("a-session", 8, Happened.PARKED, State.PENDING) in ledger.told
    assert parts.stage.told == ["parked"]
    assert (parts.end.ending, parts.journal.has_room) == (REPLACED, False)


async def test_a_session_that_cannot_be_parked_just_then_keeps_its_bot_until_it_can(monkeypatch):
    """The bot ended as if another one had the room, and nobody had it."""
    monkeypatch.setattr(hand_over, "TRY_AGAIN_AFTER", timedelta(0))
    ledger = Successor(free=0)
    ledger.others_steps = 4  # something else is under way in its record: two looks each time
    parts = a_bot(ledger, person="ann")
    await parts.listener.started()
    parts.carry_out.stop_clock()

    await parts.hand_over.run()

    assert ledger.others_steps == 0
    assert Succeed("a-session", 8, Happened.PARKED, State.PENDING) in ledger.told
    assert (parts.end.ending, parts.journal.has_room) == (REPLACED, False)


async def test_without_a_slot_a_session_that_nobody_ever_visited_ends():
    ledger = Successor(free=0)
    parts = a_bot(ledger)
    await parts.listener.started()
    parts.carry_out.stop_clock()

    await parts.hand_over.run()

    assert parts.end.ending.reason is Reason.NO_SHOW
    assert not any(isinstance(step, Supersede) for step in ledger.told)


async def test_a_session_that_ends_meanwhile_is_given_to_nobody():
    ledger = Successor()
    parts = a_bot(ledger)
    parts.end.begin(Ending(Reason.LEFT))

    assert await parts.hand_over.hand_over() is False
    assert not any(isinstance(step, Yield) for step in ledger.told)
    assert parts.stage.listens and parts.journal.has_room


async def test_who_is_answered_just_then_gets_the_answer_before_the_room_is_given_up():
    ledger = Successor()
    parts = a_bot(ledger)
    parts.turns.message_added({"role": "user", "content": "one more thing"})
    writing = asyncio.create_task(parts.turns.write())

    handing = asyncio.create_task(parts.hand_over.hand_over())
    await asyncio.sleep(0.3)
    assert not any(isinstance(step, Yield) for step in ledger.told)
    parts.turns.message_added({"role": "assistant", "content": "here it is"})

    assert await handing
    writing.cancel()


async def test_who_says_something_in_the_very_last_moment_is_answered_before_the_room_is_given_up():
    ledger = Successor()
    parts = a_bot(ledger)
    writing = asyncio.create_task(parts.turns.write())
    is_written, asked = parts.open_things.written, []

    async def written(within):
        asked.append(within)
        if len(asked) == 2:  # nothing is taken in any more, and this line came before
            parts.turns.message_added({"role": "user", "content": "one more thing"})
        return await is_written(within)

    parts.open_things.written = written
    handing = asyncio.create_task(parts.hand_over.hand_over())
    await asyncio.sleep(0.3)
    assert not any(isinstance(step, Yield) for step in ledger.told)
    parts.turns.message_added({"role": "assistant", "content": "here it is"})

    assert await handing
    writing.cancel()


async def test_a_successor_that_cannot_start_says_so_before_anybody_yields_to_it():
    async def fails():
        raise ValueError("not today")

    parts = parts_of_a_stay(ledger=Told(), adopted={"is_next": True})
    parts.bot_run.begin(fails)

    with pytest.raises(BotCrashed) as crashed:
        await parts.take_over.run()
    assert crashed.value.failure.kind is FailureKind.NOT_READY
    assert parts.stage.done == []


async def test_a_bot_whose_turn_has_not_come_has_no_room():
    parts = parts_of_a_stay(adopted={"is_next": True}, state=State.LIVE)

    assert not parts.journal.has_room
    assert parts.journal.state is State.PENDING
