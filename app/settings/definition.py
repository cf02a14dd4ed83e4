"""Every setting: its default, how it is read, what it means; and what follows from several of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from greenroom.app.named_bots import BUILT_IN_BOTS, modules, named_bots
from greenroom.app.settings import parsers
from greenroom.app.settings.parsers import IceServer
from greenroom.app.settings.places import as_seen_from_here, redis_socket_in
from greenroom.app.speech import Part, services

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _setting(
    default: str,
    parse: Callable[[str], Any],
    about: str,
    *,
    unset: object = "",
    shown: Callable[[str], str] = parsers.as_is,
) -> Any:
    """One row of the table.  `unset` is the value of a setting whose default is to have none."""
    value = parse(default) if default else unset
    return field(
        default_factory=lambda: value,
        repr=shown is parsers.as_is,
        metadata={"default": default, "parse": parse, "about": about, "shown": shown},
    )


_port = partial(parsers.whole, low=1, high=65535)

_key = partial(parsers.secret, at_least=16)

# The first choice, then who takes over when it fails, by commas: deepgram,openai or deepgram/nova-2 with its model
_hears, _thinks, _speaks = (
    partial(services, part=part) for part in (Part.HEARING, Part.THINKING, Part.SPEAKING)
)

_signer = partial(parsers.secret, at_least=32)  # whoever holds a signature may guess without asking us


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may choose.  A field's name in capitals is its name in the environment."""

    host: str = _setting("127.0.0.1", parsers.host, "address that the web process listens on")
    port: int = _setting("7077", _port, "port of the web process")
    allowed_hosts: tuple[str, ...] = _setting(
        "",
        parsers.hosts,
        "names that this server is reached by, as in greenroom.example.com,*.example.com; * for any; "
        "addresses and this machine's own names always",
        unset=(),
    )
    allowed_origins: tuple[str, ...] = _setting(
        "",
        parsers.origins,
        "pages that may call from elsewhere, as in https://app.example.com; * for all; unset: on a laptop, "
        "localhost's usual development ports",
        unset=(),
    )
    slots: int = _setting(
        "4", partial(parsers.whole, low=1, high=512), "bots at once on this machine, a process each"
    )
    redis_url: str = _setting(
        "",
        parsers.redis_url,
        "Redis to use; unset: one of our own, kept in VAR_DIR",
        shown=parsers.without_password,
    )
    database_url: str = _setting(
        "",
        parsers.database_url,
        "SQL database to use, as in postgresql://user:password@host/greenroom; unset: SQLite, in VAR_DIR/greenroom.db",
        shown=parsers.without_password,
    )
    backend_url: str = _setting(
        "",
        parsers.web_url,
        "a backend of your own that keeps what was said, in place of the SQL database (docs/backend.md)",
        shown=parsers.without_password,
    )
    backend_secret: str = _setting("", _signer, "signs what it is sent", shown=parsers.hidden)
    var_dir: Path = _setting(
        "var", parsers.folder, "folder of everything that is kept: Redis, conversations, logs, keys"
    )
    api_key: str = _setting(
        "", _key, "key for the API; unset: made once, kept in VAR_DIR/api-key", shown=parsers.hidden
    )
    signing_secret: str = _setting(
        "",
        _signer,
        "signs passes and sessions' tokens; unset: made once, kept in VAR_DIR/signing-secret",
        shown=parsers.hidden,
    )
    bots: Mapping[str, str] = _setting(
        "",
        named_bots,
        "further bots, by commas: path/to/bot.py, a folder, module:function; name=... gives a name",
        unset=BUILT_IN_BOTS,
    )
    tools: tuple[str, ...] = _setting(
        "",
        modules,
        "further tools of models, by commas: path/to/tools.py, a module (docs/tools.md)",
        unset=(),
    )
    default_bot: str = _setting("assistant", parsers.text, "bot of a join that names none")
    default_personality: str = _setting("host", parsers.text, "personality of a join that names none")
    personalities: Path | None = _setting(
        "",
        parsers.existing_folder,
        "folder of personalities of your own, a TOML file each, beside ours (docs/personalities.md)",
        unset=None,
    )
    demo_script: Path | None = _setting(
        "",
        parsers.existing_file,
        "file of answers of your own that the demo gives before its own (docs/personalities.md)",
        unset=None,
    )
    speech: str = _setting(
        "auto", parsers.one_of("auto", "demo", "openai"), "who hears, thinks and speaks: auto, demo or openai"
    )
    hearing: tuple[str, ...] = _setting("", _hears, "services that hear, in place of SPEECH's", unset=())
    thinking: tuple[str, ...] = _setting("", _thinks, "services that think, in the same way", unset=())
    speaking: tuple[str, ...] = _setting("", _speaks, "services that speak, in the same way", unset=())
    openai_api_key: str = _setting(
        "", parsers.text, "key for an OpenAI-compatible server", shown=parsers.hidden
    )
    openai_base_url: str = _setting(
        "",
        parsers.web_url,
        "address of an OpenAI-compatible server; unset: OpenAI's own",
        shown=parsers.without_password,
    )
    openai_model: str = _setting("gpt-4.1", parsers.text, "model that thinks")
    openai_stt_model: str = _setting("gpt-transcribe", parsers.text, "model that hears")
    openai_tts_model: str = _setting("gpt-4o-mini-tts", parsers.text, "model that speaks")
    openai_voice: str = _setting("alloy", parsers.text, "voice of a personality that names none")
    keep_days: int = _setting(
        "0",
        partial(parsers.whole, low=0, high=36500),
        "days that conversations, notes and sessions are kept in the database; 0: until somebody erases them",
    )
    session_persistence: timedelta = _setting(
        "300", partial(parsers.seconds, low=0), "seconds a bot waits in an empty room"
    )
    max_duration: timedelta = _setting("3600", partial(parsers.seconds, low=1), "seconds a session may last")
    silence: timedelta = _setting(
        "300",
        partial(parsers.seconds, low=0),
        "seconds in which people who are there say nothing, until the bot asks; the same again, and its session ends; "
        "0: never",
    )
    app_events: tuple[str, ...] = _setting(
        "",
        parsers.event_types,
        "what people do in your app of which its client may tell the bot's model, by commas: page_opened,item_bought",
        unset=(),
    )
    fresh_rooms: tuple[str, ...] = _setting(
        "",
        parsers.some_of("livekit", "daily", "local"),
        "providers of rooms that nobody names, as in livekit,local: the next where one is away; "
        "unset: those that are set up, in the order livekit, daily, local",
        unset=(),
    )
    voice_sessions: bool = _setting(
        "1", parsers.switch, "0: nobody gets a voice session any more; those that are on go on"
    )
    voice_assistants_share: int = _setting(
        "100",
        partial(parsers.whole, low=0, high=100),
        "percent of the assistants that have voice sessions; which ones stays the same while it grows",
    )
    voice_fallback: str = _setting(
        "previous",
        parsers.text,
        "what a caller is told to do who gets no voice session: a word that your app knows",
    )
    voice_notice: str = _setting("", parsers.text, "words for people, in each answer of POST /voice/room")
    ice_servers: tuple[IceServer, ...] = _setting(
        "",
        parsers.ice_servers,
        "STUN and TURN servers: URLs, or a JSON list",
        unset=(),
        shown=parsers.without_credentials,
    )
    livekit: bool = _setting(
        "",
        parsers.switch,
        "1: a LiveKit server of our own beside the rest, unless LIVEKIT_URL is set",
        unset=False,
    )
    livekit_port: int = _setting(
        "7880",
        partial(parsers.whole, low=1, high=65533),
        "port of our own LiveKit server; media has the next two",
    )
    livekit_url: str = _setting(
        "", parsers.livekit_url, "LiveKit server whose rooms our bots may join, as its clients reach it"
    )
    livekit_api_key: str = _setting("", parsers.text, "its API key")
    livekit_api_secret: str = _setting("", parsers.text, "its API secret", shown=parsers.hidden)
    daily_domain: str = _setting(
        "", parsers.daily_domain, "Daily domain whose rooms our bots may join, as in acme"
    )
    daily_api_key: str = _setting("", parsers.text, "its API key", shown=parsers.hidden)
    daily_webhook_secret: str = _setting(
        "", parsers.base64_text, "the HMAC secret of its webhook", shown=parsers.hidden
    )
    daily_api_url: str = _setting("https://api.daily.co/v1", parsers.web_url, "address of Daily's API")
    log_format: str = _setting(
        "auto",
        parsers.one_of("auto", "json", "console"),
        "auto (readable on a terminal, else JSON), json or console",
    )
    log_level: str = _setting("INFO", parsers.one_of(*LOG_LEVELS), "least important line that is logged")
    flower_host: str = _setting(
        "127.0.0.1", parsers.host, "address that Flower listens on; its /metrics has no password"
    )
    flower_port: int = _setting("7078", _port, "port of Flower")
    flower_password: str = _setting(
        "",
        _key,
        "password of Flower's user greenroom; unset: made once, kept in VAR_DIR/flower-password",
        shown=parsers.hidden,
    )
    flower_control: bool = _setting(
        "0", parsers.switch, "1: Flower may also change what runs: stop workers, revoke and send tasks"
    )
    events_host: str = _setting(
        "127.0.0.1",
        parsers.host,
        "address that the events process listens on; the web process passes streams on to it",
    )
    events_port: int = _setting("7079", _port, "its port")
    events_url: str = _setting(
        "", parsers.web_url, "where the web process finds it; unset: on this machine, at EVENTS_PORT"
    )
    webhook_urls: tuple[str, ...] = _setting(
        "", parsers.web_urls, "who is sent events as they happen, by commas (docs/events.md)", unset=()
    )
    webhook_secret: str = _setting(
        "", parsers.webhook_secret, "signs what they are sent", shown=parsers.hidden
    )
    webhook_private: bool = _setting(
        "0", parsers.switch, "1: they may be at private addresses, and without TLS"
    )
    web_workers: int = _setting("2", partial(parsers.whole, low=1, high=64), "processes that answer HTTP")
    web_threads: int = _setting(
        "64", partial(parsers.whole, low=16, high=512), "requests at once in each of them"
    )

    def __post_init__(self) -> None:
        if not self.redis_url:
            object.__setattr__(self, "redis_url", f"unix://{redis_socket_in(self.var_dir)}")
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{self.var_dir / 'greenroom.db'}")
        if not self.events_url:
            where = f"http://{as_seen_from_here(self.events_host)}:{self.events_port}"
            object.__setattr__(self, "events_url", where)
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
        return parsers.without_password(self.redis_url)

    @property
    def redis_socket(self) -> Path:
        """Where the embedded Redis listens."""
        return redis_socket_in(self.var_dir)

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
        return f"http://{as_seen_from_here(self.host)}:{self.port}"

    @property
    def flower_address(self) -> str:
        """Where a browser on this machine finds Flower."""
        return f"http://{as_seen_from_here(self.flower_host)}:{self.flower_port}"
