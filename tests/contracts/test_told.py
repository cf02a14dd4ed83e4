"""What happens to a session is told to those who listen to all of them, in the step in which it happens."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.conversations import SUMMARY, Record, SumsUp, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.room_states import Open, Opened, WriteState
from greenroom.app.rooms.session_events import Happened, Note, ReadEvents
from greenroom.app.rooms.sessions import Reason, State, Succeed, Transition
from greenroom.app.rooms.told import EndOfTold, Hear, Place, ReadTold, Sound
from tests.rigs.makers import ME, STAGE, a_claim, a_session, adopted

SESSION = a_session()
ID, EPOCH = SESSION.id, SESSION.epoch
A_WHILE = timedelta(milliseconds=50)


def told(ledger, after=None):
    return [each for each in ledger.run(ReadTold(after or Place())) if not each.is_heard]


def heard(ledger):
    return [each for each in ledger.run(ReadTold(Place())) if each.is_heard]


def types(entries):
    return [each.fields["type"] for each in entries]


@pytest.fixture
def session(ledger):
    ledger.run(Create(SESSION))
    return SESSION


def test_a_session_is_told_of_from_its_beginning_to_its_end(ledger, session):
    for state in (State.JOINING, State.LIVE, State.WAITING, State.LIVE):
        ledger.run(Transition(ID, state, EPOCH))
    ledger.run(Transition(ID, State.ENDED, EPOCH, reason=Reason.IDLE))

    assert types(told(ledger)) == [
        "session.pending",
        "session.joining",
        "session.live",
        "voice.session.start",
        "session.waiting",
        "session.live",
        "session.ended",
        "voice.session.end",
    ]
    last = told(ledger)[-1].fields
    assert (last["reason"], int(last["duration_ms"]) >= 0) == ("idle", True)


def test_an_event_says_whose_it_is_and_its_place_among_the_session_s(ledger, session):
    ledger.run(Transition(ID, State.JOINING, EPOCH))

    first, second = told(ledger)
    about = {
        "session": ID,
        "room": str(session.room),
        "tenant": session.brief.tenant,
        "user": session.brief.user_id,
        "epoch": str(EPOCH),
    }
    assert about.items() <= first.fields.items()
    assert about.items() <= second.fields.items()
    assert [first.fields["sequence"], second.fields["sequence"]] == ["1", "2"]
    assert [each.fields["history"] for each in (first, second)] == [
        each.id for each in ledger.run(ReadEvents(ID))
    ]


def test_what_changes_nothing_is_not_told_twice(ledger, session):
    ledger.run(Transition(ID, State.JOINING, EPOCH))
    ledger.run(Transition(ID, State.JOINING, EPOCH))
    with pytest.raises(Exception, match="session"):
        ledger.run(Transition(ID, State.PAUSED, EPOCH))

    assert types(told(ledger)) == ["session.pending", "session.joining"]


def test_people_who_come_and_go_are_told_of_by_their_ids(ledger, session):
    ledger.run(Note(ID, Happened.PERSON_ARRIVED, EPOCH, person="ada"))
    ledger.run(Note(ID, Happened.PERSON_LEFT, EPOCH, person="ada"))
    ledger.run(Note(ID, Happened.QUEUED, EPOCH, "4 are ahead"))

    _, came, went, queued = told(ledger)
    assert types([came, went, queued]) == ["participant.joined", "participant.left", "session.queued"]
    assert (came.fields["person"], went.fields["person"]) == ("ada", "ada")
    assert "4 are ahead" not in queued.fields.values()


def test_a_bot_that_is_lost_is_an_error_that_says_of_which_kind(ledger, session):
    for state in (State.JOINING, State.LIVE):
        ledger.run(Transition(ID, state, EPOCH))
    ledger.run(
        Succeed(
            ID,
            EPOCH + 1,
            State.LOST,
            State.PENDING,
            reason=Reason.ERROR,
            detail="she said hush",
            is_crash=True,
        )
    )

    lost, error, pending = told(ledger)[-3:]
    assert types([lost, error, pending]) == ["session.lost", "voice.error", "session.pending"]
    assert (error.fields["kind"], error.fields["epoch"]) == ("error", str(EPOCH + 1))
    assert "hush" not in str(told(ledger))


def test_a_speech_service_that_fails_is_an_error_too_and_its_detail_stays_in_the_history(ledger, session):
    ledger.run(Note(ID, Happened.SERVICE_FAILED, EPOCH, "thinking: openai (server)"))

    noted, error = told(ledger)[-2:]
    assert types([noted, error]) == ["session.service_failed", "voice.error"]
    assert (error.fields["kind"], error.fields["epoch"]) == ("service_failed", str(EPOCH))
    assert "openai" not in str(told(ledger))


def test_a_turn_is_told_of_by_its_conversation_and_number_and_without_its_words(ledger, session):
    words = Turn("a-turn", "user", "a canary sings", person="ada")
    ledger.run(Record(ID, "a-conversation", EPOCH, words))
    ledger.run(Record(ID, "a-conversation", EPOCH, words))
    summary = Turn("a-summary", SUMMARY, "a canary sang", sums_up=SumsUp(1, "m"))  # nobody said it
    ledger.run(Record(ID, "a-conversation", EPOCH, summary))

    turn, transcript = told(ledger)[-1].fields, heard(ledger)[-1].fields
    assert (turn["type"], transcript["type"]) == ("conversation.turn", "voice.transcript")
    for fields in (turn, transcript):
        facts = [fields[name] for name in ("conversation", "turn", "role", "person")]
        assert facts == ["a-conversation", "1", "user", "ada"]
    assert types(told(ledger)).count("conversation.turn") == 1
    assert "canary" not in str(ledger.run(ReadTold(Place())))


def test_what_a_tool_returns_is_no_transcript(ledger, session):
    ledger.run(Record(ID, "a-conversation", EPOCH, Turn("a-turn", "tool", "words")))

    assert types(told(ledger))[-1] == "conversation.turn"
    assert heard(ledger) == []


def test_what_is_open_in_a_room_is_told_of_by_name(ledger, session):
    ledger.run(a_claim())
    epoch = adopted(ledger)
    changes = {Open.NOTE: Opened({"title": "a canary sings"}, "ada"), Open.DESKTOP: None}
    assert ledger.run(WriteState(STAGE, epoch, ME, changes, session_id=ID))

    event = told(ledger)[-1].fields
    assert [event[name] for name in ("type", "opened", "closed")] == [
        "room.state",
        "active_note",
        "desktop_mode",
    ]
    assert "canary" not in str(event)


def test_a_session_that_the_ledger_has_lost_is_not_told_of_and_gets_no_half_a_record(ledger):
    ledger.run(Record("nobody", "a-conversation", EPOCH, Turn("a-turn", "user", "words")))
    ledger.run(Note("nobody", Happened.PERSON_LEFT, EPOCH))
    ledger.run(Hear("nobody", EPOCH, (Sound("voice.speech.start", 1),)))

    assert ledger.run(ReadTold(Place())) == []


def test_what_is_heard_stands_apart_and_never_in_the_history(ledger, session):
    before = ledger.run(ReadEvents(ID))
    ledger.run(
        Hear(ID, EPOCH, (Sound("voice.speech.start", 1, {"person": "ada"}), Sound("voice.speech.end", 2)))
    )

    assert types(heard(ledger)) == ["voice.speech.start", "voice.speech.end"]
    assert [heard(ledger)[0].fields[name] for name in ("session", "sequence", "person")] == [ID, "1", "ada"]
    assert types(told(ledger)) == ["session.pending"]
    assert ledger.run(ReadEvents(ID)) == before


def test_a_bot_of_an_earlier_epoch_is_not_heard(ledger, session):
    ledger.run(Hear(ID, EPOCH - 1, (Sound("voice.speech.start", 1),)))

    assert heard(ledger) == []


def test_who_has_read_up_to_a_place_gets_what_came_after_it(ledger, session):
    end = ledger.run(EndOfTold())
    assert ledger.run(ReadTold(end, wait=A_WHILE)) == []
    ledger.run(Transition(ID, State.JOINING, EPOCH))
    ledger.run(Hear(ID, EPOCH, (Sound("voice.speech.start", 1),)))

    assert types(ledger.run(ReadTold(end, wait=A_WHILE))) == ["session.joining", "voice.speech.start"]
    assert ledger.run(ReadTold(ledger.run(EndOfTold()))) == []


def test_both_streams_are_empty_at_first(ledger):
    assert ledger.run(EndOfTold()) == Place()
