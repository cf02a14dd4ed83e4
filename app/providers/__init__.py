"""LiveKit and Daily: what they are asked, and what they say by themselves.  One file each."""

from greenroom.app.providers.daily import Daily
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.providers.local import Local
from greenroom.app.rooms.providers import Provider, Providers
from greenroom.app.settings import Settings


def of(settings: Settings) -> Providers:
    """Those that this installation has a key for, in the order in which they have fresh rooms unless that is set."""
    found: list[Provider] = []
    if settings.livekit_url:
        found.append(LiveKit.of(settings))
    if settings.daily_domain:
        found.append(Daily.of(settings))
    found.append(Local())
    return Providers.of(found, settings.fresh_rooms)
