"""Names of participants: all that is left to tell a bot by, where nothing trustworthy says that it is one."""

import re

_LIKE_A_BOT = re.compile(
    r"\b(ro)?bot\b|\b(ai|voice|virtual)[ -]?(agent|assistant)\b|note ?taker\b", re.IGNORECASE
)


def sounds_like_a_bot(name: str) -> bool:
    """Whether a participant's display name is one that bots go by.  A person may choose such a name."""
    return bool(_LIKE_A_BOT.search(name.replace("_", " ")))
