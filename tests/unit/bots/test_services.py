"""What a bot's process asks for its tools: to go to the forum, as its user may."""

import pytest

from greenroom.app.errors.rooms import NoForum, OthersThere
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.moves import Target
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.sessions import ReadSession
from greenroom.app.settings import Settings
from greenroom.bots import services
from greenroom.bots.services import ask_to_move
from tests.rigs.makers import STAGE, an_order

FORUM = Room.parse("wss://livekit.example.com/forum")


@pytest.fixture
def shared(monkeypatch, ledger):
    """The settings of an installation with rooms for several; its server is not asked for anything."""
    monkeypatch.setattr(services, "ledger_at", lambda _: ledger)
    monkeypatch.setattr(LiveKit, "prepare", lambda *_, **__: None)
    return Settings(
        livekit_url="wss://livekit.example.com",
        livekit_api_key="a-key",
        livekit_api_secret="a-secret-that-is-long-enough-to-be-one",
    )


@pytest.fixture
def bot(joining, puppet):
    joining.join(an_order())
    return puppet().go_live()


@pytest.mark.usefixtures("staffed")
def test_the_forum_is_claimed_for_the_session_and_its_bot_is_sent_there(shared, launches, ledger, bot):
    assert ask_to_move(shared, launches, bot.session.id, "forum") == FORUM

    target = Target.of(ledger.run(ReadSession(bot.session.id)))
    assert target.room == FORUM and target.alone_with == bot.session.brief.user_id
    lease = ledger.run(ReadRoom(FORUM)).lease
    assert lease.session_id == bot.session.id and lease.brief.mode == Mode.FORUM


@pytest.mark.usefixtures("staffed")
def test_back_where_it_is_claims_nothing(shared, launches, ledger, bot):
    assert ask_to_move(shared, launches, bot.session.id, "back") == STAGE
    assert Target.of(ledger.run(ReadSession(bot.session.id))) is None


@pytest.mark.usefixtures("staffed")
def test_it_leaves_nobody_behind_in_a_room_of_several(shared, launches, ledger, bot):
    ledger.run(Note(bot.session.id, Happened.PERSON_ARRIVED, bot.session.epoch, person="ben"))

    with pytest.raises(OthersThere):
        ask_to_move(shared, launches, bot.session.id, "forum")


@pytest.mark.usefixtures("staffed", "shared")
def test_where_all_rooms_are_for_one_there_is_no_forum(launches, bot):
    with pytest.raises(NoForum):
        ask_to_move(Settings(), launches, bot.session.id, "forum")
