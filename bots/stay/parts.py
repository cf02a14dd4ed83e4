"""The parts of a stay, put together: each is handed those that it needs."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from greenroom.app.rooms.attendance import Attendance
from greenroom.app.rooms.memory import Memory
from greenroom.app.rooms.parking import park
from greenroom.app.rooms.procedures import follow_awaited
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.sessions import Reason, State
from greenroom.app.settings import Settings
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots import transports as stages
from greenroom.bots.memories import Memories
from greenroom.bots.outbox import Outbox
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay.adopted import AdoptedSession
from greenroom.bots.stay.background import Chores
from greenroom.bots.stay.bot_run import BotRun
from greenroom.bots.stay.closing import Closing
from greenroom.bots.stay.controls import Controls
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.hand_over import HandOver
from greenroom.bots.stay.heartbeat import Heartbeat
from greenroom.bots.stay.helpers import Helpers
from greenroom.bots.stay.inbox import Inbox
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.listener import RoomListener
from greenroom.bots.stay.requests import BotOfStay, handle
from greenroom.bots.stay.take_over import TakeOver
from greenroom.bots.stay.watchdog import Watchdog
from greenroom.bots.transports.stage import Stage
from greenroom.bots.turns import Turns


class Parts:
    """All that one stay is made of."""

    def __init__(
        self,
        adopted: AdoptedSession,
        target: str,
        *,
        ledger: AsyncRedisLedger,
        pulse: AsyncRedisLedger,
        settings: Settings,
        launches: LaunchQueue,
        memory: Memory | None = None,
        stage_of: Callable[..., Stage] = stages.of,
    ) -> None:
        """The target is the bot's, as `BOTS` has it.  `pulse` is a connection for the heartbeat alone."""
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
        )
        self.memories = Memories(memory, session)
        self.turns = turns = Turns(
            ledger, session, adopted.conversation, age=adopted.age, memories=self.memories
        )
        self.open_things = open_things = RoomState(
            ledger,
            session.room,
            epoch=session.epoch,
            owner=owner,
            tell=lambda state: self.stage.tell("state", state=state),
            before=adopted.opened,
        )
        known = (said.person for said in adopted.conversation)
        self.listener = listener = RoomListener(
            Attendance(session, known=known, age=adopted.age, is_next=adopted.is_next),
            people=lambda: self.stage.people,
            journal=journal,
            turns=turns,
            open_things=open_things,
            change_conversation=lambda conversation_id: self.stage.change_conversation(conversation_id),
            say=lambda *frames: self.bot_run.say(*frames),
            end=end,
        )
        self.stage: Stage = stage_of(session, settings, listener=listener, waits=adopted.is_next)
        self.outbox = Outbox(turns.has_line, self.chores.begin)
        self.bot_run: BotRun = BotRun(
            session,
            target=target,
            stage=self.stage,
            turns=turns,
            outbox=self.outbox,
            end=end,
            on_started=_nothing if adopted.is_next else listener.started,  # it has yet to take the room over
        )
        self.controls = Controls(
            session,
            settings,
            stage=self.stage,
            say=self.bot_run.say,
        )
        self.asked = BotOfStay(session.id, self.stage, self.controls, listener.give_way, end)
        self.inbox = Inbox(ledger, journal, do=partial(handle, self.asked))
        self.heartbeat = Heartbeat(
            pulse,
            journal,
            self.inbox,
            owner=owner,
            turns=turns,
            open_things=open_things,
            end=end,
            silence=self.stage.silence,
            begin=self.chores.begin,
        )
        shared: dict[str, Any] = {
            "owner": owner,
            "journal": journal,
            "stage": self.stage,
            "bot_run": self.bot_run,
            "controls": self.controls,
        }
        more: dict[str, Any] = {"listener": listener, "turns": turns, "open_things": open_things, "end": end}
        self.take_over = TakeOver(ledger, token=adopted.token, config=adopted.config, **shared, **more)
        self.hand_over = HandOver(
            ledger,
            launches,
            park=lambda: follow_awaited(ledger, park(journal.session, owner=owner, launches=launches)),
            outbox=self.outbox,
            **shared,
            **more,
        )
        self.closing = Closing(inbox=self.inbox, **shared)


async def _nothing() -> None:
    pass
