"""The environment as one frozen object; all that is wrong with it, said at once.

The Settings class is the table of every setting, with its default and meaning.
Nothing else reads the environment, and nothing here is imported that would slow
a process's start.
"""

import base64
import fcntl
import hashlib
import json
import logging
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from greenroom.app.errors import GreenroomError
from greenroom.app.named_bots import BUILT_IN_BOTS, named_bots

DOTENV = Path(".env")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LONGEST_SOCKET_PATH = 100  # bytes: the kernel's limit is 104 on macOS, 108 on Linux, its final zero included
PERSONALITIES = (
    Path(__file__).parent.parent / "bots" / "personalities"
)  # looked at, since importing is for bots

API_KEY, SIGNING_SECRET, FLOWER_PASSWORD = "api_key", "signing_secret", "flower_password"
KEYS = (
    API_KEY,
    SIGNING_SECRET,
    FLOWER_PASSWORD,
)  # that are ours to make; a process loads those that it needs
OTHERS_MAY_READ = 0o077  # bits of a file's mode that let anybody but its owner at it
STRANGERS_MAY_READ = 0o027  # the same of a file that is lent to us, as to its group

# What is left of a key without these must still be hard to guess.
TRIED_FIRST = re.compile(
    "changeme|change|replace|password|passw0rd|passwd|secret|default|example|admin|greenroom|letmein|qwerty|apikey"
)
FEWEST_CHARACTERS = 6  # different ones in a key
LEFT_OF_A_KEY = 8  # characters

# Voices of OpenAI's own server; another server has its own, which nobody can tell before it is asked.
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip

COMMON_NAMES = 4  # letters: a name this short has neighbours in anybody's environment, as HOST has HOSTS
LONG_NAME = 8  # letters: in such a name two typos are as clear as one


class SettingsError(GreenroomError):
    """The settings do not work as they are."""

    kind = "settings"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class IceServer:
    """A STUN or TURN server, as a browser's RTCPeerConnection takes it."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


# A parser never gets an empty value; what it raises is the second half of "NAME is 'value'; it must be ...".


def _text(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable text on one line")
    return value


def _switch(value: str) -> bool:
    try:
        return {"1": True, "on": True, "0": False, "off": False}[value.lower()]
    except KeyError:
        raise ValueError("must be 1 or 0") from None


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:%-]+", value, re.ASCII):
        raise ValueError("must be a host name or an address, as in 127.0.0.1, without scheme or port")
    return value


def _hosts(value: str) -> tuple[str, ...]:
    hosts = tuple(filter(None, (host.strip().lower() for host in value.split(","))))
    for host in hosts:
        if not re.fullmatch(r"\*|(\*\.)?[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?", host, re.ASCII):
            raise ValueError(
                "must be names as in greenroom.example.com or *.example.com, without scheme or port"
            )
    return hosts


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(filter(None, map(str.strip, value.split(","))))
    for origin in origins:
        if not re.fullmatch(r"\*|https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?", origin, re.ASCII):
            raise ValueError(
                "must be origins as in https://app.example.com or http://localhost:5173, in small letters, "
                "without a path, separated by commas"
            )
    return origins


def _whole(value: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value, re.ASCII) or not low <= int(value) <= high:
        raise ValueError(f"must be a whole number from {low} to {high}")
    return int(value)


def _seconds(value: str, low: int) -> timedelta:
    return timedelta(seconds=_whole(value, low, 30 * 86400))


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        for choice in choices:
            if value.lower() == choice.lower():
                return choice
        raise ValueError(f"must be one of {', '.join(choices)}")

    return parse


def _folder(value: str) -> Path:
    folder = Path(value).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise ValueError("must be a folder, and is a file")
    return folder


def _web_url(value: str) -> str:
    if not _is_url(value, {"http", "https"}):
        raise ValueError("must be an address that starts with http:// or https://")
    return value.rstrip("/")


def _livekit_url(value: str) -> str:
    url = value.rstrip("/")
    if not re.fullmatch(r"wss?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?", url, re.ASCII):
        raise ValueError("must be as in wss://livekit.example.com or ws://127.0.0.1:7880, in small letters")
    return url


def _daily_domain(value: str) -> str:
    """The name before .daily.co, or a whole host."""
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", value, re.ASCII):
        raise ValueError("must be the name before .daily.co, as in acme, in small letters")
    return value if "." in value else f"{value}.daily.co"


def _base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        raise ValueError("must be base64, as Daily said it when the webhook was made") from None
    return value


def _redis_url(value: str) -> str:
    if _is_url(value, {"redis", "rediss"}) or (
        value.startswith("unix://") and urlsplit(value).path.startswith("/")
    ):
        return value
    raise ValueError("must be as in redis://host:6379/0, rediss://host:6379/0 or unix:///path/to/redis.sock")


def _is_url(value: str, schemes: set[str]) -> bool:
    try:
        url = urlsplit(value)
        return url.scheme in schemes and bool(url.hostname) and url.port != 0 and value.isprintable()
    except ValueError:  # a port that is none
        return False


def _secret(value: str, at_least: int) -> str:
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


def _ice_servers(value: str) -> tuple[IceServer, ...]:
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


def _as_is(value: str) -> str:
    return value


def _hidden(value: str) -> str:
    return "********" if value else ""


def _without_credentials(value: str) -> str:
    return _hidden(value) if value.startswith("[") else value


def _without_password(value: str) -> str:
    return re.sub(r"(?<=//)[^/]*@", "********@", re.sub(r"(?<=password=)[^&]*", "********", value))


def _setting(
    default: str,
    parse: Callable[[str], Any],
    about: str,
    *,
    unset: object = "",
    shown: Callable[[str], str] = _as_is,
) -> Any:
    """One row of the table.  `unset` is the value of a setting whose default is to have none."""
    value = parse(default) if default else unset
    return field(
        default_factory=lambda: value,
        repr=shown is _as_is,
        metadata={"default": default, "parse": parse, "about": about, "shown": shown},
    )


_port = partial(_whole, low=1, high=65535)
_key = partial(_secret, at_least=16)
_signer = partial(_secret, at_least=32)  # whoever holds a signature may guess without asking us


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may choose.  A field's name in capitals is its name in the environment."""

    host: str = _setting("127.0.0.1", _host, "address that the web process listens on")
    port: int = _setting("7077", _port, "port of the web process")
    allowed_hosts: tuple[str, ...] = _setting(
        "",
        _hosts,
        "names that this server is reached by, as in greenroom.example.com,*.example.com; * for any; "
        "addresses and this machine's own names always",
        unset=(),
    )
    allowed_origins: tuple[str, ...] = _setting(
        "",
        _origins,
        "pages that may call from elsewhere, as in https://app.example.com; * for all; unset: on a laptop, "
        "localhost's usual development ports",
        unset=(),
    )
    slots: int = _setting(
        "4", partial(_whole, low=1, high=512), "bots at once on this machine, a process each"
    )
    redis_url: str = _setting(
        "", _redis_url, "Redis to use; unset: one of our own, kept in VAR_DIR", shown=_without_password
    )
    var_dir: Path = _setting("var", _folder, "folder of everything that is kept: Redis, logs, keys")
    api_key: str = _setting(
        "", _key, "key for the API; unset: made once, kept in VAR_DIR/api-key", shown=_hidden
    )
    signing_secret: str = _setting(
        "",
        _signer,
        "signs passes and sessions' tokens; unset: made once, kept in VAR_DIR/signing-secret",
        shown=_hidden,
    )
    bots: Mapping[str, str] = _setting(
        "",
        named_bots,
        "further bots, by commas: path/to/bot.py, a folder, module:function; name=... gives a name",
        unset=BUILT_IN_BOTS,
    )
    default_bot: str = _setting("assistant", _text, "bot of a join that names none")
    default_personality: str = _setting("host", _text, "personality of a join that names none")
    speech: str = _setting(
        "auto", _one_of("auto", "demo", "openai"), "who hears, thinks and speaks: auto, demo or openai"
    )
    openai_api_key: str = _setting("", _text, "key for an OpenAI-compatible server", shown=_hidden)
    openai_base_url: str = _setting(
        "", _web_url, "address of an OpenAI-compatible server; unset: OpenAI's own", shown=_without_password
    )
    openai_model: str = _setting("gpt-4.1", _text, "model that thinks")
    openai_stt_model: str = _setting("gpt-transcribe", _text, "model that hears")
    openai_tts_model: str = _setting("gpt-4o-mini-tts", _text, "model that speaks")
    openai_voice: str = _setting("alloy", _text, "voice of a personality that names none")
    session_persistence: timedelta = _setting(
        "300", partial(_seconds, low=0), "seconds a bot waits in an empty room"
    )
    max_duration: timedelta = _setting("3600", partial(_seconds, low=1), "seconds a session may last")
    ice_servers: tuple[IceServer, ...] = _setting(
        "", _ice_servers, "STUN and TURN servers: URLs, or a JSON list", unset=(), shown=_without_credentials
    )
    livekit: bool = _setting(
        "", _switch, "1: a LiveKit server of our own beside the rest, unless LIVEKIT_URL is set", unset=False
    )
    livekit_port: int = _setting(
        "7880", partial(_whole, low=1, high=65533), "port of our own LiveKit server; media has the next two"
    )
    livekit_url: str = _setting(
        "", _livekit_url, "LiveKit server whose rooms our bots may join, as its clients reach it"
    )
    livekit_api_key: str = _setting("", _text, "its API key")
    livekit_api_secret: str = _setting("", _text, "its API secret", shown=_hidden)
    daily_domain: str = _setting("", _daily_domain, "Daily domain whose rooms our bots may join, as in acme")
    daily_api_key: str = _setting("", _text, "its API key", shown=_hidden)
    daily_webhook_secret: str = _setting("", _base64, "the HMAC secret of its webhook", shown=_hidden)
    daily_api_url: str = _setting("https://api.daily.co/v1", _web_url, "address of Daily's API")
    log_format: str = _setting(
        "auto",
        _one_of("auto", "json", "console"),
        "auto (readable on a terminal, else JSON), json or console",
    )
    log_level: str = _setting("INFO", _one_of(*LOG_LEVELS), "least important line that is logged")
    flower_host: str = _setting(
        "127.0.0.1", _host, "address that Flower listens on; its /metrics has no password"
    )
    flower_port: int = _setting("7078", _port, "port of Flower")
    flower_password: str = _setting(
        "",
        _key,
        "password of Flower's user greenroom; unset: made once, kept in VAR_DIR/flower-password",
        shown=_hidden,
    )
    flower_control: bool = _setting(
        "0", _switch, "1: Flower may also change what runs: stop workers, revoke and send tasks"
    )
    web_workers: int = _setting("2", partial(_whole, low=1, high=64), "processes that answer HTTP")
    web_threads: int = _setting("64", partial(_whole, low=16, high=512), "requests at once in each of them")

    def __post_init__(self) -> None:
        if not self.redis_url:
            object.__setattr__(self, "redis_url", f"unix://{_socket(self.var_dir)}")
        if self.livekit and not self.livekit_url:
            object.__setattr__(self, "livekit_url", f"ws://127.0.0.1:{self.livekit_port}")
            object.__setattr__(self, "livekit_api_key", self.livekit_api_key or "greenroom")

    @property
    def redis_is_embedded(self) -> bool:
        """Whether the Redis that is used is the one that we start."""
        return self.redis_url == f"unix://{self.redis_socket}"

    @property
    def is_on_this_machine_alone(self) -> bool:
        """Whether nobody reaches the web process from elsewhere, unless somebody passes it on."""
        return self.host in {"127.0.0.1", "::1", "localhost"}

    @property
    def livekit_is_embedded(self) -> bool:
        """Whether the LiveKit server that is used is the one that we start."""
        return self.livekit and self.livekit_url == f"ws://127.0.0.1:{self.livekit_port}"

    @property
    def redis_address(self) -> str:
        """Where it is, for people: without credentials."""
        return _without_password(self.redis_url)

    @property
    def redis_socket(self) -> Path:
        """Where the embedded Redis listens."""
        return _socket(self.var_dir)

    @property
    def broker_url(self) -> str:
        """The same Redis, spelled as Celery wants it."""
        url = urlsplit(self.redis_url)
        if url.scheme != "unix":
            return self.redis_url
        given = {key: values[-1] for key, values in parse_qs(url.query).items()}
        login = (
            quote(given.pop("username", ""), safe="") + ":" + quote(given.pop("password", ""), safe="") + "@"
        )
        netloc = url.netloc or ("" if login == ":@" else login)
        query = urlencode({"virtual_host": given.pop("db", "0"), **given})
        return f"redis+socket://{netloc}{url.path}?{query}"

    @property
    def thinks_with_openai(self) -> bool:
        """Whether `openai` speech is meant: named, or understood from there being a server or a key."""
        return self.speech == "openai" or (self.speech == "auto" and self.has_openai_server)

    @property
    def has_openai_server(self) -> bool:
        """Whether there is a key, or a server of one's own that may need none."""
        return bool(self.openai_api_key or self.openai_base_url)

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the web process."""
        return f"http://{_as_seen_from_here(self.host)}:{self.port}"

    @property
    def flower_address(self) -> str:
        """Where a browser on this machine finds Flower."""
        return f"http://{_as_seen_from_here(self.flower_host)}:{self.flower_port}"


def environment() -> dict[str, str]:
    """What every process of ours is started with: the real environment, and under it `.env`."""
    return {**_dotenv(), **os.environ}


def load(environ: Mapping[str, str] | None = None, keys: Collection[str] = ()) -> Settings:
    """The settings, with those of our own `keys` that the caller needs, and no others: each is made if there is none.

    Raises SettingsError, which names every problem.
    """
    settings = read(environ)
    found: dict[str, Any] = {name: "" for name in KEYS if name not in keys}
    for name, path in _kept_in(settings, keys).items():
        if not getattr(settings, name):
            found[name] = _checked(name, path, _kept_key(path, settings))
    return replace(settings, **found)


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings as they stand, without making anything.

    Raises SettingsError, which names every problem.
    """
    misnamed = _misnamed(_dotenv(), os.environ) if environ is None else _misnamed({}, environ)
    environ = environment() if environ is None else environ
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for row in fields(Settings):
        given = _given(row, environ)
        if not given:
            continue
        try:
            values[row.name] = row.metadata["parse"](given)
        except ValueError as problem:
            problems[row.name] = f"{row.name.upper()} is '{row.metadata['shown'](given)}'; it {problem}."
    for names, problem_between in _disagreements(Settings(**values)).items():
        if not problems.keys() & set(names):
            problems[" ".join(names)] = problem_between
    if problems or misnamed:
        raise SettingsError([*problems.values(), *misnamed])
    return Settings(**values)


def read_with_keys(environ: Mapping[str, str] | None = None) -> Settings:
    """The same, with the keys that were made before, as far as this user may read them."""
    settings = read(environ)
    found: dict[str, Any] = {}
    for name, path in _kept_in(settings, KEYS).items():
        if not getattr(settings, name) and os.access(path, os.R_OK):
            found[name] = path.read_text("ascii").strip()
    return replace(settings, **found)


def shareable(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that were given, as they were given; without those that hold a secret."""
    return {
        row.name.upper(): given
        for row in fields(Settings)
        if (given := _given(row, environ)) and row.metadata["shown"](given) == given
    }


def table(environ: Mapping[str, str] | None = None) -> list[tuple[str, str, str, str]]:
    """Every setting for people: name, value, where the value is from, what it means.  Secrets are masked."""
    dotenv = _dotenv() if environ is None else {}
    environ = os.environ if environ is None else environ
    rows = []
    for row in fields(Settings):
        value, origin = row.metadata["default"], "default"
        if given := _given(row, dotenv):
            value, origin = row.metadata["shown"](given), str(DOTENV)
        if given := _given(row, environ):
            value, origin = row.metadata["shown"](given), "environment"
        rows.append((row.name.upper(), value, origin, row.metadata["about"]))
    return rows


def _given(row: "Field[Any]", environ: Mapping[str, str]) -> str:
    return environ.get(row.name.upper(), "").strip()


def _dotenv() -> dict[str, str]:
    if not DOTENV.is_file():
        return {}
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(DOTENV).items() if value is not None}


def _misnamed(dotenv: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """What is wrong with names that are nearly ours.  All others are somebody else's: a bot's, or the machine's.

    So is one in the environment beside the right name, as where a platform gives both REDIS_URL and REDIS_URI.
    """
    return [
        f"{name}{where} is no setting; {meant} is: was that meant?"
        for names, where, shortest in ((dotenv, f" in {DOTENV}", 1), (environ, "", COMMON_NAMES + 1))
        for name in names
        if (meant := _meant(name, shortest)) and (names is dotenv or meant not in environ)
    ]


def _meant(name: str, shortest: int) -> str | None:
    """The setting, of so many letters at least, that somebody who wrote this must have had in mind."""
    ours = [row.name.upper() for row in fields(Settings)]
    if name in ours:
        return None
    spelled = name.upper().replace("-", "_")
    for setting in ours:
        if spelled.removeprefix("GREENROOM_") == setting and (spelled != setting or len(setting) >= shortest):
            return setting
        if len(setting) >= shortest and _differ_by(spelled, setting) <= 1 + (len(setting) >= LONG_NAME):
            return setting
    return None


def _differ_by(one: str, other: str) -> int:
    """How many letters were left out, added, changed or swapped with the next; 3 for all that is more than two."""
    if abs(len(one) - len(other)) > 2 or len(set(one) ^ set(other)) > 4:
        return 3
    before: list[int] = []
    row: list[int] = [*range(len(other) + 1)]
    for i, here in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, there in enumerate(other, 1):
            costs = [before[j] + 1, row[j - 1] + 1, before[j - 1] + (here != there)]
            if i > 1 and j > 1 and here == other[j - 2] and one[i - 2] == there:
                costs.append(last[j - 2] + 1)
            row.append(min(costs))
    return min(3, row[-1])


def _disagreements(settings: Settings) -> dict[tuple[str, ...], str]:
    """What is wrong between settings that are each right alone, by the settings that it is between."""
    found: dict[tuple[str, ...], str] = {}
    if settings.port == settings.flower_port:
        found["port", "flower_port"] = f"PORT and FLOWER_PORT are both {settings.port}; they must differ."
    for name in ("port", "flower_port"):
        port, low, high = getattr(settings, name), settings.livekit_port, settings.livekit_port + 2
        if settings.livekit_is_embedded and low <= port <= high:
            found[name, "livekit_port"] = (
                f"{name.upper()} is {port}, and LIVEKIT_PORT takes {low} to {high}; they must differ."
            )
    if settings.default_bot not in settings.bots:
        known = ", ".join(settings.bots)
        found["default_bot", "bots"] = (
            f"DEFAULT_BOT is '{settings.default_bot}'; it must be one of {known}, or be named in BOTS."
        )
    if settings.default_personality not in (known_ones := _personalities()):
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
    together = {
        ("livekit_url", "livekit_api_key", "livekit_api_secret"): "LIVEKIT_URL",
        ("daily_domain", "daily_api_key"): "DAILY_DOMAIN",
    }
    for names, first in together.items():
        if settings.livekit_is_embedded and first == "LIVEKIT_URL":
            continue  # what is missing is made
        missing = [name.upper() for name in names if not getattr(settings, name)]
        if missing and len(missing) < len(names):
            found[names] = f"{' and '.join(missing)} must be set as well, or {first} and its key not at all."
    return found


def _as_seen_from_here(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _socket(var_dir: Path) -> Path:
    socket = var_dir.absolute() / "redis" / "redis.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH:
        return socket
    name = hashlib.sha256(os.fsencode(socket)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"greenroom-{os.getuid()}-{name}" / "redis.sock"


def _personalities() -> list[str]:
    return sorted(path.stem for path in PERSONALITIES.glob("*.toml"))


def _kept_in(settings: Settings, keys: Collection[str]) -> dict[str, Path]:
    """Where those of our own keys are; a LiveKit server of our own has one that all processes need."""
    kept = {name: settings.var_dir / name.replace("_", "-") for name in KEYS if name in keys}
    if settings.livekit_is_embedded:
        kept["livekit_api_secret"] = settings.var_dir / "livekit" / "secret"
    return kept


def _checked(name: str, path: Path, key: str) -> str:
    """The key that was found there.  Raises SettingsError for one that would be refused as a setting."""
    (row,) = (row for row in fields(Settings) if row.name == name)
    try:
        return str(row.metadata["parse"](key))
    except ValueError as problem:
        raise SettingsError(
            [f"What is kept in {path} {problem}. Remove that file, and a new one is made at the next start."]
        ) from None


def _kept_key(path: Path, settings: Settings) -> str:
    """The key that is kept there, made if there is none; of two processes at once, one makes it for both.

    Raises SettingsError where it cannot be kept, or others could read it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_uid != os.geteuid():
            return _lent_key(path)
        if path.exists() and not os.access(path, os.W_OK):  # nothing that we could make; but it can be read
            return path.read_text("ascii").strip()
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _make_private(file.fileno(), path)
            if kept := file.read().strip():
                return kept
            key = secrets.token_urlsafe(32)
            file.write(key + "\n")
            return key
    except OSError as error:
        raise SettingsError(
            [f"VAR_DIR is '{settings.var_dir}', where nothing can be kept: {error.strerror}."]
        ) from error


def _make_private(file: int, path: Path) -> None:
    """Of a secret that is ours, take away what lets others read or change it, and say so."""
    mode = stat.S_IMODE(os.fstat(file).st_mode)
    if mode & OTHERS_MAY_READ:
        os.fchmod(file, mode & ~OTHERS_MAY_READ)
        logging.getLogger(__name__).warning(
            "%s was open to others on this machine (mode %04o), and is its owner's alone now. "
            "If one of them may have read it: remove it, and a new one is made at the next start.",
            path,
            mode,
        )


def _lent_key(path: Path) -> str:
    """Kept by somebody else, as for all of a group; only its keeper can say who may read it."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & STRANGERS_MAY_READ:
        raise SettingsError(
            [
                f"{path} is open to everybody on this machine (mode {mode:04o}); its owner must say: chmod 0640 {path}"
            ]
        )
    return path.read_text("ascii").strip()
