"""Where a user is: one answer for all their devices."""

import pytest

from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.pausing import Pausing, follow_call
from greenroom.app.rooms.procedures import follow
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.sessions import Reason
from greenroom.app.rooms.whereabouts import Active, Place, Status, whereabouts_of
from tests.rigs.makers import CELLAR, STAGE, an_order


@pytest.fixture
def where(ledger):
    return lambda: whereabouts_of(ledger, "ada")


@pytest.fixture
def come(ledger):
    """Somebody comes into a bot's room, or leaves it."""

    def come(person, bot, *, is_there=True):
        happened = Happened.PERSON_ARRIVED if is_there else Happened.PERSON_LEFT
        ledger.run(Note(bot.session.id, happened, bot.session.epoch, person=person))
        follow(ledger, follow_call(person, bot.session, is_there=is_there))

    return come


@pytest.fixture
def bot_of(ledger, joining, puppet):
    def bot_of(user_id, room, **facts):
        joining.join(an_order(room=room, user_id=user_id, **facts))
        it = puppet().go_live()
        ledger.meanwhile.append(it.obey)
        return it

    return bot_of


def test_a_user_without_a_session_is_in_none(where):
    found = where()

    assert (found.active, found.voice, found.forum, found.is_in_forum) == (
        Active.NONE,
        Place(),
        Place(),
        False,
    )


def test_a_session_whose_bot_is_on_its_way_connects(where, joining):
    joined = joining.join(an_order(user_id="ada"))

    assert where().active is Active.VOICE
    assert where().voice == Place(Status.CONNECTING, STAGE, joined.session_id)


def test_a_user_is_with_their_own_bot_until_its_session_ends(where, bot_of):
    bot = bot_of("ada", STAGE)
    assert (where().active, where().voice.status) == (Active.VOICE, Status.ACTIVE)

    bot.leave(Reason.LEFT)
    assert where().active is Active.NONE


def test_a_session_that_somebody_paused_is_voice_still(where, ledger, bot_of):
    bot = bot_of("ada", STAGE)
    Pausing(ledger).pause(bot.session.id, by="ada asked")

    assert (where().active, where().voice.status) == (Active.VOICE, Status.PAUSED)


def test_in_another_s_call_a_user_is_in_a_forum_and_their_own_session_is_paused(where, bot_of, come):
    own, other = bot_of("ada", STAGE), bot_of("ben", CELLAR)
    come("ada", other)

    found = where()
    assert (found.active, found.is_in_forum) == (Active.FORUM, True)
    assert found.forum == Place(Status.ACTIVE, CELLAR, other.session.id)
    assert found.voice == Place(Status.PAUSED, STAGE, own.session.id)

    come("ada", other, is_there=False)
    assert (where().active, where().voice.status, where().forum) == (Active.VOICE, Status.ACTIVE, Place())


def test_who_has_no_bot_of_their_own_is_in_the_forum_where_they_are(where, bot_of, come):
    other = bot_of("ben", CELLAR)
    come("ada", other)
    assert (where().active, where().voice) == (Active.FORUM, Place())

    other.leave(Reason.ERROR)
    assert where().active is Active.NONE


def test_a_session_in_the_mode_of_a_forum_is_one(where, bot_of, come):
    bot = bot_of("ada", STAGE, mode=Mode.FORUM)
    assert (where().active, where().is_in_forum, where().voice) == (Active.FORUM, False, Place())

    come("ada", bot)
    assert where().is_in_forum
