"""A user's bot: that of the latest of their sessions that are on, renewed as long as it is heard."""

from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.rooms.creating import Create, Created, Launching
from greenroom.app.rooms.leases import ACTIVE_FOR, Beat, Beaten, ReadRoom, Release
from greenroom.app.rooms.line import Push
from greenroom.app.rooms.session_lists import Forget
from greenroom.app.rooms.sessions import ReadSession, Reason, State, Transition
from greenroom.app.rooms.user_bots import ReadUserBot
from tests.rigs.makers import CELLAR, ME, OTHER, STAGE, a_claim, a_session, adopted


def launch(ledger, session_id, room=STAGE, **facts):
    """A session with a bot in its room, as its record tells it."""
    claimed = ledger.run(a_claim(f"token-of-{session_id}", room=room, session_id=session_id))
    session = a_session(session_id, room=room, epoch=claimed.epoch, **facts)
    launching = Launching(Push("a-queue", "a-launch", session_id))
    assert ledger.run(Create(session, launching)).outcome is Created.WRITTEN
    adopted(ledger, f"token-of-{session_id}", room=room)
    return ledger.run(ReadSession(session_id))


def beat(ledger, session, owner=ME):
    return ledger.run(Beat.of(session, owner=owner, host="bots@here", state=State.LIVE))[0]


def known(ledger):
    bot = ledger.run(ReadUserBot("ada"))
    return bot and bot.session_id


@pytest.fixture
def older(ledger):
    return launch(ledger, "older")


@pytest.fixture
def later(world, ledger, older):
    return launch(ledger, "later", CELLAR)


def test_a_user_without_a_session_has_no_bot(ledger):
    assert ledger.run(ReadUserBot("ada")) is None


def test_a_user_s_bot_is_told_with_its_room_and_what_it_is_like(ledger):
    session = launch(ledger, "a-session", persona="A pirate, “Ahoy”.\nA second line")
    bot = ledger.run(ReadUserBot("ada"))

    assert (bot.session_id, bot.room, bot.personality) == ("a-session", STAGE, "host")
    assert (bot.persona, bot.since_ms) == ("A pirate, “Ahoy”.\nA second line", session.created_ms)
    assert bot.heard_ms >= bot.since_ms


def test_it_is_that_of_the_latest_session(ledger, later):
    assert known(ledger) == "later"


def test_each_beat_renews_it(world, ledger, older):
    before = ledger.run(ReadUserBot("ada"))
    for _ in range(2):
        world.pass_time(ACTIVE_FOR - timedelta(minutes=1))
        assert beat(ledger, older) is not Beaten.SUPERSEDED

    after = ledger.run(ReadUserBot("ada"))
    assert replace(after, heard_ms=0) == replace(before, heard_ms=0)
    assert after.heard_ms >= before.heard_ms


def in_one_millisecond(older, later):
    return replace(older, created_ms=later.created_ms)


def test_an_older_session_does_not_take_it_back(ledger, older, later):
    assert beat(ledger, older) is Beaten.KEPT
    assert known(ledger) == "later"
    assert beat(ledger, in_one_millisecond(older, later)) is Beaten.KEPT
    assert known(ledger) == "later"
    assert beat(ledger, later) is Beaten.KEPT
    assert known(ledger) == "later"


def test_an_older_session_does_not_take_it_back_by_writing_its_record_again(ledger, older, later):
    for epoch, again in enumerate((older, in_one_millisecond(older, later)), older.epoch + 1):
        assert ledger.run(Create(replace(again, epoch=epoch))).outcome is Created.WRITTEN
        assert known(ledger) == "later"


def test_after_a_loss_the_latest_one_has_it_again_whoever_is_heard_first(world, ledger, older, later):
    # Of two sessions of one millisecond nothing tells, after a loss, which one was later.
    later = replace(later, created_ms=max(later.created_ms, older.created_ms + 1))
    world.wipe()
    for session in (later, older):
        assert beat(ledger, session) is Beaten.REGISTERED

    assert known(ledger) == "later"
    world.wipe()
    for session in (older, later):
        beat(ledger, session)
    assert known(ledger) == "later"


def test_an_older_session_has_it_again_when_the_later_one_is_over(ledger, older, later):
    ledger.run(Forget("later", "ada"))
    assert known(ledger) is None
    beat(ledger, older)

    assert known(ledger) == "older"


def test_the_end_of_an_older_session_leaves_it(ledger, older, later):
    ledger.run(Forget("older", "ada"))

    assert known(ledger) == "later"


@pytest.mark.parametrize("is_registered", [True, False], ids=["it has its room", "its lease is gone"])
def test_a_bot_whose_session_others_have_ended_puts_nothing_back_and_leaves(ledger, older, is_registered):
    """It hung while they did, and was its user's bot for a day after it had come to itself."""
    ledger.run(Transition("older", State.ENDED, older.epoch, reason=Reason.ERROR))
    ledger.run(Forget("older", "ada"))
    if not is_registered:
        ledger.run(Release(STAGE, older.epoch, ME))
    before = ledger.run(ReadRoom(STAGE))

    assert beat(ledger, older) is Beaten.SUPERSEDED
    assert known(ledger) is None
    assert ledger.run(ReadRoom(STAGE)).lease == before.lease


def test_a_bot_that_was_replaced_renews_nothing(ledger, older):
    ledger.run(Forget("older", "ada"))

    assert beat(ledger, older, owner=OTHER) is Beaten.SUPERSEDED
    assert known(ledger) is None
