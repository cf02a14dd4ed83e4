"""Who comes into a bot's call has their own session paused, and resumed when they leave."""

import pytest

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.inbox import Send
from greenroom.app.rooms.pausing import SetCall, SetPause
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Call, ReadSession, State
from greenroom.app.rooms.user_bots import ReadUserBot, UserBot
from greenroom.bots.stay import calls
from tests.fakes.async_ledgers import Told
from tests.fakes.stays import Visited, parts_of_a_stay
from tests.rigs.makers import CELLAR, STAGE, a_session

pytestmark = pytest.mark.anyio


class Installation(Told):
    """A Redis in which ben has a session of his own, in another room."""

    def __init__(self, *, away=0):
        super().__init__()
        self.away = away  # how often it does not answer
        self.own = a_session("of-ben", room=CELLAR, user_id="ben", state=State.LIVE)

    async def run(self, step):
        if self.away:
            self.away -= 1
            raise RedisAway
        await super().run(step)
        if isinstance(step, ReadUserBot):
            return UserBot("of-ben", CELLAR, "host", None, 1, 1) if step.user_id == "ben" else None
        if isinstance(step, ReadSession):
            return self.own
        if isinstance(step, SetPause):
            self.own = a_session(
                "of-ben", room=CELLAR, user_id="ben", pause=step.pause, version=self.own.version + 1
            )
            return self.own
        return None

    def asked(self, kind):
        return [step for step in self.told if isinstance(step, kind)]


@pytest.fixture
def ledger():
    return Installation()


@pytest.fixture
def call(ledger):
    return Visited(parts_of_a_stay(ledger=ledger, state=State.LIVE))


async def test_whoever_comes_has_their_own_session_paused_for_this_call_and_resumed_when_they_leave(
    call, ledger
):
    await call.comes("ada")
    await call.comes("ben")
    assert ledger.own.pause.call == Call("a-session", STAGE)

    await call.goes("ben")
    assert ledger.own.pause is None
    assert [step.kind for step in ledger.asked(Send)] == ["heed_record", "heed_record"]


async def test_it_is_written_down_who_is_in_this_call(call, ledger):
    await call.comes("ada")
    await call.comes("eve")
    await call.goes("eve")

    seen = [(step.person, step.is_there) for step in ledger.asked(SetCall)]
    assert seen == [("ada", True), ("eve", True), ("eve", False)]


async def test_a_session_goes_on_although_redis_was_away_when_its_user_left(call, ledger, monkeypatch):
    monkeypatch.setattr(calls, "TRY_AGAIN_AFTER", calls.TRY_AGAIN_AFTER / 100)
    await call.comes("ada")
    await call.comes("ben")
    call.parts.journal.session = a_session(room=Room.parse("local:stage"), state=State.LIVE)
    ledger.away = 1
    call.parts.calls.went("ben")
    await call.parts.chores.done()

    assert ledger.own.pause is None
