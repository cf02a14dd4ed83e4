"""What an admin has bots do, one or all: what stays so, what is answered, and how long is waited."""

from datetime import timedelta

import pytest

from greenroom.app.errors.bots import BotMuted, NotOnStage, OnItsWay
from greenroom.app.errors.sessions import SessionEnded
from greenroom.app.rooms import administering
from greenroom.app.rooms.administering import Administering
from greenroom.app.rooms.inbox import Send
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.orders import Order
from greenroom.app.rooms.requests.directing import Direct, Say
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.sessions import State
from tests.fakes.puppet import Puppet
from tests.rigs.makers import DIED, a_brief

pytestmark = pytest.mark.usefixtures("staffed")
MUTED = {"muted": True, "stealth": False, "guided": False, "cut_short": False}


@pytest.fixture
def admin(ledger):
    return Administering(ledger)


@pytest.fixture
def bots(joining, launches, ledger):
    """Begins sessions, each in a room of its own, and returns their bots."""

    def of(*names):
        made = []
        for name in names:
            joining.join(Order(Room.parse(f"local:{name}"), a_brief(user_id=f"user-of-{name}")))
            bot = Puppet(ledger, *launches.asked[-1], owner=f"bots@stage/job/{len(made)}")
            made.append(bot.go_live())
        return made

    return of


def answering(ledger, bots, answers=None):
    """The bots answer whenever somebody waits."""

    def answer():
        for bot in bots:
            bot.obey(answers or {"direct": MUTED, "say": {"people": 1}})

    ledger.meanwhile.append(answer)


def config(ledger, bot):
    return ledger.run(ReadRoom(bot.session.room)).config


def history(ledger, bot):
    return [(event.event, event.detail) for event in ledger.run(ReadEvents(bot.session.id))]


def ids(results):
    """Whose they are; sessions of the same millisecond are listed in any order."""
    return sorted(result.session.id for result in results)


def test_an_action_on_all_has_one_result_for_each_of_a_hundred_sessions(admin, bots, ledger, monkeypatch):
    monkeypatch.setattr(Direct, "within", timedelta(minutes=2))  # its bots answer one after the other
    there = bots(*(f"room-{number}" for number in range(100)))
    unheard = list(there)
    ledger.meanwhile.append(lambda: [unheard.pop().obey({"direct": MUTED}) for _ in range(len(unheard))])

    results, after = admin.in_all(administering.mute(), by="the test")

    assert ids(results) == sorted(bot.session.id for bot in there)
    assert {(result.refusal, result.did["muted"]) for result in results} == {(None, True)}
    assert after is None
    assert [bot.heard for bot in there] == [[("direct", {"muted": True})]] * 100
    assert {config(ledger, bot)["muted"] for bot in there} == {True}


def test_all_are_asked_a_page_at_a_time_and_nobody_is_skipped(admin, bots, ledger):
    there = bots("one", "two", "three")
    answering(ledger, there)

    first, after = admin.in_all(administering.mute(), by="the test", limit=2)
    rest, end = admin.in_all(administering.mute(), by="the test", limit=2, after=after)

    assert (len(first), len(rest)) == (2, 1)
    assert ids(first + rest) == sorted(bot.session.id for bot in there)
    assert end is None


@pytest.mark.usefixtures("impatient")
def test_a_bot_that_does_not_answer_keeps_no_other_s_result_back(admin, bots, ledger):
    silent, lively = bots("silent", "lively")
    answering(ledger, [lively])

    results, _ = admin.in_all(administering.mute(), by="the test")

    refusals = {result.session.id: result.refusal for result in results}
    assert refusals[silent.session.id].kind == "bot-silent"
    assert refusals[lively.session.id] is None
    assert config(ledger, silent) == {"muted": True}  # its next bot is muted


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("action", "is_told"), [(administering.mute(), True), (administering.say("Dinner."), False)]
)
def test_what_a_silent_bot_s_successor_does_is_in_the_history_too(admin, bots, ledger, action, is_told):
    (bot,) = bots("silent")

    assert admin.in_session(bot.session.id, action, by="the test").refusal.kind == "bot-silent"
    assert (history(ledger, bot)[-1][0] == "admin_acted") is is_told


def test_what_was_done_is_in_the_history_where_nobody_waits_for_the_rest(admin, bots, ledger):
    lively, silent = bots("lively", "silent")
    answering(ledger, [lively])

    waits = iter([True])
    admin.in_all(administering.say("Dinner."), by="the test", is_awaited=lambda: next(waits, False))

    assert history(ledger, lively)[-1] == ("admin_acted", "say, by the test")
    assert history(ledger, silent)[-1][0] == "live"


def test_the_next_bot_is_asked_in_the_place_of_one_that_died_and_for_as_long_as_its_answer_is_awaited(
    admin, bots, ledger, reaper, puppet, monkeypatch
):
    """It said the sentence after the admin had read that it had not."""
    (bot,) = bots("one")
    successors, sent = [], []
    send_all = ledger.run_all

    def note(steps):
        sent.extend(step for step in steps if isinstance(step, Send))
        return send_all(steps)

    def die_and_be_followed():
        if not successors:
            assert reaper.lost(bot.session.id, owner=bot.owner, failure=DIED)
            successors.append(puppet().go_live())
        successors[0].obey({"say": {"people": 1}})

    monkeypatch.setattr(ledger, "run_all", note)
    ledger.meanwhile.append(die_and_be_followed)

    result = admin.in_session(bot.session.id, administering.say("Dinner."), by="the test")

    assert (result.refusal, result.did["people"], len(successors[0].heard)) == (None, 1, 1)
    first, second = (each.good_for for each in sent)
    assert second < first <= Say.within


def test_what_a_bot_refuses_is_that_session_s_result_alone(admin, bots, ledger):
    muted, other = bots("muted", "other")
    answering(ledger, [muted], {"say": {"error": BotMuted.kind}})
    answering(ledger, [other])

    results, _ = admin.in_all(administering.say("Dinner."), by="the test")

    by_session = {result.session.id: result for result in results}
    assert by_session[muted.session.id].refusal.kind == "bot-muted"
    assert by_session[other.session.id].did == {"people": 1, "waits": False, "cut_short": False}


def test_a_bot_that_is_not_on_stage_or_moves_is_not_asked(admin, bots, joining, ledger, launches):
    joining.join(Order(Room.parse("local:starting"), a_brief(user_id="early")))
    (moving,) = bots("moving")
    moving.enter(State.TRANSITIONING)

    results, _ = admin.in_all(administering.mute(), by="the test")

    assert {type(result.refusal) for result in results} == {NotOnStage, OnItsWay}
    assert config(ledger, moving) == {}


def test_a_session_that_has_ended_says_so(admin, bots):
    (bot,) = bots("one")
    bot.leave()

    result = admin.in_session(bot.session.id, administering.mute(), by="the test")

    assert isinstance(result.refusal, SessionEnded)


@pytest.mark.parametrize(
    ("action", "kept"),
    [
        (administering.mute(), {"muted": True}),
        (administering.stealth(), {"stealth": True}),
        (administering.instruct("Be brief."), {"guidance": "Be brief."}),
        (administering.persona({"persona": "Pearl"}), {"persona": "Pearl"}),
        (administering.say("Dinner."), {}),
    ],
    ids=lambda it: getattr(it, "name", ""),
)
def test_what_is_to_stay_so_is_in_the_room_s_config_before_its_bot_is_told(admin, bots, ledger, action, kept):
    (bot,) = bots("one")
    seen = []
    ledger.meanwhile.append(lambda: seen.append(config(ledger, bot)))
    answering(ledger, [bot])

    admin.in_session(bot.session.id, action, by="the test")

    assert seen[0] == kept


def test_what_is_taken_back_is_gone(admin, bots, ledger):
    (bot,) = bots("one")
    answering(ledger, [bot])
    for action in (
        administering.mute(),
        administering.stealth(),
        administering.instruct("Be brief."),
        administering.unmute(),
        administering.stealth(is_on=False),
        administering.instruct(None),
    ):
        admin.in_session(bot.session.id, action, by="the test")

    assert config(ledger, bot) == {}


def test_the_history_says_who_did_what_and_never_the_words(admin, bots, ledger):
    (bot,) = bots("one")
    answering(ledger, [bot])
    admin.in_session(bot.session.id, administering.instruct("Ask about the divorce."), by="the test")
    admin.in_session(bot.session.id, administering.say("How is the divorce?"), by="the test")

    told = history(ledger, bot)
    assert told[-2:] == [("admin_acted", "instruct, by the test"), ("admin_acted", "say, by the test")]
    assert "divorce" not in str(told)


def test_what_was_refused_is_not_in_the_history(admin, bots, ledger):
    (bot,) = bots("one")
    answering(ledger, [bot], {"say": {"error": BotMuted.kind}})

    assert admin.in_session(bot.session.id, administering.say("Dinner."), by="the test").refusal
    assert history(ledger, bot)[-1][0] == "live"
