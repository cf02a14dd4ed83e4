"""Asking a bot: its answer, its refusal, its silence."""

from datetime import timedelta

import pytest

from greenroom.app.errors.bots import BotFailed, BotSilent, CandidatesRefused, OfferRefused
from greenroom.app.errors.limits import NoLongerAwaited
from greenroom.app.errors.rooms import OthersThere, RoomFull
from greenroom.app.errors.sessions import SessionEnded
from greenroom.app.rooms.inbox import Answer, Receive
from greenroom.app.rooms.messages import ask, sending
from greenroom.app.rooms.requests.answers import Configured, OfferAnswer
from greenroom.app.rooms.requests.changing import Configure, HeedRecord
from greenroom.app.rooms.requests.connecting import Candidates, Offer
from greenroom.app.rooms.requests.leaving import Leave
from greenroom.app.rooms.sessions import Reason
from greenroom.app.rooms.sliced_wait import SLICE, slices
from tests.rigs.makers import DIED, an_order

A_MOMENT = timedelta(milliseconds=20)
OFFER = Offer("ada", {"sdp": "v=0"})
ANSWERED = {"offer": {"answer": {"sdp": "v=0"}}}


@pytest.fixture
def bot(joining, puppet):
    joining.join(an_order())
    return puppet().go_live()


def test_what_a_bot_answers_is_what_is_returned(ledger, bot):
    ledger.meanwhile.append(lambda: bot.obey(ANSWERED))

    assert ask(ledger, bot.session, OFFER) == OfferAnswer({"sdp": "v=0"})
    assert bot.heard == [("offer", OFFER.body())]


@pytest.mark.parametrize(
    ("request_", "kind", "error"),
    [
        (OFFER, "room-full", RoomFull),
        (OFFER, "offer-refused", OfferRefused),
        (Candidates("p", []), "candidates-refused", CandidatesRefused),
        (Leave(Reason.LEFT, "ada"), "others-there", OthersThere),
        (OFFER, "others-there", BotFailed),  # nobody who offers is told so
        (OFFER, "expired", BotSilent),
        (OFFER, "failed", BotFailed),
        (OFFER, "unknown", BotFailed),
        (OFFER, "a word of tomorrow", BotFailed),
    ],
)
def test_what_a_bot_refuses_is_raised_by_its_name(ledger, bot, request_, kind, error):
    def refuse():
        (message,) = ledger.run(Receive(bot.session.id, "0", timedelta(0)))
        ledger.run(Answer(bot.session.id, message.id, {"error": kind}))

    ledger.meanwhile.append(refuse)

    with pytest.raises(error) as refused:
        ask(ledger, bot.session, request_)
    assert refused.value.facts["session_id"] == bot.session.id


def test_an_answer_that_is_none_of_the_request_s_is_the_bot_s_failure(ledger, bot):
    ledger.meanwhile.append(lambda: bot.obey({"offer": {"answer": "v=0"}}))

    with pytest.raises(BotFailed):
        ask(ledger, bot.session, OFFER)


@pytest.mark.usefixtures("impatient")
def test_a_bot_that_does_not_answer_is_silent(ledger, bot):
    with pytest.raises(BotSilent):
        ask(ledger, bot.session, Configure({}))


def test_an_answer_that_nobody_awaits_any_more_is_not_waited_for(ledger, bot):
    with pytest.raises(NoLongerAwaited):
        ask(ledger, bot.session, OFFER, is_awaited=lambda: False)


@pytest.mark.usefixtures("impatient")
def test_a_message_that_comes_too_late_has_expired(ledger, bot):
    with pytest.raises(BotSilent):
        ask(ledger, bot.session, Configure({}))
    ledger.pass_time(A_MOMENT * 2)
    assert [message.expired for message in ledger.run(Receive(bot.session.id, "0", A_MOMENT))] == [True]


def test_a_bot_that_ends_while_it_is_asked_says_why(ledger, bot):
    ledger.meanwhile.append(lambda: bot.leave(Reason.IDLE))

    with pytest.raises(SessionEnded) as ended:
        ask(ledger, bot.session, OFFER)
    assert ended.value.facts["reason"] == "idle"


def succeed(ledger, reaper, puppet, bot):
    """The bot dies, and another has its session."""
    assert reaper.lost(bot.session.id, owner=bot.owner, failure=DIED)
    return puppet().go_live()


def test_what_the_bot_before_did_not_read_is_sent_again_to_the_one_after_it(ledger, reaper, puppet, bot):
    successors = []

    def die_and_be_followed():
        if not successors:
            successors.append(succeed(ledger, reaper, puppet, bot))
        successors[0].obey(ANSWERED)

    ledger.meanwhile.append(die_and_be_followed)

    assert ask(ledger, bot.session, OFFER) == OfferAnswer({"sdp": "v=0"})
    assert successors[0].heard == [("offer", OFFER.body())]  # once
    assert bot.heard == []


def test_a_caller_who_knows_an_earlier_bot_reaches_the_present_one(ledger, reaper, puppet, bot):
    successor = succeed(ledger, reaper, puppet, bot)
    ledger.meanwhile.append(successor.obey)

    assert ask(ledger, bot.session, Configure({})) == Configured()
    assert successor.heard == [("config", {})]


def test_what_expired_at_the_bot_that_has_the_session_is_not_sent_again(ledger, bot):
    ledger.meanwhile.append(lambda: bot.obey({"offer": {"error": "expired"}}))

    with pytest.raises(BotSilent):
        ask(ledger, bot.session, OFFER)
    assert len(bot.heard) == 1


@pytest.mark.usefixtures("impatient")
def test_a_session_that_is_over_when_its_bot_is_replaced_says_so(ledger, bot):
    """It ends in the last moment of the caller's patience."""
    ledger.meanwhile.append(lambda: bot.leave(Reason.IDLE))

    with pytest.raises(SessionEnded):
        ask(ledger, bot.session, Configure({}))


def test_an_ended_session_is_not_asked(ledger, bot, overview):
    bot.leave(Reason.IDLE)

    with pytest.raises(SessionEnded):
        ask(ledger, overview.session(bot.session.id), OFFER)
    assert bot.heard == []


def test_patience_is_cut_in_slices_and_there_is_always_one():
    assert list(slices(timedelta(0))) == [timedelta(0)]
    assert next(slices(timedelta(seconds=0.3))) == timedelta(seconds=0.3)
    assert next(slices(timedelta(minutes=5))) == SLICE


def test_a_bot_that_reads_late_still_looks_at_its_record(ledger, bot):
    """It was frozen when the call was over that it was paused for, and stayed silent for good."""
    ledger.run(sending(bot.session, HeedRecord()))
    ledger.run(sending(bot.session, Leave(Reason.LEFT)))

    ledger.pass_time(HeedRecord.lasts / 2)

    look, leave = ledger.run(Receive(bot.session.id, "0", timedelta(0)))
    assert (look.kind, look.expired) == ("heed_record", False)
    assert (leave.kind, leave.expired) == ("leave", True)
