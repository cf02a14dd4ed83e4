"""Pauses, whatever happens: what somebody asked for stays, and what was paused for a call ends with it."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.pausing import PauseUpkeep, SetPause, follow_call
from greenroom.app.rooms.procedures import follow
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.session_lists import Forget
from greenroom.app.rooms.sessions import Call, Pause, ReadSession, Reason, Session, State, Transition
from tests.rigs.makers import CELLAR, a_brief, a_session
from tests.rigs.redis_world import client, flush, patient_ledger

USER = "ada"
WHICH = st.sampled_from([0, 1])
BOTS_OF_OTHERS = ("ben", "eve")


class Pauses(RuleBasedStateMachine):
    """One session of ada's, and two rooms with the bots of others, into whose calls she may come."""

    def __init__(self, server, ledger):
        super().__init__()
        flush(server)
        self.ledger = ledger
        self.own = self.make("of-ada", CELLAR, USER)
        self.calls = [self.make(f"of-{user}", Room.parse(f"local:{user}"), user) for user in BOTS_OF_OTHERS]
        self.is_asked = False  # that it be silent, by somebody
        self.is_in: int | None = None  # the call that she is in
        self.since: int | None = None  # the call for which her bot was paused, as far as anybody was told
        self.over = set()

    def make(self, session_id: str, room: Room, user: str) -> Session:
        session = a_session(session_id, room=room, brief=a_brief(user_id=user), state=State.LIVE)
        self.ledger.run(Create(session))
        return session

    @property
    def record(self) -> Session:
        return self.ledger.run(ReadSession(self.own.id))

    @rule()
    def ask_for_pause(self):
        self.ledger.run(SetPause(self.own.id, is_paused=True, by="ada asked"))
        self.is_asked, self.since = True, None

    @rule()
    def ask_for_resume(self):
        self.ledger.run(SetPause(self.own.id, is_paused=False, by="ada asked"))
        self.is_asked, self.since = False, None

    @rule(which=WHICH, is_told=st.booleans())
    def come(self, which, is_told):
        """Into a call; its bot may die before it pauses anything."""
        if which in self.over or self.is_in is not None:
            return
        self.note(which, Happened.PERSON_ARRIVED)
        self.is_in = which
        if is_told:
            follow(self.ledger, follow_call(USER, self.calls[which], is_there=True))
            if not self.is_asked:
                self.since = which

    @rule(is_told=st.booleans())
    def go(self, is_told):
        """Out of the call; its bot may die before it resumes anything."""
        if self.is_in is None:
            return
        which, self.is_in = self.is_in, None
        self.note(which, Happened.PERSON_LEFT)
        if is_told:
            follow(self.ledger, follow_call(USER, self.calls[which], is_there=False))
            self.since = None if self.since == which else self.since

    @rule(which=WHICH)
    def end_call(self, which):
        if which in self.over:
            return
        self.over.add(which)
        session = self.calls[which]
        self.ledger.run(Transition(session.id, State.ENDED, session.epoch, reason=Reason.ERROR))
        self.ledger.run(Forget(session.id, session.brief.user_id))
        self.is_in = None if self.is_in == which else self.is_in

    @rule()
    def look(self):
        """What beat has done every three seconds."""
        PauseUpkeep(self.ledger).look()
        if self.since is not None and self.since != self.is_in:
            self.since = None
        assert self.record.pause == self.expected

    @rule()
    def come_late(self):
        """A message that a call is over comes twice."""
        for session in self.calls:
            if self.is_in is None or session is not self.calls[self.is_in]:
                follow(self.ledger, follow_call(USER, session, is_there=False))
                self.since = (
                    None if self.since is not None and self.calls[self.since] is session else self.since
                )

    @property
    def expected(self) -> Pause | None:
        if self.is_asked:
            return Pause()
        if self.since is None:
            return None
        call = self.calls[self.since]
        return Pause(Call(call.id, call.room))

    def note(self, which: int, event: Happened) -> None:
        session = self.calls[which]
        self.ledger.run(Note(session.id, event, session.epoch, person=USER))

    def teardown(self):
        """When all calls are over nothing but what was asked for is left."""
        self.go(is_told=False)
        PauseUpkeep(self.ledger).look()
        assert self.record.pause == (Pause() if self.is_asked else None)


def test_whatever_happens_a_pause_ends_with_its_call_and_what_was_asked_for_stays(redis_url):
    server, ledger = client(redis_url), patient_ledger(redis_url)
    run_state_machine_as_test(
        lambda: Pauses(server, ledger),
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    ledger.close()
    server.close()
