"""Who is a bot: one rule for the rooms of every provider."""

import re

_LIKE_A_BOT = re.compile(
    r"\b(ro)?bot\d*\b|\b(ai|voice|virtual) (agent|assistant)\b|note ?taker\b|^agent-|^aw_|\bagent\d*$",
    re.IGNORECASE,
)


def is_bot(known: bool | None, *names: str) -> bool:
    """What is known for certain decides; names only where nothing is known, since anybody may have any.

    Certain is what a token says that is signed with the room's own key, and what the room's server says itself.
    """
    return known if known is not None else any(sounds_like_a_bot(name) for name in names)


def sounds_like_a_bot(name: str) -> bool:
    """Whether a name is one that bots go by."""
    return bool(_LIKE_A_BOT.search(name.replace("_", " ")) or _LIKE_A_BOT.search(name.replace("-", " ")))
