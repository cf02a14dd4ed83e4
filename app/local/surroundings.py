"""Which environment variables each process gets: those it needs, and no secret that it does not need.

Our own processes get a list.  The bots' process runs programs of others, whose
keys have names that nobody here knows: it gets everything but the secrets of ours
that are no business of a bot's.  So does a line that somebody added to the Procfile.
"""

import re
from collections.abc import Mapping
from dataclasses import fields

from greenroom.app import settings as app_settings
from greenroom.app.settings import Settings
from greenroom.app.speech.choosing import kind_of

BOTS = "bots"
OURS = frozenset({"redis", "migrate", "web", "control", "beat", "events", "flower", "livekit"})
SETTINGS = frozenset(row.name.upper() for row in fields(Settings))

# Where programs, certificates and proxies are, what language is spoken, and what one sets to look into Python.
OF_THE_MACHINE = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|PWD|TMPDIR|TMP|TEMP|TZ|TERM|NO_COLOR|LANG|LANGUAGE|LC_\w+|XDG_\w+"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?:HTTP|HTTPS|ALL|NO)_PROXY"
    r"|VIRTUAL_ENV|PYTHON\w+|NUMBA_\w+|OMP_NUM_THREADS|LD_LIBRARY_PATH|LD_PRELOAD|DYLD_\w+|MALLOC_\w+|OTEL_\w+",
    re.IGNORECASE,
)

# Settings that are, or stand beside, a secret, and who needs them; what has no line here is for everybody.  A secret
# goes with its companions, since half of them would be refused.
NEEDED_BY: Mapping[str, frozenset[str]] = {
    "API_KEY|SIGNING_SECRET": frozenset({"web", "events"}),
    "DAILY_WEBHOOK_SECRET": frozenset({"web"}),
    "FRESH_ROOMS|VOICE_.*": frozenset({"web"}),
    "FLOWER_PASSWORD": frozenset({"flower"}),
    "WEBHOOK_(URLS|SECRET)": frozenset({"events"}),
    "BACKEND_(URL|SECRET)": frozenset({"web", "control", BOTS}),
    "DATABASE_URL": frozenset({"migrate", "web", "control", BOTS}),
    "LIVEKIT_(URL|API_KEY|API_SECRET)": frozenset({"web", "control", BOTS, "livekit"}),
    "DAILY_(DOMAIN|API_KEY)": frozenset({"web", "control", BOTS}),
    "THINKING|SPEAKING": frozenset({"web", "control", BOTS}),
    "SPEECH|HEARING|OPENAI_.*": frozenset({"control", BOTS}),  # it has summaries written
}

WHO_IS_MEANT = ("SPEECH", "OPENAI_API_KEY", "OPENAI_BASE_URL")


def environment_of(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for the process of that name in the Procfile.

    A setting that it does not get is empty there: left out, it would be found in `.env`, and its companions not.
    """
    role = name if name in OURS else BOTS
    given = {
        variable: value if is_for_it else ""
        for variable, value in environ.items()
        if (is_for_it := _is_for(role, variable)) or variable in SETTINGS
    }
    return {**given, **_who_is_meant(environ)} if role == "web" else given


def _who_is_meant(environ: Mapping[str, str]) -> dict[str, str]:
    """Who thinks and speaks where nothing else is chosen, which web cannot tell without the key.

    It tells people what the demo's mind follows, and refuses voices that the demo does not know.
    """
    told = app_settings.given(environ)
    parts = [name for name in ("THINKING", "SPEAKING") if name not in told]
    if not parts:
        return {}
    meant = kind_of(app_settings.read({name: told[name] for name in WHO_IS_MEANT if name in told}))
    return dict.fromkeys(parts, meant)


def _is_for(role: str, variable: str) -> bool:
    for names, needed_by in NEEDED_BY.items():
        if re.fullmatch(names, variable):
            return role in needed_by
    return role == BOTS or variable in SETTINGS or OF_THE_MACHINE.fullmatch(variable) is not None
