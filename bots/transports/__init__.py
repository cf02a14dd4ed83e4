"""How a bot gets into a room, one file a provider."""

from collections.abc import Callable
from functools import cache

from greenroom.app.providers.daily import Daily
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.providers.room_metadata import room_facts
from greenroom.app.rooms.room import DAILY, LIVEKIT
from greenroom.app.rooms.sessions import Session
from greenroom.app.settings import Settings
from greenroom.bots import personalities
from greenroom.bots.transports.stage import Notice, PutOut, Stage


def of(
    session: Session,
    settings: Settings,
    *,
    on_arrival: Notice,
    on_departure: Notice,
    on_put_out: Callable[[PutOut], None],
    waits: bool,
) -> Stage:
    """A session's place in its room.  A bot that `waits` does not enter before it is told to."""
    room = session.room
    if room.provider == LIVEKIT:
        from greenroom.bots.transports.livekit import LiveKitRoom

        server = LiveKit.of(settings)
        return LiveKitRoom(
            room,
            token=lambda: server.bot_token(session, personalities.load(session.brief.personality).name),
            facts=room_facts(session),
            describe=lambda metadata: server.describe(room, metadata),
            on_arrival=on_arrival,
            on_departure=on_departure,
            on_put_out=on_put_out,
            waits=waits,
        )
    if room.provider == DAILY:
        from greenroom.bots.transports.daily import DailyRoom

        return DailyRoom(
            room,
            _daily(settings.daily_domain, settings.daily_api_key, settings.daily_api_url),
            name=personalities.load(session.brief.personality).name,
            on_arrival=on_arrival,
            on_departure=on_departure,
            on_put_out=on_put_out,
            waits=waits,
        )
    from greenroom.bots.transports.local import LocalRoom

    return LocalRoom(settings.ice_servers, on_arrival=on_arrival, on_departure=on_departure)


@cache
def _daily(domain: str, api_key: str, api_url: str) -> Daily:
    """Kept between sessions: what it has asked once it knows, and its connection is open."""
    return Daily(domain, api_key, api_url)
