"""LiveKit and Daily: what they are asked, and what they say by themselves.  One file each."""

from app.providers.daily import Daily
from app.providers.livekit import LiveKit
from app.rooms.providers import Local, Provider, Providers
from app.settings import Settings


def livekit(settings: Settings) -> LiveKit:
    """The LiveKit server of these settings, if they have one."""
    return LiveKit(settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret)


def daily(settings: Settings) -> Daily:
    """The Daily domain of these settings, if they have one."""
    return Daily(
        settings.daily_domain,
        settings.daily_api_key,
        settings.daily_api_url,
        settings.daily_webhook_secret,
    )


def of(settings: Settings) -> Providers:
    """Those that this installation has a key for; fresh rooms are with the first."""
    found: list[Provider] = []
    if settings.livekit_url:
        found.append(livekit(settings))
    if settings.daily_domain:
        found.append(daily(settings))
    found.append(Local())
    return Providers.of(found)
