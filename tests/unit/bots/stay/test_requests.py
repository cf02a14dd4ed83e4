"""What a bot does when it is asked for something."""

import asyncio
import typing
from dataclasses import dataclass
from datetime import timedelta

import pytest

from greenroom.app.errors.bots import CandidatesRefused
from greenroom.app.errors.rooms import OthersThere
from greenroom.app.rooms.inbox import Message
from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.providers import Source, Track
from greenroom.app.rooms.requests.answers import Done, PeopleSeen
from greenroom.app.rooms.requests.changing import Configure
from greenroom.app.rooms.requests.connecting import Candidates, Look, Offer
from greenroom.app.rooms.requests.request import Request
from greenroom.app.rooms.requests.table import REQUESTS
from greenroom.app.rooms.requests.telling import Notice
from greenroom.app.rooms.sessions import Reason
from greenroom.bots.stay.requests import handle
from tests.fakes.stays import parts_of_a_stay, with_pipeline

pytestmark = pytest.mark.anyio


def a_message(kind, body):
    return Message("1-1", kind, body, epoch=7)


def sent(request):
    return a_message(request.name, request.body())


@pytest.mark.parametrize("cls", REQUESTS.values(), ids=lambda cls: cls.name)
def test_what_a_request_makes_a_bot_do_ends_in_its_answer(cls):
    """None is an answer that is given when the bot has left."""
    assert "carry_out" in vars(cls)
    assert typing.get_type_hints(cls.carry_out)["return"] in (cls.answer, type(None))


@pytest.mark.parametrize(
    ("name", "body", "refusal"),
    [
        ("no-such-request", {"text": "psst"}, "unknown"),
        ("offer", {"user_id": 7}, "malformed"),
        ("leave", {"reason": "left", "unless": "others are there"}, "malformed"),
        ("config", {"colour": "green"}, "malformed"),
        ("config", {"persona": 7}, "malformed"),
        ("config", {"voice_parameters": "fast"}, "malformed"),
    ],
)
async def test_a_message_that_cannot_be_read_is_answered_with_a_refusal_and_does_nothing(name, body, refusal):
    parts = parts_of_a_stay()

    assert await handle(parts.asked, a_message(name, body)) == {"error": refusal}
    assert not parts.end.has_begun


@pytest.mark.parametrize(
    ("there", "leaves"), [({"ada", "ben"}, False), ({"ada"}, False), ({"ben"}, True), (set(), True)]
)
async def test_a_bot_leaves_at_a_persons_wish_only_if_nobody_else_is_there(there, leaves):
    parts = parts_of_a_stay(people=there)
    wish = a_message("leave", {"reason": "left", "by": "ben"})

    if leaves:
        assert await handle(parts.asked, wish) is None
    else:
        with pytest.raises(OthersThere):
            await handle(parts.asked, wish)
    assert parts.end.has_begun is leaves


@pytest.mark.parametrize(
    ("body", "said"),
    [({"reason": "left", "by": "ann"}, "ann hung up"), ({"reason": "left"}, "POST /leave, with the key")],
)
async def test_who_ended_a_call_stands_in_its_end(body, said):
    """Hung up, asked to leave, said goodbye by itself: all of them were `left`, and nothing told them apart."""
    parts = parts_of_a_stay()

    await handle(parts.asked, a_message("leave", body))

    assert (parts.end.ending.reason, parts.end.ending.detail) == (Reason.LEFT, said)


@pytest.mark.parametrize("is_alone", [True, False])
async def test_a_bot_gives_its_slot_to_who_waits_if_it_is_alone(is_alone):
    parts = parts_of_a_stay(person="ann")
    await parts.listener.started()
    if not is_alone:
        await parts.listener.arrived("ann")

    assert await handle(parts.asked, a_message("give_way", {})) == {"gives_way": is_alone}
    assert parts.end.has_begun is is_alone
    if is_alone:
        ending = parts.end.ending
        assert (ending.reason, ending.politely, ending.goes_on) == (Reason.IDLE, False, False)


async def test_an_offer_is_answered_by_the_bot_s_place_in_the_room():
    parts = parts_of_a_stay()

    assert await handle(parts.asked, sent(Offer("ada", {}))) == {"answer": {"sdp": "an answer to ada"}}


async def test_what_the_room_refuses_is_raised_for_the_inbox_to_answer():
    parts = parts_of_a_stay()

    async def refuse(*_):
        raise CandidatesRefused

    parts.stage.add_candidates = refuse

    with pytest.raises(CandidatesRefused):
        await handle(parts.asked, sent(Candidates("p", [])))


async def test_a_change_is_done_before_it_is_answered():
    parts = parts_of_a_stay()
    pipeline = await with_pipeline(parts)

    assert await handle(parts.asked, sent(Configure({"voice": "deep"}))) == {
        "with_next_bot": [],
        "not_ready": [],
    }
    assert [frame.delta.voice for frame in pipeline.frames] == ["deep"]


@dataclass(frozen=True)
class Whisper(Request[Done]):
    """Speak low."""

    name = "whisper"
    answer = Done
    within = timedelta(seconds=5)

    async def carry_out(self, bot):
        await bot.configure({"voice": "whisper"})
        return Done()


async def test_a_bot_does_what_a_request_s_class_says_and_knows_of_no_other_place(monkeypatch):
    monkeypatch.setitem(REQUESTS, Whisper.name, Whisper)
    parts = parts_of_a_stay()
    pipeline = await with_pipeline(parts)

    assert await handle(parts.asked, sent(Whisper())) == {}
    assert [frame.delta.voice for frame in pipeline.frames] == ["whisper"]


async def test_a_bot_that_shall_leave_later_does_unless_somebody_joins_meanwhile():
    parts = parts_of_a_stay(person="ann")
    await parts.listener.started()
    await handle(parts.asked, a_message("leave_later", {"seconds": 0.05, "by": "ann"}))
    await handle(parts.asked, a_message("expect", {}))
    await asyncio.sleep(0.1)
    assert not parts.end.has_begun

    await handle(parts.asked, a_message("leave_later", {"seconds": 0.05, "by": "ann"}))
    async with asyncio.timeout(10):
        await parts.end.wait()
    assert parts.end.ending.reason is Reason.LEFT
    assert parts.end.ending.detail == "ann hung up, and nobody came back in 0.05 s"


async def test_a_bot_does_not_leave_others_later_at_a_persons_wish():
    parts = parts_of_a_stay(people={"ada", "ben"})

    with pytest.raises(OthersThere):
        await handle(parts.asked, a_message("leave_later", {"seconds": 60.0, "by": "ben"}))


async def test_what_people_are_to_know_goes_to_their_clients():
    parts = parts_of_a_stay()

    assert await handle(parts.asked, sent(Notice("Voice is back at noon."))) == {}
    assert parts.stage.told == ["notice"]
    assert parts.stage.facts == [{"text": "Voice is back at noon."}]


async def test_a_bot_says_whom_it_sees():
    parts = parts_of_a_stay()
    seen = Seen("ada", timedelta(seconds=2), (Track(Source.MICROPHONE, muted=True),))
    parts.stage.seen = (seen,)

    told = await handle(parts.asked, sent(Look()))

    assert PeopleSeen(**told).read() == [seen]
