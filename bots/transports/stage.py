"""What a session needs of its bot's place in a room, whichever provider has the room."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import RunnerArguments

from greenroom.app.rooms.app_messages import ToSession
from greenroom.app.rooms.failures import FailureKind
from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.session_events import NO_APPEARANCE, Appearance
from greenroom.app.rooms.sessions import Reason


@dataclass(frozen=True)
class PutOut:
    """The bot is not in its room any more, and has not left by itself.

    A Reason ends the session.  A FailureKind is the bot's alone: the session goes on with another bot.
    """

    kind: Reason | FailureKind
    detail: str


class Listener(Protocol):
    """Told of what happens on a stage: people come and go, or the room removes the bot."""

    async def arrived(self, user_id: str, appearance: Appearance = NO_APPEARANCE) -> None:
        """A person has come, or come back; told in the order in which they come and go."""
        ...

    async def departed(self, user_id: str) -> None:
        """A person has gone."""
        ...

    def app_sent(self, person: str, message: ToSession, answer: Callable[[dict[str, Any]], object]) -> None:
        """A person's app says something of what `app/rooms/app_messages.py` knows.

        `answer` is called with what the client is to be told, once it is done.
        """
        ...

    def put_out(self, why: PutOut) -> None:
        """The room's server has removed the bot, or the connection to it is lost."""
        ...


class Stage(Protocol):
    """A bot's place in a room: where it is heard, and who hears it."""

    @property
    def people(self) -> frozenset[str]:
        """Who is there; somebody whose line has just broken still counts for some seconds."""
        ...

    def look(self) -> Sequence[Seen]:
        """The people beside the bot and what they send; nobody, where the room's own server tells that."""
        ...

    def runner_arguments(self, session_id: str, body: dict[str, Any]) -> RunnerArguments:
        """What a bot gets, in pipecat's own convention."""
        ...

    def built(self, pipeline: PipelineWorker) -> None:
        """Take the bot's pipeline, which is built and not set up yet."""
        ...

    async def ready_to_enter(self) -> None:
        """Wait until the bot is prepared as far as it can be before it enters the room."""
        ...

    def enter(self) -> None:
        """Let the bot enter: it is its turn to have the room."""
        ...

    def take_part(self) -> None:
        """Be heard, and let the bot hear and learn what has happened since it entered.

        A bot that is `apart` is in the room until then, and nobody notices more of it than that.
        """
        ...

    def tell(self, event: str, *, only: str | None = None, **facts: Any) -> None:
        """Send the people's clients an event of the session, on which they may act; or that of one person only."""
        ...

    def change_conversation(self, conversation_id: str) -> None:
        """Take another conversation's id into the room's metadata, where it has any."""
        ...

    def listen(self, *, to_people: bool) -> None:
        """Take what people write, or leave it unanswered: their page sends that again, to the next bot."""
        ...

    async def show(self, name: str | None) -> None:
        """Be seen under this name, or not at all, where the room has pictures and the bot is one that has a camera.

        Before the bot's pipeline is built this is remembered, and done then.
        """
        ...

    def pause(self) -> None:
        """Neither be heard nor hear, and take nothing that people write, but stay connected.

        Before the bot's pipeline is built, or is in the room, this is remembered, and done then.
        """
        ...

    def resume(self) -> None:
        """Be heard and hear again."""
        ...

    def silence(self) -> None:
        """Stop being heard at once: another bot has the room, or will have it.

        The connection stays until the bot leaves, and people's clients are not told to hang up.
        """
        ...

    async def take(self, user_id: str, offer: Mapping[str, Any]) -> dict[str, str]:
        """Answer an offer.  Raises RoomFull, OfferRefused."""
        ...

    async def add_candidates(self, pc_id: str, candidates: Sequence[Mapping[str, Any]]) -> None:
        """Take further addresses of a person's browser.  Raises CandidatesRefused, OfferRefused."""
        ...

    async def disconnect(self) -> None:
        """Leave the room."""
        ...
