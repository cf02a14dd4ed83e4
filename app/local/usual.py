"""Lines that come with every start and stop that is fine: they are kept in a process's log, and not shown.

Everything else is shown: a line that nobody knows may be the one that matters.
"""

import re
from collections.abc import Mapping

USUAL: Mapping[str, re.Pattern[str]] = {
    # Redis says these at the level of a warning, and at a lower level it would say far more.  Overcommitted memory
    # and huge pages matter to one that forks with gigabytes; ours holds a few megabytes and rewrites no dump.
    "redis": re.compile(
        r"Redis is starting|Redis version=|Configuration loaded|Server initialized"
        r"|WARNING Memory overcommit must be enabled|WARNING you have Transparent Huge Pages"
        r"|WARNING: The TCP backlog setting"
        r"|Received SIG\w+ scheduling shutdown|User requested shutdown|Redis is now ready to exit"
    ),
}


def is_usual(name: str, line: str) -> bool:
    """Whether a process of that name says this line on every good day."""
    return name in USUAL and USUAL[name].search(line) is not None
