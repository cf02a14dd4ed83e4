"""LiveKit and Daily: what they are asked, and what they say by themselves.  One file each."""

from app.providers.livekit import LiveKit
from app.rooms.providers import Local, Provider, Providers
from app.settings import Settings


def livekit(settings: Settings) -> LiveKit:
    """The LiveKit server of these settings, if they have one."""
    return LiveKit(settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret)


def of(settings: Settings) -> Providers:
    """Those that this installation has a key for; fresh rooms are with the first."""
    found: list[Provider] = []
    if settings.livekit_url:
        found.append(livekit(settings))
    found.append(Local())
    return Providers.of(found)
