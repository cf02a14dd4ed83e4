"""The parts of a stay, put together: each is handed those that it needs."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from greenroom.app.rooms.attendance import Attendance
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.memory import Memory
from greenroom.app.rooms.moving import Adopter
from greenroom.app.rooms.parking import park
from greenroom.app.rooms.procedures import follow_awaited
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.sessions import ON_STAGE, Happened, Reason, Session, State
from greenroom.app.rooms.taking_up import KeptEarlier
from greenroom.app.settings import Settings
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots import transports as stages
from greenroom.bots.memories import Memories
from greenroom.bots.outbox import Outbox
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay import hand_over, moving
from greenroom.bots.stay.adopted import AdoptedSession
from greenroom.bots.stay.background import Chores
from greenroom.bots.stay.bot_run import BotRun
from greenroom.bots.stay.calls import Calls
from greenroom.bots.stay.cleaning import Cleaning
from greenroom.bots.stay.closing import Closing
from greenroom.bots.stay.controls import Controls
from greenroom.bots.stay.definition import Definition, Find
from greenroom.bots.stay.doorway import Doorway
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.hand_over import HandOver
from greenroom.bots.stay.heartbeat import Heartbeat
from greenroom.bots.stay.helpers import Helpers
from greenroom.bots.stay.in_room import InRoom, Rooms
from greenroom.bots.stay.inbox import Inbox
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.last_moment import LastMoment
from greenroom.bots.stay.listener import RoomListener
from greenroom.bots.stay.moves import Moves
from greenroom.bots.stay.moving import Connect, Moving
from greenroom.bots.stay.requests import BotOfStay, handle
from greenroom.bots.stay.silence import Silence
from greenroom.bots.stay.take_over import TakeOver
from greenroom.bots.stay.taking_up import TakingUp
from greenroom.bots.stay.telling import Telling
from greenroom.bots.stay.terms import Terms
from greenroom.bots.stay.time_limit import TimeLimit
from greenroom.bots.stay.voices import Voices
from greenroom.bots.stay.watchdog import Watchdog
from greenroom.bots.transports.stage import Stage
from greenroom.bots.turns import Turns
from greenroom.bots.turns.hearing import Hearing

OF_PEOPLE = {
    Happened.PERSON_ARRIVED: "participant.joined",
    Happened.PERSON_LEFT: "participant.left",
}  # as app/events/schema.py has them


class Parts:
    """All that one stay is made of."""

    rooms: Rooms
    hand_over: HandOver

    def __init__(
        self,
        adopted: AdoptedSession,
        target: str,
        *,
        ledger: AsyncRedisLedger,
        pulse: AsyncRedisLedger,
        settings: Settings,
        launches: LaunchQueue,
        connect: Connect,
        memory: Memory | None = None,
        find_assistant: Find | None = None,
        earlier: KeptEarlier | None = None,
        stage_of: Callable[..., Stage] = stages.of,
    ) -> None:
        """The target is the bot's, as `BOTS` has it.  `pulse` is a connection for the heartbeat alone.

        `find_assistant` asks where they are kept, `earlier` knows what was said in a conversation that is taken up, and
        `connect` is the way into a session's room for its user.
        """
        self._settings = settings
        self._stage_of = stage_of
        self.adopted = adopted
        self.target = target
        session, owner = adopted.session, adopted.owner
        self.end = end = End()
        self.chores = Chores()
        self.watchdog = Watchdog(end)
        self.helpers = Helpers()
        over = Ending(Reason.SUPERSEDED, politely=False, detail="its session was over")
        self.journal = journal = Journal(
            ledger,
            replace(session, state=State.PENDING) if adopted.is_next else session,
            host=adopted.host,
            has_room=not adopted.is_next,
            on_over=partial(end.begin, over),
            on_enter=self._tell_state,
            on_note=self._tell_note,
        )
        self.telling = Telling(ledger, journal)
        self.memories = Memories(memory, session)
        self.turns = turns = Turns(
            ledger, session, adopted.conversation, age=adopted.age, memories=self.memories
        )
        self.taking_up = TakingUp(
            earlier, session, adopted.conversation, turns, begin_own=self._begin_own_conversation
        )
        turns.on_said = lambda turn: self.rooms.now.voices.said(turn)
        turns.on_kept = self._tell_turn
        self.open_things = open_things = RoomState(
            ledger,
            session.room,
            epoch=session.epoch,
            owner=owner,
            session_id=session.id,
            tell=lambda state: self.stage.tell("state", state=state),
            tell_change=lambda opened, closed: self.stage.tell("room.state", opened=opened, closed=closed),
            before=adopted.opened,
        )
        self.definition = Definition(find_assistant, journal, lambda brief: self.controls.take(brief))
        self.cleaning = cleaning = Cleaning(
            journal=journal,
            turns=turns,
            memories=self.memories,
            definition=self.definition,
            interrupt=lambda within: self.bot_run.interrupt(within),
            people=lambda: self.stage.people,
            later=self.chores.begin,
        )
        self.silence = silence = Silence(
            lambda: [each.stage for each in self.rooms.all], begin=self.chores.begin
        )
        known = (said.person for said in adopted.conversation)
        self.listener = listener = RoomListener(
            Attendance(session, known=known, age=adopted.age, is_next=adopted.is_next),
            people=lambda: self.stage.people,
            journal=journal,
            turns=turns,
            open_things=open_things,
            cleaning=cleaning,
            change_conversation=lambda conversation_id: self.stage.change_conversation(conversation_id),
            silence=silence,
            calls=Calls(ledger, journal, begin=self.chores.begin),
            say=lambda *frames: self.bot_run.say(*frames),
            begin=self.chores.begin,
            end=end,
        )
        self.rooms = rooms = Rooms(
            self._in_room(
                session,
                turns.hearing,
                waits=adopted.is_next,
                # One that is next has yet to take the room over
                on_started=_nothing if adopted.is_next else listener.started,
            )
        )
        everything: dict[str, Any] = {
            "rooms": rooms,
            "journal": journal,
            "turns": turns,
            "open_things": open_things,
        }
        deeds = Moving(
            in_another=self._in_another,
            listener=listener,
            last_moment=LastMoment(**everything, end=end, quiet_within=moving.QUIET_WITHIN),
            connect=connect,
            **everything,
        )
        self.moves = moves = Moves(
            ledger,
            launches,
            deeds,
            adopter=Adopter(owner, adopted.host, adopted.job_id),
            journal=journal,
            listener=listener,
            is_free=lambda: not self.hand_over.has_begun,
            end=end,
        )
        self.time_limit = TimeLimit(journal, rooms, age=adopted.age, begin=self.chores.begin, end=end)
        self.terms = Terms(journal, listener, self.time_limit)
        self.asked = BotOfStay(session.id, rooms, listener, moves, self.terms, end)
        self.inbox = Inbox(ledger, journal, do=partial(handle, self.asked), moved=moves.over)
        self.heartbeat = Heartbeat(
            pulse,
            journal,
            self.inbox,
            owner=owner,
            turns=turns,
            open_things=open_things,
            end=end,
            silence=rooms.silence,
            begin=self.chores.begin,
            may_have_moved=lambda: moves.are_in_doubt,
        )
        shared: dict[str, Any] = {"owner": owner, "journal": journal, "rooms": rooms}
        self.take_over = TakeOver(
            ledger,
            token=adopted.token,
            config=adopted.config,
            listener=listener,
            turns=turns,
            open_things=open_things,
            time_limit=self.time_limit,
            end=end,
            **shared,
        )
        self.hand_over = HandOver(
            ledger,
            launches,
            park=lambda: follow_awaited(ledger, park(journal.session, owner=owner, launches=launches)),
            listener=listener,
            last_moment=LastMoment(**everything, end=end, quiet_within=hand_over.QUIET_WITHIN),
            moved=moves.over,
            end=end,
            **shared,
        )
        self.closing = Closing(inbox=self.inbox, **shared)

    @property
    def stage(self) -> Stage:
        """The bot's place in the room where it is."""
        return self.rooms.now.stage

    @property
    def bot_run(self) -> BotRun:
        """The run of the bot's code there."""
        return self.rooms.now.bot_run

    @property
    def controls(self) -> Controls:
        return self.rooms.now.controls

    def _tell_state(self, state: State, reason: Reason | None) -> None:
        """Tell the people's clients where the session is in its life."""
        if state not in ON_STAGE and state is not State.LEAVING:
            return  # nobody is there to be told
        why = {"reason": reason} if reason else {}
        self.stage.tell(f"session.{state}", **why)
        if state is State.LEAVING:
            self.stage.tell("voice.session.end", **why)
        elif state is State.LIVE:
            self.stage.tell("voice.session.start")

    def _tell_note(self, happened: Happened, person: str | None) -> None:
        """Tell them who has come, and who has gone."""
        if event := OF_PEOPLE.get(happened):
            self.stage.tell(event, person=person)

    def _tell_turn(self, conversation_id: str, turn: Turn) -> None:
        """Tell them that a turn is kept, and where it is read."""
        self.stage.tell(
            "conversation.turn",
            conversation=conversation_id,
            turn=turn.sequence,
            role=turn.role,
            person=turn.person,
            interrupted=turn.interrupted,
        )

    def _begin_own_conversation(self) -> None:
        """Before anybody has said anything."""
        self.turns.begin_another(self.journal.session.conversation_user)
        self.journal.change_conversation(self.turns.conversation_id)
        self.stage.change_conversation(self.turns.conversation_id)

    def _in_another(self, session: Session) -> InRoom:
        """What is of the room alone in which the session will be: the bot waits, and is apart."""
        return self._in_room(
            session, self.turns.hear_in(session.room), waits=True, on_started=_nothing, apart=True
        )

    def _in_room(
        self,
        session: Session,
        hearing: Hearing,
        *,
        waits: bool,
        on_started: Callable[[], Awaitable[None]],
        apart: bool = False,
    ) -> InRoom:
        """What is of a room alone; the session is as it is, or will be, there."""
        doorway = Doorway(self.listener, is_open=not apart)
        stage = self._stage_of(session, self._settings, listener=doorway, waits=waits, apart=apart)
        outbox = Outbox(self.turns.acknowledging.is_written, self.chores.begin)
        voices = Voices(stage, hearing, to_servers=self.telling.tell)
        bot_run = BotRun(
            session,
            target=self.target,
            stage=stage,
            hearing=hearing,
            outbox=outbox,
            silence=self.silence,
            voices=voices,
            end=self.end,
            on_started=on_started,
        )
        controls = Controls(session, self._settings, stage=stage, silence=self.silence, say=bot_run.say)
        if self.silence.is_on:
            stage.pause()
        return InRoom(stage, doorway, hearing, outbox, bot_run, voices, controls)


async def _nothing() -> None:
    pass
