"""What a bot's tools have at hand: the session in whose room their bot is, and what they may do with it.

from greenroom.bots import at_hand

await at_hand.current().go("forum")
"""

from collections.abc import Callable, Collection
from contextvars import ContextVar
from typing import Literal, Protocol

from greenroom.app.errors.rooms import OthersThere
from greenroom.app.rooms.notes import Notes
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session
from greenroom.bots.memories import in_a_thread
from greenroom.bots.room_state import RoomState

FORUM, BACK = "forum", "back"
Place = Literal["forum", "back"]

_current: ContextVar["AtHand"] = ContextVar("at_hand")


class AskToMove(Protocol):
    """Asks that a session's bot go to a place with its user; returns the room that it is on its way to."""

    def __call__(self, session_id: str, place: Place) -> Room: ...


class AtHand:
    """One session, as its bot's tools see it."""

    def __init__(
        self,
        *,
        session: Callable[[], Session],
        conversation_id: Callable[[], str],
        now_ms: Callable[[], int],
        people: Callable[[], Collection[str]],
        open_things: RoomState,
        notes: Notes,
        allowed: Callable[[], Collection[str] | None],
        ask_to_move: AskToMove,
        end: Callable[[], object],
    ) -> None:
        """`allowed` names the tools that the personality which the bot has now may use; None: all."""
        self._session = session
        self._conversation_id = conversation_id
        self._people = people
        self._ask_to_move = ask_to_move
        self._end = end
        self.now_ms = now_ms  # by Redis's clock
        self.open_things = open_things
        self.notes = notes
        self._allowed = allowed
        self.keeps_to_list = False  # a bot that is not ours has tools of its own, and uses what it likes

    def make_current(self) -> None:
        """Be what `current()` finds in this context, and in the tasks that are begun in it."""
        _current.set(self)

    def may_use(self, tool: str) -> bool:
        """Whether the personality that the bot has now may."""
        allowed = self._allowed()
        return allowed is None or tool in allowed

    @property
    def tenant(self) -> str:
        return self._session().brief.tenant

    @property
    def user(self) -> str:
        """Whose session it is."""
        return self._session().brief.user_id

    @property
    def conversation_id(self) -> str:
        return self._conversation_id()

    @property
    def remembers(self) -> bool:
        """Whether what is remembered of people is kept."""
        return self._session().brief.memory

    async def go(self, place: Place) -> Room:
        """Go to the forum, or back to where the session came from; returns as soon as the bot is on its way.

        Raises a GreenroomError where it cannot: NoForum, OthersThere, RoomHasBot and the like.
        """
        its_id = self._session().id
        return await in_a_thread(lambda: self._ask_to_move(its_id, place))

    def check_alone_with(self, person: str) -> None:
        """Raises OthersThere: one person does not decide for the others."""
        if set(self._people()) - {person}:
            raise OthersThere

    def end(self) -> None:
        """Say goodbye and end the call."""
        self._end()


def current() -> AtHand:
    """That of the session in whose context this is called.  Raises LookupError outside of one."""
    return _current.get()


def is_refused(tool: str) -> bool:
    """Whether the bot here keeps to its personality's tools, and this is none of them."""
    here = _current.get(None)
    return here is not None and here.keeps_to_list and not here.may_use(tool)
