"""Who is in a room: asked of its server, and of its bot where that alone knows what people send."""

from collections.abc import Sequence

from greenroom.app.api.seats import Wait, still_awaited
from greenroom.app.api.services import Services
from greenroom.app.errors.bots import BotFailed, BotSilent
from greenroom.app.errors.limits import Busy, NoLongerAwaited
from greenroom.app.errors.rooms import NoBotThere
from greenroom.app.errors.sessions import NoSuchSession, SessionEnded
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.messages import ask
from greenroom.app.rooms.participants import Presence, Seen, presence_of, with_seen
from greenroom.app.rooms.requests.connecting import Look
from greenroom.app.rooms.room import LIVEKIT, Room
from greenroom.app.rooms.sessions import ReadSession


def presence_in(here: Services, room: Room) -> Presence:
    """Ask who is there from a seat, so that a server that does not answer holds a few threads, and never all."""
    try:
        with here.seats.taken(Wait.OUTSIDE):
            return here.presences.get(str(room), lambda: _look_into(here, room))
    except Busy:
        return Presence(None, "Too many ask who is where just now; ask again in a few seconds.")


def _look_into(here: Services, room: Room) -> Presence:
    presence = presence_of(room, here.providers.of_room(room))
    if room.provider == LIVEKIT:  # whose server tells what people send
        return presence
    return with_seen(presence, room, _seen_by_its_bot(here, room), here.ledger.run(Now()))


def _seen_by_its_bot(here: Services, room: Room) -> Sequence[Seen] | None:
    """Whom the bot of a room sees: nobody where there is none, and None where it does not answer in time."""
    try:
        lease = here.ledger.run(ReadRoom(room)).adopted()
        session = here.ledger.run(ReadSession(lease.session_id))
        return ask(here.ledger, session, Look(), is_awaited=still_awaited()).read()
    except NoBotThere:
        return ()
    except (BotFailed, BotSilent, NoLongerAwaited, NoSuchSession, SessionEnded):
        return None
