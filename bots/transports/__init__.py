"""The stages: how a bot enters a room, is heard and hears; one file for each provider."""

from functools import cache

from greenroom.app.providers.daily import Daily
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.providers.room_metadata import room_facts
from greenroom.app.rooms.brief import Brief
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
    apart: bool = False,
) -> Stage:
    """Make a session's stage.

    A bot that `waits` does not enter before `enter` is called; one that is `apart` neither hears nor is heard before
    `take_part` is.
    """
    room = session.room
    if room.provider == LIVEKIT:
        from greenroom.bots.transports.livekit import LiveKitStage

        server = LiveKit.of(settings)
        return LiveKitStage(
            room,
            token=lambda: server.bot_token(session, _name_of(session.brief)),
            facts=room_facts(session),
            describe=lambda metadata: server.describe(room, metadata),
            listener=listener,
            waits=waits,
            apart=apart,
        )
    if room.provider == DAILY:
        from greenroom.bots.transports.daily import DailyStage

        return DailyStage(
            room,
            _daily(settings.daily_domain, settings.daily_api_key, settings.daily_api_url),
            name=_name_of(session.brief),
            listener=listener,
            waits=waits,
            apart=apart,
        )
    from greenroom.bots.transports.local import LocalStage

    return LocalStage(settings.ice_servers, listener=listener)


def _name_of(brief: Brief) -> str:
    """What the others in the room see the bot called."""
    return brief.persona or personalities.load(brief.personality).name


@cache
def _daily(domain: str, api_key: str, api_url: str) -> Daily:
    """The Daily client, kept between sessions: it has asked for the domain's id, and its connection is open."""
    return Daily(domain, api_key, api_url)
