"""What a request may do with the bot that is asked."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.requests.answers import Cleaned, Configured, Directed, Said
from greenroom.app.rooms.room_states import Open
from greenroom.app.rooms.sessions import Reason


class AskedBot(Protocol):
    """What a request may use of the bot that is asked, whose pipeline may not run yet."""

    def look(self) -> Sequence[Seen]:
        """The people beside it, where their room's server does not tell what they send."""
        ...

    @property
    def people(self) -> frozenset[str]:
        """Who is in the room."""
        ...

    def tell(self, event: str, **facts: str) -> None:
        """Send the people's clients a message."""
        ...

    async def connect(self, user_id: str, offer: Mapping[str, object]) -> Mapping[str, str]:
        """Connect a person's browser; returns the bot's half of it.  Raises OfferRefused, RoomFull."""
        ...

    async def add_candidates(self, pc_id: str, candidates: Sequence[Mapping[str, object]]) -> None:
        """Raises CandidatesRefused, OfferRefused."""
        ...

    async def configure(self, changes: Mapping[str, object]) -> Configured:
        """Change how it speaks, thinks, waits and is seen, from its next answer on; says what its next bot brings."""
        ...

    async def say(self, text: str, *, interrupt: bool) -> Said:
        """Say this as it is, now or once it has said what it is saying.

        Raises OnItsWay, NobodyThere, BotPaused, BotMuted.
        """
        ...

    async def direct(self, changes: Mapping[str, object]) -> Directed:
        """Be muted, stealthy or guided, or not any more; what it says then is cut short."""
        ...

    async def switch(self, assistant: str) -> None:
        """Be another assistant, in a conversation that begins; asked twice it is done once.

        Raises UnknownAssistant, AnotherBot, VoiceNotEnabled, ProfileIncomplete, DatabaseAway.
        """
        ...

    async def heed_record(self) -> None:
        """Do what the session's record says of its pause, and of its time."""
        ...

    def give_way(self) -> bool:
        """Leave, if nobody is in the room; returns whether it does."""
        ...

    def leave(self, reason: Reason, detail: str) -> None:
        """Say goodbye, and end the session."""
        ...

    async def leave_later(self, teardown_delay: timedelta, detail: str) -> None:
        """Wait so long for somebody to come back, as in an empty room, and end the session if nobody does."""
        ...

    async def expect(self) -> None:
        """Wait for somebody who is on their way, as long as for one who has just left."""
        ...

    async def clean_up(self, wish: str | None) -> Cleaned:
        """Cancel what is under way, and read anew what it knows; the same wish is done once."""
        ...

    def open(self, place: Open, value: object, person: str | None) -> Mapping[str, object]:
        """Open something in the room, in a person's name, or the session's user's; returns all that is open then.

        Raises TooMuchState, TooManyAppMessages.
        """
        ...

    def close(self, place: Open, person: str | None) -> Mapping[str, object]:
        """Close what is open there; returns all that is open then.  Raises TooManyAppMessages."""
        ...

    def tell_of_event(self, event: str, data: object, person: str | None) -> None:
        """Tell the model what a person does in their app.

        Raises EventNotListed, UnreadableEvent, NoContext, NotThere, BotPaused, TooManyAppMessages.
        """
        ...

    async def take_text(self, content: str, person: str | None, timestamp: str | None) -> None:
        """Take a text as if the person had typed it.  Raises NotThere, BotPaused, TooManyAppMessages."""
        ...

    async def move(self, epoch: int) -> None:
        """Begin the move that the session's record has, to the claim of that epoch; asked twice it begins once.

        Raises NotMovable, OthersThere.
        """
        ...
