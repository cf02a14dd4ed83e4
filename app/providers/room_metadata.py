"""What a LiveKit room's metadata says of its session, beside what others keep there.

The metadata is one text, and whoever writes it writes all of it: LiveKit has no "only if it is still the same".
So ours is added to what is found, and added again when somebody else's text has replaced it.
"""

import json
from typing import Any

from greenroom.app.rooms.sessions import Session

OURS = "greenroom"  # the key under which all our facts stand, whatever other keys there are
THEIRS = "theirs"  # and under it the names of those whose value at the top is somebody else's, and the same as ours


SHOWN = ("conversation_id", "user_id", "bot", "personality", "mode")


def room_facts(session: Session) -> dict[str, Any]:
    """What everybody in a room may know of its session."""
    brief = session.brief.facts()
    return {name: brief[name] for name in SHOWN} | {"conversation_id": session.conversation_id}


def with_facts(found: str, facts: dict[str, Any]) -> str | None:
    """The metadata to write: what was found, with our facts added.  None where nothing is to be written.

    A key of somebody else's keeps its value, also where it has a name of ours: `greenroom` has our facts in any case.
    A top-level key counts as ours while its value is the one that `greenroom` gives for it, unless that says that it is
    theirs: we may have taken their value up.  Metadata that is no JSON object stays as it is, since whoever wrote it
    expects to read exactly that.
    """
    there = _an_object(found)
    if there is None:
        return None
    theirs = [name for name in facts if _is_theirs(there, name)]
    free = {name: fact for name, fact in facts.items() if name not in theirs}
    alike = [name for name in theirs if there[name] == facts[name]]
    merged = {**there, **free, OURS: {**facts, **({THEIRS: alike} if alike else {})}}
    return None if merged == there else json.dumps(merged)


def named_in(metadata: str) -> object:
    """The conversation that somebody else has named in a room's metadata; None where nobody has."""
    there = _an_object(metadata) or {}
    return there["conversation_id"] if _is_theirs(there, "conversation_id") else None


def _is_theirs(there: dict[str, Any], name: str) -> bool:
    ours = there.get(OURS)
    ours = ours if isinstance(ours, dict) else {}
    theirs = ours.get(THEIRS)
    is_said = isinstance(theirs, list) and name in theirs
    return name in there and (is_said or name not in ours or there[name] != ours[name])


def _an_object(text: str) -> dict[str, Any] | None:
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
