"""What a session needs of its bot's place in a room, whoever has the room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import RunnerArguments

from greenroom.app.rooms.failures import FailureKind
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

    async def arrived(self, user_id: str) -> None:
        """A person has come, or come back; told in the order in which they come and go."""
        ...

    async def departed(self, user_id: str) -> None:
        """A person has gone."""
        ...

    def put_out(self, why: PutOut) -> None:
        """The room has parted with the bot."""
        ...


class Stage(Protocol):
    """A bot's place in a room: where it is heard, and who hears it."""

    @property
    def people(self) -> frozenset[str]:
        """Who is there now, as far as the last seconds tell."""
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

    def tell(self, event: str, **facts: Any) -> None:
        """Say something about the session to the people's clients, which may know what to do then."""
        ...

    def change_conversation(self, conversation_id: str) -> None:
        """Say which conversation is on, where the room itself tells it."""
        ...

    def listen(self, *, to_people: bool) -> None:
        """Take in what people write, or leave it unanswered, so that their page says it to the next bot."""
        ...

    async def show(self, name: str | None) -> None:
        """Be seen under this name, or not at all, where the room has pictures and the bot is one that has a camera.

        What is said before the bot's pipeline is there is done when it is.
        """
        ...

    def silence(self) -> None:
        """Be heard no more, from this moment, since another bot has the room, or will have it.

        The line stays up until the bot has left, and its people's clients are not told that they shall go.
        """
        ...

    async def take(self, user_id: str, offer: Mapping[str, Any]) -> dict[str, str]:
        """Answer an offer.  Raises RoomFull, OfferRefused."""
        ...

    async def add_candidates(self, pc_id: str, candidates: Sequence[Mapping[str, Any]]) -> None:
        """Where else the person can be reached.  Raises CandidatesRefused, OfferRefused."""
        ...

    async def disconnect(self) -> None:
        """Leave the room."""
        ...
