"""How a setting is read, and how it is shown to people.

A parser never gets an empty value; what it raises is the second half of "NAME is 'value'; it must be ...".
"""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

# What is left of a key without these must still be hard to guess.
TRIED_FIRST = re.compile(
    "changeme|change|replace|password|passw0rd|passwd|secret|default|example|admin|greenroom|letmein|qwerty|apikey"
)
FEWEST_CHARACTERS = 6  # different ones in a key
LEFT_OF_A_KEY = 8  # characters


@dataclass(frozen=True)
class IceServer:
    """A STUN or TURN server, as a browser's RTCPeerConnection takes it."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


def text(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable text on one line")
    return value


def switch(value: str) -> bool:
    try:
        return {"1": True, "on": True, "0": False, "off": False}[value.lower()]
    except KeyError:
        raise ValueError("must be 1 or 0") from None


def host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:%-]+", value, re.ASCII):
        raise ValueError("must be a host name or an address, as in 127.0.0.1, without scheme or port")
    return value


def hosts(value: str) -> tuple[str, ...]:
    hosts = tuple(filter(None, (host.strip().lower() for host in value.split(","))))
    for host in hosts:
        if not re.fullmatch(r"\*|(\*\.)?[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?", host, re.ASCII):
            raise ValueError(
                "must be names as in greenroom.example.com or *.example.com, without scheme or port"
            )
    return hosts


def origins(value: str) -> tuple[str, ...]:
    origins = tuple(filter(None, map(str.strip, value.split(","))))
    for origin in origins:
        if not re.fullmatch(r"\*|https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?", origin, re.ASCII):
            raise ValueError(
                "must be origins as in https://app.example.com or http://localhost:5173, in small letters, "
                "without a path, separated by commas"
            )
    return origins


def whole(value: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value, re.ASCII) or not low <= int(value) <= high:
        raise ValueError(f"must be a whole number from {low} to {high}")
    return int(value)


def seconds(value: str, low: int) -> timedelta:
    return timedelta(seconds=whole(value, low, 30 * 86400))


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        for choice in choices:
            if value.lower() == choice.lower():
                return choice
        raise ValueError(f"must be one of {', '.join(choices)}")

    return parse


def some_of(*choices: str) -> Callable[[str], tuple[str, ...]]:
    def parse(value: str) -> tuple[str, ...]:
        chosen = tuple(filter(None, (each.strip().lower() for each in value.split(","))))
        if not set(chosen) <= set(choices) or len(set(chosen)) < len(chosen):
            raise ValueError(f"must be some of {', '.join(choices)}, each once, separated by commas")
        return chosen

    return parse


def event_types(value: str) -> tuple[str, ...]:
    types = tuple(filter(None, (each.strip() for each in value.split(","))))
    if not all(re.fullmatch(r"[a-z][a-z0-9_.-]{0,63}", each, re.ASCII) for each in types):
        raise ValueError("must be names as in page_opened, separated by commas")
    return types


def folder(value: str) -> Path:
    folder = Path(value).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise ValueError("must be a folder, and is a file")
    return folder


def existing_folder(value: str) -> Path:
    found = folder(value)
    if not found.is_dir():
        raise ValueError("must be a folder, and is not there")
    return found


def existing_file(value: str) -> Path:
    found = Path(value).expanduser().absolute()
    if not found.is_file():
        raise ValueError("must be a file, and is none that is there")
    return found


def web_url(value: str) -> str:
    if not _is_url(value, {"http", "https"}):
        raise ValueError("must be an address that starts with http:// or https://")
    return value.rstrip("/")


def web_urls(value: str) -> tuple[str, ...]:
    return tuple(web_url(url) for url in filter(None, map(str.strip, value.split(","))))


def webhook_secret(value: str) -> str:
    """One of ours, or as standard-webhooks has it: whsec_ and base64."""
    if not value.startswith("whsec_"):
        return secret(value, at_least=32)
    try:
        key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ and 24 to 64 bytes as base64")
    return value


def livekit_url(value: str) -> str:
    url = value.rstrip("/")
    if not re.fullmatch(r"wss?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?", url, re.ASCII):
        raise ValueError("must be as in wss://livekit.example.com or ws://127.0.0.1:7880, in small letters")
    return url


def daily_domain(value: str) -> str:
    """The name before .daily.co, or a whole host."""
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", value, re.ASCII):
        raise ValueError("must be the name before .daily.co, as in acme, in small letters")
    return value if "." in value else f"{value}.daily.co"


def base64_text(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        raise ValueError("must be base64, as Daily said it when the webhook was made") from None
    return value


def redis_url(value: str) -> str:
    if _is_url(value, {"redis", "rediss"}) or (
        value.startswith("unix://") and urlsplit(value).path.startswith("/")
    ):
        return value
    raise ValueError("must be as in redis://host:6379/0, rediss://host:6379/0 or unix:///path/to/redis.sock")


def database_url(value: str) -> str:
    is_postgresql = _is_url(value, {"postgresql", "postgres"}) and len(urlsplit(value).path) > 1
    if is_postgresql or (value.startswith("sqlite:////") and value.isprintable()):
        return value
    raise ValueError(
        "must be as in postgresql://user:password@host:5432/greenroom or sqlite:////path/to/greenroom.db"
    )


def _is_url(value: str, schemes: set[str]) -> bool:
    try:
        url = urlsplit(value)
        return url.scheme in schemes and bool(url.hostname) and url.port != 0 and value.isprintable()
    except ValueError:  # a port that is none
        return False


def secret(value: str, at_least: int) -> str:
    """A secret that nobody can guess, made of what goes into headers and links as it is."""
    if not re.fullmatch(rf"[A-Za-z0-9._~-]{{{at_least},256}}", value, re.ASCII):
        raise ValueError(f"must be {at_least} to 256 letters, digits, dots, dashes, underscores or tildes")
    if why := _why_guessable(value):
        raise ValueError(f"must be hard to guess, and {why}; `openssl rand -hex 32` prints a good one")
    return value


def _why_guessable(value: str) -> str | None:
    plain = re.sub(r"[^a-z0-9]", "", value.lower())
    if len(set(plain)) < FEWEST_CHARACTERS:
        return f"has only {len(set(plain))} different letters and digits"
    if any(plain[period:] == plain[:-period] for period in range(1, len(plain) // 2 + 1)):
        return "repeats itself"
    steps = [abs(ord(one) - ord(next_one)) for one, next_one in pairwise(plain)]
    if sum(step <= 1 for step in steps) > len(steps) * 2 / 3:
        return "counts letters or digits"
    if len(TRIED_FIRST.sub("", plain)) < LEFT_OF_A_KEY:
        return "is made of words that are tried first"
    return None


def ice_servers(value: str) -> tuple[IceServer, ...]:
    """URLs separated by commas, or the JSON list that a browser takes."""
    try:
        if value.startswith("["):
            return tuple(_ice_server(**entry) for entry in json.loads(value))
        return tuple(_ice_server(url) for url in filter(None, map(str.strip, value.split(","))))
    except (TypeError, ValueError):
        raise ValueError(
            "must be URLs as in stun:host:3478, separated by commas, or with credentials a JSON list as in "
            '[{"urls": "turn:host:3478", "username": "...", "credential": "..."}]'
        ) from None


def _ice_server(
    urls: str | list[str], username: str | None = None, credential: str | None = None
) -> IceServer:
    several = (urls,) if isinstance(urls, str) else tuple(urls)
    if not several or not all(re.fullmatch(r"(stuns?|turns?):[^\s/@,]+", url) for url in several):
        raise ValueError
    return IceServer(several, username, credential)


# How a value is shown to people.


def as_is(value: str) -> str:
    return value


def hidden(value: str) -> str:
    return "********" if value else ""


def without_credentials(value: str) -> str:
    return hidden(value) if value.startswith("[") else value


def without_password(value: str) -> str:
    return re.sub(r"(?<=//)[^/]*@", "********@", re.sub(r"(?<=password=)[^&]*", "********", value))
