"""The parts of a stay, put together: each is handed those that it needs."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from greenroom.app.named_bots import is_built_in
from greenroom.app.rooms.attendance import Attendance
from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.memory import Memory
from greenroom.app.rooms.moving import Adopter
from greenroom.app.rooms.notes import Notes
from greenroom.app.rooms.parking import park
from greenroom.app.rooms.procedures import follow_awaited
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Reason, Session, State
from greenroom.app.rooms.taking_up import KeptEarlier
from greenroom.app.settings import Settings
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots import transports as stages
from greenroom.bots.at_hand import AskToMove, AtHand
from greenroom.bots.memories import Memories
from greenroom.bots.outbox import Outbox
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay import hand_over, moving
from greenroom.bots.stay.adopted import AdoptedSession
from greenroom.bots.stay.announcing import Announcing
from greenroom.bots.stay.app import App
from greenroom.bots.stay.background import Chores
from greenroom.bots.stay.bot_run import BotRun
from greenroom.bots.stay.calls import Calls
from greenroom.bots.stay.carrying_out import CarryOut
from greenroom.bots.stay.cleaning import Cleaning
from greenroom.bots.stay.closing import Closing
from greenroom.bots.stay.controls import Controls
from greenroom.bots.stay.definition import Definition, Find, FindUser
from greenroom.bots.stay.doorway import Doorway
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.failing import Failing
from greenroom.bots.stay.hand_over import HandOver
from greenroom.bots.stay.heartbeat import Heartbeat
from greenroom.bots.stay.helpers import Helpers
from greenroom.bots.stay.in_room import InRoom, Rooms
from greenroom.bots.stay.inbox import Inbox
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.last_moment import LastMoment
from greenroom.bots.stay.listener import RoomListener
from greenroom.bots.stay.mind import MindOfBot
from greenroom.bots.stay.moves import Moves
from greenroom.bots.stay.moving import Connect, Moving
from greenroom.bots.stay.mute import Mute
from greenroom.bots.stay.quiet import QuietCall
from greenroom.bots.stay.replaced import Replaced
from greenroom.bots.stay.requests import BotOfStay, handle
from greenroom.bots.stay.silence import Silence
from greenroom.bots.stay.switching import Switching
from greenroom.bots.stay.take_over import TakeOver
from greenroom.bots.stay.taking_up import TakingUp
from greenroom.bots.stay.telling import Telling
from greenroom.bots.stay.terms import Terms
from greenroom.bots.stay.time_limit import TimeLimit
from greenroom.bots.stay.voices import Voices
from greenroom.bots.stay.watchdog import Watchdog
from greenroom.bots.transports.stage import Stage
from greenroom.bots.turns import Turns
from greenroom.bots.turns.floor import USER
from greenroom.bots.turns.hearing import Hearing

ASKED_FOR = Ending(Reason.LEFT, detail="its person asked the bot to end the call")


class Parts:
    """All that one stay is made of."""

    # Others are handed a way to these before they are made
    rooms: Rooms
    inbox: Inbox
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
        notes: Notes,
        ask_to_move: AskToMove,
        memory: Memory | None = None,
        find_assistant: Find | None = None,
        find_user: FindUser | None = None,
        earlier: KeptEarlier | None = None,
        stage_of: Callable[..., Stage] = stages.of,
    ) -> None:
        """The target is the bot's, as `BOTS` has it.  `pulse` is a connection for the heartbeat alone.

        `notes` keeps what the bot writes down, `ask_to_move` is how it asks to go to another room.
        `find_assistant` and `find_user` ask where those are kept, `earlier` knows what was said in a conversation that
        is taken up, and `connect` is the way into a session's room for its user.
        """
        self.adopted = adopted
        self.target = target
        self._ledger, self._launches = ledger, launches
        self._settings = settings
        self._stage_of = stage_of
        self.end = End()
        self.chores = Chores()
        self.watchdog = Watchdog(self.end)
        self.helpers = Helpers()
        self.announcing = Announcing(lambda event, **facts: self.stage.tell(event, **facts))
        self._put_on_record()
        self._converse(memory, earlier)
        self._put_at_hand(notes, ask_to_move)
        self._attend(find_assistant, find_user)
        self._move_and_change_hands(connect)
        self._obey_and_beat(pulse)
        self.closing = Closing(inbox=self.inbox, owner=adopted.owner, journal=self.journal, rooms=self.rooms)

    def _put_on_record(self) -> None:
        """What happens to the session, for its record and for servers that listen."""
        session, is_next = self.adopted.session, self.adopted.is_next
        over = Ending(Reason.SUPERSEDED, politely=False, detail="its session was over")
        self.journal = Journal(
            self._ledger,
            replace(session, state=State.PENDING) if is_next else session,
            host=self.adopted.host,
            has_room=not is_next,
            on_over=partial(self.end.begin, over),
            on_enter=self.announcing.state,
            on_note=self.announcing.note,
        )
        self.telling = Telling(self._ledger, self.journal)

    def _converse(self, memory: Memory | None, earlier: KeptEarlier | None) -> None:
        """What is said, what was said before and is known of people, and what is open in the room."""
        adopted, session = self.adopted, self.adopted.session
        self.memories = Memories(memory, session)
        self.mind = MindOfBot(self.memories, lambda: self.rooms.now.hearing.contexts)
        self.turns = Turns(
            self._ledger, session, adopted.conversation, age=adopted.age, memories=self.memories
        )
        self.turns.on_said = self._said
        self.turns.on_kept = self.announcing.turn
        self.taking_up = TakingUp(
            earlier, session, adopted.conversation, self.turns, begin_own=self._begin_own_conversation
        )
        self.open_things = RoomState(
            self._ledger,
            session.room,
            epoch=session.epoch,
            owner=adopted.owner,
            session_id=session.id,
            tell=lambda state: self.stage.tell("state", state=state),
            tell_change=lambda opened, closed: self.stage.tell("room.state", opened=opened, closed=closed),
            before=adopted.opened,
        )

    def _put_at_hand(self, notes: Notes, ask_to_move: AskToMove) -> None:
        """What the bot's tools may use."""
        self.at_hand = AtHand(
            session=lambda: self.journal.session,
            conversation_id=lambda: self.turns.conversation_id,
            now_ms=self.turns.now_ms,
            people=lambda: self.stage.people,
            open_things=self.open_things,
            notes=notes,
            allowed=lambda: self.controls.tools,
            ask_to_move=ask_to_move,
            end=lambda: self.end.begin(ASKED_FOR),
        )

    def _attend(self, find_assistant: Find | None, find_user: FindUser | None) -> None:
        """Who comes and goes, and the bot in its room, which is changed and cleaned up after them."""
        adopted, session = self.adopted, self.adopted.session
        self.definition = Definition(find_assistant, self.journal, self._be, self._settings, find_user)
        self.cleaning = Cleaning(
            journal=self.journal,
            turns=self.turns,
            memories=self.memories,
            definition=self.definition,
            interrupt=lambda within: self.bot_run.interrupt(within),
            people=lambda: self.stage.people,
            later=self.chores.begin,
        )
        self.silence = Silence(self._stages, begin=self.chores.begin)
        self.mute = Mute(self._stages)
        self.carry_out = CarryOut(
            people=lambda: self.stage.people,
            journal=self.journal,
            turns=self.turns,
            open_things=self.open_things,
            cleaning=self.cleaning,
            change_conversation=lambda conversation_id: self.stage.change_conversation(conversation_id),
            silence=self.silence,
            mute=self.mute,
            say=lambda *frames: self.bot_run.say(*frames),
            end=self.end,
        )
        self.switching = Switching(
            self.definition,
            journal=self.journal,
            turns=self.turns,
            carry_out=self.carry_out,
            be=self._be,
            greet=lambda: self.controls.greet(),
        )
        self.quiet = QuietCall(
            rooms=lambda: self.rooms,
            journal=self.journal,
            may_be_talked_with=lambda: self.attendance.may_be_talked_with and not self.mute.is_on,
            end=self.end,
        )
        self.app = App(
            journal=self.journal,
            rooms=lambda: self.rooms,
            open_things=self.open_things,
            quiet=self.quiet,
            silence=self.silence,
            asked=lambda: self.asked,
            begin=self.chores.begin,
        )
        self.calls = Calls(self._ledger, self.journal, begin=self.chores.begin)
        self.replaced = Replaced(self._ledger, self.journal, begin=self.chores.begin)
        known = (said.person for said in adopted.conversation)
        self.attendance = Attendance(
            session,
            known=known,
            age=adopted.age,
            is_next=adopted.is_next,
            persistence=lambda: self.controls.session.brief.persistence,
        )
        self.listener = RoomListener(
            self.attendance,
            self.carry_out,
            people=lambda: self.stage.people,
            journal=self.journal,
            cleaning=self.cleaning,
            calls=self.calls,
            quiet=self.quiet,
            has_replaced_leave=self.replaced.leaves,
            app=self.app,
            change_conversation=lambda conversation_id: self.stage.change_conversation(conversation_id),
            end=self.end,
        )
        self.rooms = Rooms(
            self._in_room(
                session,
                self.turns.hearing,
                waits=adopted.is_next,
                # One that is next has yet to take the room over
                on_started=_nothing if adopted.is_next else self.listener.started,
            )
        )
        self.time_limit = TimeLimit(
            self.journal, self.rooms, age=adopted.age, begin=self.chores.begin, end=self.end
        )

    def _move_and_change_hands(self, connect: Connect) -> None:
        """The session goes to another room, to another worker's bot, or comes from one."""
        adopted, owner = self.adopted, self.adopted.owner
        everything: dict[str, Any] = {
            "rooms": self.rooms,
            "journal": self.journal,
            "turns": self.turns,
            "open_things": self.open_things,
        }
        deeds = Moving(
            in_another=self._in_another,
            at_hand=self.at_hand,
            listener=self.listener,
            last_moment=LastMoment(**everything, end=self.end, quiet_within=moving.QUIET_WITHIN),
            connect=connect,
            **everything,
        )
        self.moves = Moves(
            self._ledger,
            self._launches,
            deeds,
            adopter=Adopter(owner, adopted.host, adopted.job_id),
            journal=self.journal,
            listener=self.listener,
            is_free=lambda: not self.hand_over.has_begun,
            tell_stays=lambda why: self.stage.tell(f"session.{Happened.MOVE_FAILED}", reason=why),
            end=self.end,
        )
        self.take_over = TakeOver(
            self._ledger,
            token=adopted.token,
            config=adopted.config,
            owner=owner,
            listener=self.listener,
            time_limit=self.time_limit,
            end=self.end,
            **everything,
        )
        self.hand_over = HandOver(
            self._ledger,
            self._launches,
            owner=owner,
            journal=self.journal,
            rooms=self.rooms,
            park=self._park,
            listener=self.listener,
            last_moment=LastMoment(**everything, end=self.end, quiet_within=hand_over.QUIET_WITHIN),
            moved=self.moves.over,
            end=self.end,
        )

    def _obey_and_beat(self, pulse: AsyncRedisLedger) -> None:
        """What is asked of the bot by messages, and that it lives."""
        self.terms = Terms(self.journal, self.listener, self.time_limit)
        self.asked = BotOfStay(
            self.adopted.session.id,
            self.rooms,
            self.listener,
            self.moves,
            self.switching,
            self.terms,
            self.silence,
            self.mute,
            self.end,
            self.app,
        )
        self.inbox = Inbox(self._ledger, self.journal, do=partial(handle, self.asked), moved=self.moves.over)
        self.heartbeat = Heartbeat(
            pulse,
            self.journal,
            self.inbox,
            owner=self.adopted.owner,
            turns=self.turns,
            open_things=self.open_things,
            end=self.end,
            silence=self.rooms.silence,
            begin=self.chores.begin,
            mind=self.mind.read,
            may_have_moved=lambda: self.moves.are_in_doubt,
        )

    def _said(self, turn: Turn) -> None:
        self.quiet.heard(bot=turn.role != USER)  # a line that was typed is heard nowhere else
        self.rooms.now.voices.said(turn)

    async def _park(self) -> bool:
        steps = park(self.journal.session, owner=self.adopted.owner, launches=self._launches)
        return await follow_awaited(self._ledger, steps)

    @property
    def stage(self) -> Stage:
        """The bot's place in the room where it is."""
        return self.rooms.now.stage

    def _stages(self) -> list[Stage]:
        """In each room where the bot is."""
        return [each.stage for each in self.rooms.all]

    @property
    def bot_run(self) -> BotRun:
        """The run of the bot's code there."""
        return self.rooms.now.bot_run

    @property
    def controls(self) -> Controls:
        return self.rooms.now.controls

    async def _be(self, brief: Brief) -> None:
        """Be as this brief says, in each room where the bot is."""
        for room in self.rooms.all:
            await room.controls.take(brief)

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
        voices = Voices(stage, hearing, to_servers=self.telling.tell, heard=self.quiet.heard)
        is_ours = is_built_in(session.brief.bot, self.target)
        bot_run = BotRun(
            session,
            target=self.target,
            stage=stage,
            hearing=hearing,
            outbox=outbox,
            silence=self.silence,
            mute=self.mute,
            voices=voices,
            failing=Failing(
                failed=self.mind.failed,
                note=lambda event, detail: self.chores.begin(self.journal.note(event, detail)),
                tell=stage.tell,
                apologise=(lambda: controls.apologise()) if is_ours else None,
            ),
            end=self.end,
            on_started=on_started,
        )
        controls = Controls(
            session,
            self._settings,
            stage=stage,
            silence=self.silence,
            mute=self.mute,
            say=bot_run.say,
            is_ours=is_ours,
        )
        if self.silence.is_on:
            stage.pause()
        return InRoom(stage, doorway, hearing, outbox, bot_run, voices, controls)


async def _nothing() -> None:
    pass
