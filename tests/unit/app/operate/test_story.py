"""The story of one room: why there is a bot in it, or why not, and what to do."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.api.schemas.rooms import KeepaliveSchema, LeaseSchema
from greenroom.app.api.schemas.sessions import EventSchema, SessionSchema
from greenroom.app.operate import facts
from greenroom.app.operate.findings import Verdict
from greenroom.app.operate.story import story_of
from greenroom.app.operate.story.endings import ENDINGS
from greenroom.app.operate.story.history import WORDS
from greenroom.app.operate.story.session import SessionStory
from greenroom.app.operate.wording import duration
from greenroom.app.rooms.archive import Visit
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.histories import History
from greenroom.app.rooms.leases import (
    PARKED_FOR,
    STALE_AFTER,
    Beat,
    Lease,
    LeaseStatus,
    ReadRoom,
    Supersede,
    owner_of,
)
from greenroom.app.rooms.line import Push
from greenroom.app.rooms.minds import Memory, MemoryIs, Mind, ServiceFailure
from greenroom.app.rooms.session_events import Appearance, Event, Happened, Note
from greenroom.app.rooms.session_lists import Forget
from greenroom.app.rooms.sessions import Reason, State, Succeed, Transition
from tests.rigs.an_installation import BOTS, CONTROL, keep_well, let_pass
from tests.rigs.makers import STAGE, a_brief, a_claim, a_session, an_order

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def story(ledger):
    return story_of(facts.read_room(ledger, STAGE))


def told(ledger):
    finding = story(ledger).finding
    return finding.verdict, finding.says, finding.do


@pytest.fixture(autouse=True)
def _an_installation(ledger):
    keep_well(ledger)


@pytest.fixture
def joined(joining):
    return joining.join(an_order())


@pytest.fixture
def bot(joined, puppet):
    return puppet().go_live()


def test_a_room_that_nobody_asked_for(ledger):
    verdict, says, do = told(ledger)

    assert (verdict, "nobody has asked" in says) == (OK, True)
    assert "POST /join" in do


def beats(ledger, bot, mind):
    step = Beat.of(bot.session, owner=bot.owner, host="bots@stage", state=State.LIVE, mind=mind)
    ledger.run(step)


def test_a_bot_whose_service_has_failed_lately_is_told_of(ledger, bot):
    beats(ledger, bot, Mind(failure=ServiceFailure("OpenAITTSService", "authentication", 20.0)))
    verdict, says, do = told(ledger)

    assert verdict is WARNING and "Its OpenAITTSService failed 2" in says and "(authentication)" in says
    assert "log" in do

    beats(ledger, bot, Mind(failure=ServiceFailure("OpenAITTSService", "authentication", 900.0)))
    assert told(ledger)[0] is OK


def test_a_bot_that_could_not_read_what_is_known_is_told_of(ledger, bot):
    beats(ledger, bot, Mind(Memory(MemoryIs.FAILED, "database-away")))

    verdict, says, _ = told(ledger)

    assert verdict is WARNING and "could not be read (database-away)" in says


def test_how_long_a_context_is_stands_beside_a_bot_that_is_well(ledger, bot):
    beats(ledger, bot, Mind(Memory(MemoryIs.LOADED), 40, 1200))

    verdict, says, _ = told(ledger)

    assert verdict is OK and "40 messages, about 1200 tokens" in says


def test_a_bot_that_is_there(ledger, bot):
    let_pass(ledger, 2 * SECOND)

    verdict, says, do = told(ledger)

    assert verdict is OK
    assert says.startswith("There is a bot: session ")
    assert re.search(r"heard [2-9]\.\d s ago on bots@stage; it is live", says)
    assert do == ""


def test_a_bot_that_is_alone(ledger, bot):
    bot.enter(State.WAITING)

    assert "it is alone, and waits 5 min for its person" in told(ledger)[1]


def test_a_bot_that_is_on_its_way(ledger, joined):
    let_pass(ledger, 2 * SECOND)

    verdict, says, _ = told(ledger)

    assert (verdict, "on its way" in says) == (OK, True)


def test_a_bot_for_which_there_is_no_worker(ledger, joined):
    let_pass(ledger, 20 * SECOND, hosts=(CONTROL,))

    verdict, says, do = told(ledger)

    assert verdict is PROBLEM
    assert "No bot worker" in says and re.search(r"2\d s", says)
    assert "Procfile" in do


def test_a_bot_for_which_there_is_no_slot(ledger, joined):
    for name in ("first", "second"):
        ledger.run(Push("launches", "a-launch", name, in_front=True))
    ledger.run(Push("launches", "its-launch", joined.session_id))
    let_pass(ledger, 20 * SECOND, hosts=(replace(BOTS, used=2), CONTROL))

    verdict, says, do = told(ledger)

    assert verdict is WARNING
    assert "All 2 slots are taken" in says and "number 3 of those that wait" in says
    assert "SLOTS" in do and "while its caller asks again, and given up 45 s later" in do


def test_a_session_that_is_parked(ledger, joined, bot):
    ledger.run(Supersede(STAGE, "later", owner=bot.owner, lasts=PARKED_FOR))
    epoch = ledger.run(ReadRoom(STAGE)).lease.epoch
    ledger.run(Succeed(joined.session_id, epoch, "parked", State.PENDING))
    there = replace(BOTS, id="bots@other", used=2)
    let_pass(ledger, 20 * SECOND, hosts=(replace(BOTS, draining=True), there, CONTROL))

    verdict, says, do = told(ledger)

    assert verdict is WARNING
    assert "since its bot was parked" in says
    assert "drain --undo bots@stage" in do and "kept for 10 min" in do


def test_a_bot_for_which_all_workers_are_draining(ledger, joined):
    let_pass(ledger, 20 * SECOND, hosts=(replace(BOTS, draining=True), CONTROL))

    verdict, says, do = told(ledger)

    assert (verdict, "draining (bots@stage)" in says) == (PROBLEM, True)
    assert "drain --undo bots@stage" in do


def test_a_launch_that_nobody_takes_though_there_are_slots(ledger, joined):
    let_pass(ledger, 20 * SECOND)

    verdict, says, do = told(ledger)

    assert (verdict, "2 free slots" in says) == (PROBLEM, True)
    assert "launches it again" in do


def test_a_bot_that_is_late_with_its_beat(ledger, bot):
    let_pass(ledger, 12 * SECOND)

    verdict, says, _ = told(ledger)

    assert verdict is WARNING
    assert re.search(r"last heard 1[2-9] s ago", says)


def test_a_bot_that_hangs(ledger, bot):
    let_pass(ledger, STALE_AFTER + 5 * SECOND)

    verdict, says, do = told(ledger)

    assert (verdict, "it hangs" in says) == (PROBLEM, True)
    assert do.startswith("Within half a minute the reaper")


def test_a_bot_whose_worker_is_gone_too(ledger, bot):
    let_pass(ledger, STALE_AFTER + 5 * SECOND, hosts=(CONTROL,))

    _, says, do = told(ledger)

    assert "its worker does not report either" in says
    assert do.startswith("Start that worker again. Within")


def test_a_dead_bot_that_nobody_replaces(ledger, bot):
    let_pass(ledger, STALE_AFTER + MINUTE, reaps=False)

    _, _, do = told(ledger)

    assert f"has not run for {duration(STALE_AFTER + MINUTE)}" in do
    assert "start control and beat" in do


def test_a_lock_of_a_session_that_has_ended(ledger, bot):
    end(ledger, bot.session, Reason.LEFT)
    let_pass(ledger, STALE_AFTER + MINUTE)

    verdict, says, _ = told(ledger)

    assert (verdict, "locked for" in says and "has ended" in says) == (PROBLEM, True)


def test_a_lock_of_a_session_that_is_unknown(ledger):
    ledger.run(a_claim())
    keep_well(ledger)

    verdict, says, _ = told(ledger)

    assert (verdict, "nothing is known" in says) == (PROBLEM, True)


def test_a_bot_that_goes_on_though_its_session_has_ended(ledger, bot):
    end(ledger, bot.session, Reason.LEFT)
    let_pass(ledger, STALE_AFTER * 0.9)  # it was heard before, and has not stopped

    verdict, says, do = told(ledger)

    assert (verdict, "should not be there any more" in says) == (PROBLEM, True)
    assert "bots@stage/job/0" in do


def test_a_session_whose_room_was_lost(ledger, bot):
    ledger.free(STAGE)
    let_pass(ledger, MINUTE)

    verdict, says, _ = told(ledger)

    assert (verdict, "the room has no lease" in says) == (PROBLEM, True)


@pytest.mark.parametrize("reason", Reason)
def test_every_way_to_end_is_explained(ledger, bot, reason):
    end(ledger, bot.session, reason, "a detail")
    ledger.free(STAGE)
    let_pass(ledger, 5 * MINUTE)

    verdict, says, do = told(ledger)

    assert verdict is ENDINGS[reason][0]
    assert says.startswith(f"There is no bot: its last session ended 5 min ago as `{reason}`")
    assert says.endswith(": a detail.")
    assert "POST /join" in do


def test_a_launch_that_failed_where_there_is_still_no_worker(ledger):
    ledger.run(Create(a_session()))
    ledger.run(
        Transition("a-session", State.ENDED, 7, reason=Reason.LAUNCH_FAILED, detail="no worker started it")
    )
    let_pass(ledger, MINUTE, hosts=(CONTROL,))

    _, says, do = told(ledger)

    assert "no worker started it" in says
    assert "no bot worker now, either" in do


def test_crashes_are_remembered(ledger, bot, joined):
    ledger.run(Note(joined.session_id, "lost", 1, detail="its process died"))

    assert "Its bot was lost once before (last: its process died)" in told(ledger)[1]


def test_the_history_is_told_in_order_and_not_without_end(ledger, bot, joined):
    for _ in range(30):
        ledger.run(Note(joined.session_id, "person_arrived", 1))
    lines = story(ledger).lines()
    events = [line.split() for line in lines if line.startswith("  ")]

    assert "13 events before" in " ".join(events[0])
    assert len(events) == 21
    assert events[-1][1:] == ["person_arrived", "a", "person", "came"]


def test_whatever_a_history_may_hold_is_told_in_words():
    assert {*Happened, *State} == WORDS.keys()


def test_who_came_and_who_went_is_told_by_name(ledger, bot, joined):
    appearance = Appearance("Ann Onym")
    ledger.run(Note(joined.session_id, "person_arrived", 1, person="ann", appearance=appearance))
    ledger.run(Note(joined.session_id, "person_left", 1, person="ann"))

    came, went = story(ledger).lines()[-2:]
    assert came.endswith("a person came (ann, Ann Onym)")
    assert went.endswith("a person left (ann)")


def test_every_event_of_a_life_has_its_line(ledger, bot):
    let_pass(ledger, MINUTE)
    bot.leave()

    text = "\n".join(story(ledger).lines())

    assert [word for line in text.splitlines() if line.startswith("  ") for word in line.split()[1:2]] == [
        "pending",
        "joining",
        "live",
        "leaving",
        "ended",
    ]
    assert "ended (left)" in text


@pytest.mark.parametrize(
    ("state", "reason", "how_long"),
    [
        (State.LIVE, None, "and has lasted 4 min."),
        (State.ENDED, Reason.LEFT, "and lasted 4 min."),
    ],
)
def test_a_session_that_is_on_has_lasted_and_one_that_has_ended_lasted(state, reason, how_long):
    session = replace(a_session(), state=state, reason=reason)

    headline = SessionStory(History(session, 0, 240_000, ()), (), 0, 0).lines()[0]

    assert headline.endswith(how_long)


def test_a_guest_is_called_alike_all_through_and_their_whole_id_stands_once():
    guest = "talk-0123456789abcdef"
    session = replace(a_session(), brief=a_brief(user_id=guest, conversation_id="c-1"))
    asked = Event("1-0", 1, State.PENDING, 7)

    lines = SessionStory(History(session, 0, 1000, [Visit(guest, 1, 2)]), [asked], 0, 3).lines()

    assert lines[0].startswith("The session of guest cdef in ")
    assert [line for line in lines if guest in line] == [f"  00:00:00 to 00:00:00  {guest} (guest cdef)"]


@pytest.mark.parametrize(("session_id", "is_told"), [("a-session", True), ("another", False)])
def test_a_session_s_story_says_which_process_its_bot_is(session_id, is_told):
    """No command did: whoever wanted to look at the process had to search for it."""
    lease = Lease(
        LeaseStatus.ACTIVE, session_id, 7, 1, host="bots@stage", owner=owner_of("bots@stage", "j", 4321)
    )

    lines = SessionStory(History(a_session("a-session"), 0, 1000, ()), (), 0, 3, lease).lines()

    assert ("Its bot is process 4321 of bots@stage." in lines) is is_told


def end(ledger, session, reason, detail=None):
    for state in (State.LEAVING, State.ENDED):
        why = (reason, detail) if state is State.ENDED else (None, None)
        ledger.run(Transition(session.id, state, session.epoch, reason=why[0], detail=why[1]))
    ledger.run(Forget(session.id))


def test_it_is_told_to_programs_in_the_words_of_the_api(ledger, bot):
    told = story(ledger).as_json()
    session = SessionSchema().dump(facts.read_room(ledger, STAGE).session)

    assert told["session"]["session_id"] == session["session_id"] == told["lease"]["session_id"]
    assert told["lease"]["since"].endswith("+00:00") and told["keepalive"]["age_seconds"] < 60
    assert {*told["lease"]} <= {*LeaseSchema().fields}
    assert {*told["keepalive"]} <= {*KeepaliveSchema().fields}
    assert {*told["session"]} <= {*SessionSchema().fields}
    assert all({*event} <= {*EventSchema().fields} for event in told["events"])
