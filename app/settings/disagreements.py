"""What is wrong between settings that are each right alone."""

from itertools import combinations
from pathlib import Path

from greenroom.app.settings.definition import Settings
from greenroom.app.settings.kept_keys import KEYS
from greenroom.app.settings.parsers import without_password
from greenroom.app.settings.receivers import why_not

PERSONALITIES = (
    Path(__file__).parent.parent.parent / "bots" / "personalities"
)  # looked at, since importing is for bots

# Voices of OpenAI's own server; another server has its own, which nobody can tell before it is asked.
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip


def disagreements(settings: Settings) -> dict[tuple[str, ...], str]:
    """What is wrong between settings that are each right alone, by the settings that it is between."""
    found: dict[tuple[str, ...], str] = {}
    ports = ("port", "flower_port", "events_port")
    for name, other in combinations(ports, 2):
        if (port := getattr(settings, name)) == getattr(settings, other):
            found[name, other] = f"{name.upper()} and {other.upper()} are both {port}; they must differ."
    for name in ports:
        port, low, high = getattr(settings, name), settings.livekit_port, settings.livekit_port + 2
        if settings.livekit_is_embedded and low <= port <= high:
            found[name, "livekit_port"] = (
                f"{name.upper()} is {port}, and LIVEKIT_PORT takes {low} to {high}; they must differ."
            )
    server_of = {"livekit": "livekit_url", "daily": "daily_domain"}
    for name in settings.fresh_rooms:
        if name in server_of and not getattr(settings, server_of[name]):
            found["fresh_rooms", server_of[name]] = (
                f"FRESH_ROOMS names {name}; then {server_of[name].upper()} and its keys must be set."
            )
    if settings.default_bot not in settings.bots:
        known = ", ".join(settings.bots)
        found["default_bot", "bots"] = (
            f"DEFAULT_BOT is '{settings.default_bot}'; it must be one of {known}, or be named in BOTS."
        )
    if settings.default_personality not in (known_ones := _personalities(settings)):
        found[("default_personality",)] = (
            f"DEFAULT_PERSONALITY is '{settings.default_personality}'; it must be one of {', '.join(known_ones)}."
        )
    if not settings.openai_base_url and settings.openai_voice not in OPENAI_VOICES:
        found["openai_voice", "openai_base_url"] = (
            f"OPENAI_VOICE is '{settings.openai_voice}'; OpenAI has {', '.join(OPENAI_VOICES)}. "
            "With OPENAI_BASE_URL it may be any."
        )
    given = [name for name in KEYS if getattr(settings, name)]
    for name, other in ((one, two) for place, one in enumerate(given) for two in given[place + 1 :]):
        if getattr(settings, name) == getattr(settings, other):
            found[name, other] = (
                f"{name.upper()} and {other.upper()} are the same; who has the one must not have the other."
            )
    if settings.speech == "openai" and not settings.has_openai_server:
        found["speech", "openai_api_key", "openai_base_url"] = (
            "SPEECH is 'openai'; then OPENAI_API_KEY or OPENAI_BASE_URL must be set."
        )
    for url in settings.webhook_urls:
        if why := why_not(url, may_be_private=settings.webhook_private):
            found["webhook_urls", "webhook_private"] = (
                f"WEBHOOK_URLS has '{without_password(url)}', which {why}; WEBHOOK_PRIVATE=1 lets it be private."
            )
    together = {
        ("livekit_url", "livekit_api_key", "livekit_api_secret"): "LIVEKIT_URL",
        ("daily_domain", "daily_api_key"): "DAILY_DOMAIN",
        ("backend_url", "backend_secret"): "BACKEND_URL",
        ("webhook_urls", "webhook_secret"): "WEBHOOK_URLS",
    }
    for names, first in together.items():
        if settings.livekit_is_embedded and first == "LIVEKIT_URL":
            continue  # what is missing is made
        missing = [name.upper() for name in names if not getattr(settings, name)]
        if missing and len(missing) < len(names):
            found[names] = f"{' and '.join(missing)} must be set as well, or {first} and its key not at all."
    return found


def _personalities(settings: Settings) -> list[str]:
    folders = [PERSONALITIES, *([settings.personalities] if settings.personalities else [])]
    return sorted({path.stem for folder in folders for path in folder.glob("[!.]*.toml")})
