"""Who is a bot: one rule for the rooms of every provider."""

import re

_LIKE_A_BOT = re.compile(
    r"\b(ro)?bot\d*\b|\b(ai|voice|virtual) (agent|assistant)\b|note ?taker\b|^agent-|^aw_|\bagent\d*$",
    re.IGNORECASE,
)


def is_bot(known: bool | None, *names: str) -> bool:
    """Whether a participant is a bot: as `known` says, and by their names only where nothing is known.

    Pass as `known` what a token signed with the room's own key says, or the room's server: anybody may choose a name.
    """
    return known if known is not None else any(sounds_like_a_bot(name) for name in names)


def sounds_like_a_bot(name: str) -> bool:
    """Whether bots use a name like this one."""
    return bool(_LIKE_A_BOT.search(name.replace("_", " ")) or _LIKE_A_BOT.search(name.replace("-", " ")))
