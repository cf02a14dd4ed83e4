"""LiveKit and Daily: what they are asked, and what they say by themselves.  One file each."""

from app.providers.daily import Daily
from app.providers.livekit import LiveKit
from app.rooms.providers import Local, Provider, Providers
from app.settings import Settings


def of(settings: Settings) -> Providers:
    """Those that this installation has a key for; fresh rooms are with the first."""
    found: list[Provider] = []
    if settings.livekit_url:
        found.append(LiveKit.of(settings))
    if settings.daily_domain:
        found.append(Daily.of(settings))
    found.append(Local())
    return Providers.of(found)
