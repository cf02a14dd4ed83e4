"""A session's inbox: what its bot is asked, and what it answers."""

from datetime import timedelta

import pytest

from greenroom.app.errors.limits import InboxFull
from greenroom.app.rooms.inbox import Answer, AwaitAnswer, Receive, Send
from greenroom.app.storage.inbox import INBOX_HOLDS
from tests.rigs.makers import a_beat

AT_ONCE = timedelta(0)
A_MOMENT = timedelta(milliseconds=20)


def send(ledger, kind="say", body=None, *, session_id="a-session", good_for=timedelta(seconds=10)):
    return ledger.run(Send(session_id, kind, body or {}, epoch=7, good_for=good_for))


def receive(ledger, after="0", *, session_id="a-session"):
    return ledger.run(Receive(session_id, after, A_MOMENT))


def test_messages_are_read_in_the_order_in_which_they_were_sent(ledger):
    ids = [send(ledger, "say", {"number": number}) for number in range(20)]

    messages = receive(ledger)

    assert [message.id for message in messages] == ids
    assert [message.body["number"] for message in messages] == list(range(20))
    assert {(message.kind, message.epoch, message.expired) for message in messages} == {("say", 7, False)}


def test_a_body_arrives_as_it_was_sent(ledger):
    body = {"sdp": "v=0\r\n", "nothing": None, "empty": {}, "list": [], "deep": [{"ü": [1.5, True]}]}
    send(ledger, "offer", body)

    assert receive(ledger)[0].body == body


def test_reading_goes_on_after_what_was_read(ledger):
    first, second = send(ledger), send(ledger)

    assert [message.id for message in receive(ledger, first)] == [second]
    assert receive(ledger, second) == []


def test_an_inbox_is_one_session_s_own(ledger):
    send(ledger)

    assert receive(ledger, session_id="another") == []


def test_a_message_read_too_late_has_expired(world, ledger):
    send(ledger, good_for=timedelta(seconds=10))
    world.pass_time(timedelta(seconds=11))
    send(ledger, good_for=timedelta(seconds=10))

    assert [message.expired for message in receive(ledger)] == [True, False]


def test_an_answered_message_is_gone_and_its_answer_is_there_for_who_asks_again(ledger):
    first, second = send(ledger), send(ledger)
    ledger.run(Answer("a-session", first, {"answer": {"sdp": "v=0"}, "list": []}))

    assert [message.id for message in receive(ledger)] == [second]
    for _ in range(2):
        answer = ledger.run(AwaitAnswer("a-session", first, A_MOMENT))
        assert answer == {"answer": {"sdp": "v=0"}, "list": []}
    assert ledger.run(AwaitAnswer("a-session", second, A_MOMENT)) is None


def test_the_first_answer_counts(ledger):
    message_id = send(ledger)
    ledger.run(Answer("a-session", message_id, {"first": True}))
    ledger.run(Answer("a-session", message_id, {"first": False}))

    assert ledger.run(AwaitAnswer("a-session", message_id, A_MOMENT)) == {"first": True}


def test_an_answer_to_nothing_is_dropped(ledger):
    ledger.run(Answer("a-session", "1-1", {}))

    assert ledger.run(AwaitAnswer("a-session", "1-1", A_MOMENT)) is None


def test_no_answer_is_none_even_without_patience(ledger):
    message_id = send(ledger)

    assert ledger.run(AwaitAnswer("a-session", message_id, AT_ONCE)) is None


@pytest.mark.parametrize("times", [0, 2])
def test_an_answer_goes_away_heard_or_not(world, ledger, times):
    message_id = send(ledger)
    ledger.run(Answer("a-session", message_id, {}))
    for _ in range(times):
        ledger.run(AwaitAnswer("a-session", message_id, A_MOMENT))
    world.pass_time(timedelta(seconds=31))

    assert ledger.run(AwaitAnswer("a-session", message_id, A_MOMENT)) is None


def test_an_empty_answer_is_an_answer(ledger):
    message_id = send(ledger)
    ledger.run(Answer("a-session", message_id, {}))

    assert ledger.run(AwaitAnswer("a-session", message_id, A_MOMENT)) == {}


def test_a_full_inbox_takes_no_more_until_something_is_answered(ledger):
    each = [Send("a-session", "say", {}, 7, timedelta(seconds=10)) for _ in range(INBOX_HOLDS)]
    ids = ledger.run_all(each)
    with pytest.raises(InboxFull):
        send(ledger)
    assert len(receive(ledger)) == INBOX_HOLDS

    ledger.run(Answer("a-session", ids[0], {}))

    assert send(ledger)


def test_a_message_sent_twice_is_one(ledger):
    """The reply of the first try was lost."""
    message = Send("a-session", "say", {}, 7, timedelta(seconds=10))
    first = ledger.run(message)

    assert ledger.run(message) == first
    assert [each.id for each in receive(ledger)] == [first]
    ledger.run(Answer("a-session", first, {}))
    assert ledger.run(message) == first
    assert receive(ledger) == []


def test_two_messages_that_say_the_same_are_two(ledger):
    assert send(ledger) != send(ledger)
    assert len(receive(ledger)) == 2


def test_a_message_that_was_sent_is_not_refused_because_the_inbox_is_full_now(ledger):
    message = Send("a-session", "say", {}, 7, timedelta(seconds=10))
    sent = ledger.run(message)
    ledger.run_all([Send("a-session", "say", {}, 7, timedelta(seconds=10)) for _ in range(INBOX_HOLDS - 1)])

    assert ledger.run(message) == sent


# With a beat


def beat(ledger, after="0"):
    """What a bot that beats finds in its inbox."""
    return ledger.run(a_beat(1_790_000_000_000_000, session_id="a-session", after=after))[1]


def test_a_beat_brings_what_was_not_read_yet(ledger):
    assert beat(ledger) == []
    first, second = send(ledger, "say", {"number": 1}), send(ledger)

    messages = beat(ledger)
    assert [message.id for message in messages] == [first, second]
    assert messages == receive(ledger)
    assert [message.id for message in beat(ledger, after=first)] == [second]
    assert beat(ledger, after=second) == []


def test_a_beat_brings_what_has_expired_as_such(world, ledger):
    send(ledger, good_for=timedelta(seconds=10))
    world.pass_time(timedelta(seconds=11))

    assert [message.expired for message in beat(ledger)] == [True]
