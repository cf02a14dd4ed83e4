"""The archive at somebody's own backend: in order, idempotent, no conversation in another's way."""

import json
from dataclasses import replace

import pytest

from greenroom.app.backend.archive import FAILURES_IN_A_ROW, TURNS_A_CALL, BackendArchive
from greenroom.app.rooms.archive import Batch, Delivery, NotNow, Refusal, Report, Unkept, Visit
from greenroom.app.rooms.conversations import SUMMARY, SumsUp, ToolCall, Turn
from greenroom.app.rooms.sessions import Reason, State
from tests.rigs.makers import a_session

HERE = "a-conversation"


@pytest.fixture
def archive(backend):
    return BackendArchive(backend)


def a_turn(number, **facts):
    usual = {"role": "user", "content": f"words {number}", "sequence": number + 1, "epoch": 7, "ended_ms": 5}
    return Turn(f"turn-{number}", **{**usual, **facts})


def a_batch(*numbers, conversation_id=HERE):
    return Batch(
        conversation_id,
        "main",
        "ada",
        tuple(Delivery(a_turn(number), "a-session", 7) for number in numbers),
    )


def failing_for(conversation_id, status):
    return lambda call: (status if call.facts["conversation_id"] == conversation_id else 200, b"{}")


def refusing(*ids, status=422):
    def answers(call):
        return status if any(turn["id"] in ids for turn in call.facts["turns"]) else 200, b"{}"

    return answers


def test_turns_arrive_in_order_with_all_that_is_known_of_them(fake, archive):
    asks = a_turn(1, role="assistant", content="", tool_calls=(ToolCall("call-1", "look", '{"a": 1}'),))
    batch = Batch(HERE, "main", "ada", (Delivery(a_turn(0), "a-session", 7), Delivery(asks, None, 7)))

    assert archive.keep_turns([batch]) == []
    (told,) = fake.to("/turns")
    first, second = told.pop("turns")
    assert told == {"conversation_id": HERE, "tenant": "main", "user_id": "ada"}
    assert first == {
        "id": "turn-0",
        "sequence": 1,
        "role": "user",
        "content": "words 0",
        "session_id": "a-session",
        "epoch": 7,
        "person": None,
        "interrupted": False,
        "tool_status": None,
        "source": "live",
        "started_ms": 0,
        "ended_ms": 5,
    }
    assert second["tool_calls"] == [
        {"id": "call-1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    ]


def test_many_turns_go_in_several_calls(fake, archive):
    numbers = range(TURNS_A_CALL * 2 + 1)

    assert archive.keep_turns([a_batch(*numbers)]) == []
    assert [len(told["turns"]) for told in fake.to("/turns")] == [TURNS_A_CALL, TURNS_A_CALL, 1]
    assert fake.turns == [(HERE, f"turn-{number}") for number in numbers]


def test_a_turn_that_the_backend_never_takes_is_found_and_the_others_arrive(fake, archive):
    fake.answers = refusing("turn-5")

    assert archive.keep_turns([a_batch(*range(9))]) == [
        Refusal(HERE, "turn-5", Unkept.UNSTORABLE, "status 422")
    ]
    taken = [
        turn["id"] for call in fake.calls if fake.answers(call)[0] == 200 for turn in call.facts["turns"]
    ]
    assert taken == [f"turn-{number}" for number in range(9) if number != 5]


def test_a_conversation_that_the_backend_stumbles_over_waits_and_the_others_arrive(fake, archive):
    fake.answers = failing_for("poison", 500)
    refusals = archive.keep_turns([a_batch(3, 4, conversation_id="poison"), a_batch(0, 1)])

    assert refusals == [Refusal("poison", "turn-3", Unkept.NOT_NOW, "status 500")]
    assert fake.turns[2:] == [(HERE, "turn-0"), (HERE, "turn-1")]


def test_a_conversation_stops_at_the_first_call_that_fails(fake, archive):
    numbers = range(TURNS_A_CALL * 3)
    fake.answers = refusing(f"turn-{TURNS_A_CALL}", status=503)

    (refusal,) = archive.keep_turns([a_batch(*numbers)])
    assert (refusal.turn_id, refusal.why) == (f"turn-{TURNS_A_CALL}", Unkept.NOT_NOW)
    assert len(fake.calls) == 2


def test_a_backend_that_is_away_is_not_asked_for_each_conversation(fake, archive):
    fake.answers = lambda call: (503, b"")
    refusals = archive.keep_turns([a_batch(0, conversation_id=f"c-{number}") for number in range(10)])

    assert len(fake.calls) == FAILURES_IN_A_ROW
    whys = [refusal.why for refusal in refusals]
    assert whys == [Unkept.NOT_NOW] * FAILURES_IN_A_ROW + [Unkept.NOT_TRIED] * (10 - FAILURES_IN_A_ROW)


# Sessions

BOB = Visit("bob", 1200, 1900, "Bob", {"seat": 4})


def a_report(state=State.LIVE, **facts):
    session = a_session(state=state, created_ms=1000, updated_ms=5000, **facts)
    return Report(session, (), (Visit("ada", 1100), BOB))


def test_a_session_s_beginning_people_and_end_arrive_once_and_in_order(fake, archive):
    archive.keep_session(a_report())
    left = Visit("ada", 1100, 5000)
    ended = a_report(State.ENDED, reason=Reason.LEFT)
    archive.keep_session(replace(ended, visits=(left, BOB), messages=12))

    told = [(call.path, call.facts["event"], call.facts.get("identity")) for call in fake.calls]
    assert told == [
        ("/sessions", "started", None),
        ("/participants", "joined", "ada"),
        ("/participants", "joined", "bob"),
        ("/participants", "left", "bob"),
        ("/participants", "left", "ada"),
        ("/sessions", "ended", None),
        ("/remember", "remember", None),
    ]
    end = fake.calls[-2].facts
    assert (end["room_name"], end["conversation_id"], end["user_id"]) == ("stage", HERE, "ada")
    assert (end["reason"], end["duration_ms"], end["message_count"]) == ("left", 4000, 12)
    assert [each["identity"] for each in end["participants"]] == ["ada", "bob"]
    assert fake.calls[2].facts["metadata"] == {"seat": 4}


def test_who_comes_and_goes_in_one_millisecond_has_come_first(fake, archive):
    archive.keep_session(replace(a_report(), visits=(Visit("ada", 1100, 1100),)))

    assert [call.facts["event"] for call in fake.calls] == ["started", "joined", "left"]


def test_another_process_tells_it_again_with_the_same_ids(fake, backend):
    for _ in range(2):
        BackendArchive(backend).keep_session(a_report())
    first, again = fake.calls[:4], fake.calls[4:]

    assert [call.facts["id"] for call in first] == [call.facts["id"] for call in again]
    assert len({call.facts["id"] for call in first}) == 4


def test_what_could_not_be_told_is_told_next_time(fake, archive):
    fake.answers = lambda call: (200 if call.path == "/sessions" else 500, b"")
    with pytest.raises(NotNow, match="status 500"):
        archive.keep_session(a_report())
    fake.answers = lambda call: (200, b"")

    assert archive.keep_session(a_report()) is None
    events = [call.facts["event"] for call in fake.calls]
    assert events == ["started", "joined", "joined", "joined", "left"]


def test_what_is_never_taken_of_a_session_holds_up_nothing_of_it(fake, archive):
    fake.answers = lambda call: (422 if call.path == "/participants" else 200, b"")

    assert archive.keep_session(a_report(State.ENDED)) == "status 422"
    assert [call.facts["event"] for call in fake.calls[-2:]] == ["ended", "remember"]


@pytest.mark.parametrize("facts", [{"memory": False}, {"user_id": "guest"}, {"user_id": "guest-7"}])
def test_a_session_that_is_not_to_be_remembered_is_only_told(fake, archive, facts):
    archive.keep_session(a_report(State.ENDED, **facts))

    assert fake.calls[-1].facts["event"] == "ended"
    assert fake.to("/remember") == []


def test_everything_is_json_that_any_reader_takes(fake, archive):
    archive.keep_turns([Batch(HERE, "main", "", (Delivery(a_turn(0, content="a \ud83d"), None, 7),))])

    assert json.loads(fake.calls[0].body)["turns"][0]["content"] == "a \ud83d"


def test_a_bot_s_own_summary_is_nothing_that_was_said(fake, archive):
    summary = a_turn(1, role=SUMMARY, content="in short", sums_up=SumsUp(1, "the-model"))
    batch = Batch(
        HERE, "main", "ada", (Delivery(a_turn(0), "a-session", 7), Delivery(summary, "a-session", 7))
    )

    assert archive.keep_turns([batch]) == []
    assert [turn["id"] for turn in fake.to("/turns")[0]["turns"]] == ["turn-0"]
