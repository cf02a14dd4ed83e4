"""How a bot gets into a room, one file a provider."""

from functools import cache

from greenroom.app.providers.daily import Daily
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.providers.room_metadata import room_facts
from greenroom.app.rooms.room import DAILY, LIVEKIT
from greenroom.app.rooms.sessions import Session
from greenroom.app.settings import Settings
from greenroom.bots import personalities
from greenroom.bots.transports.stage import Listener, Stage


def of(
    session: Session,
    settings: Settings,
    *,
    listener: Listener,
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
            listener=listener,
            waits=waits,
        )
    if room.provider == DAILY:
        from greenroom.bots.transports.daily import DailyRoom

        return DailyRoom(
            room,
            _daily(settings.daily_domain, settings.daily_api_key, settings.daily_api_url),
            name=personalities.load(session.brief.personality).name,
            listener=listener,
            waits=waits,
        )
    from greenroom.bots.transports.local import LocalRoom

    return LocalRoom(settings.ice_servers, listener=listener)


@cache
def _daily(domain: str, api_key: str, api_url: str) -> Daily:
    """Kept between sessions: what it has asked once it knows, and its connection is open."""
    return Daily(domain, api_key, api_url)
