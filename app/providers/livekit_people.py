"""Who somebody in a LiveKit room is, as its API and its webhooks describe them: people, bots of ours, and others'."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from greenroom.app.providers import names, reading
from greenroom.app.rooms.providers import BOT, Participant, Source, Track

SOURCES: Mapping[str, Source] = {
    "MICROPHONE": Source.MICROPHONE,
    "CAMERA": Source.CAMERA,
    "SCREEN_SHARE": Source.SCREEN,
    "SCREEN_SHARE_AUDIO": Source.SCREEN_AUDIO,
}
MACHINERY = frozenset({"EGRESS", "INGRESS"})  # kinds of participants that are nobody: recorders and feeds


# The API writes names_so, webhooks write namesSo; numbers of 64 bits are strings in both.


def _value(entry: Mapping[str, Any], name: str) -> Any:
    first, *rest = name.split("_")
    return entry.get(name, entry.get(first + "".join(part.capitalize() for part in rest)))


def number(entry: Mapping[str, Any], name: str) -> int:
    return int(reading.number(_value(entry, name)))


def participant_of(entry: Any) -> Participant | None:
    """The participant that LiveKit describes; None for recorders, feeds, and hidden participants."""
    identity, name, kind = (reading.text(entry, field) for field in ("identity", "name", "kind"))
    permission = reading.part(entry, "permission")
    if not identity or kind in MACHINERY or permission.get("hidden") or permission.get("recorder"):
        return None
    ours = _card(identity, entry.get("metadata"))
    epoch = ours.get("epoch")
    return Participant(
        identity=identity,
        name=name,
        is_bot=is_bot(
            identity,
            name,
            entry.get("metadata"),
            reading.part(entry, "attributes"),
            is_agent=kind == "AGENT" or bool(permission.get("agent")),
            is_caller=kind == "SIP",
        ),
        session_id=reading.text(ours, "session_id") or None,
        epoch=epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else None,
        since_ms=number(entry, "joined_at_ms") or number(entry, "joined_at") * 1000 or None,
        tracks=tuple(
            Track(SOURCES.get(reading.text(track, "source"), Source.OTHER), muted=track.get("muted") is True)
            for track in reading.parts(entry, "tracks")
        ),
        sid=reading.text(entry, "sid"),
    )


def is_bot(
    identity: str, name: str, metadata: Any, attributes: Iterable[str], *, is_agent: bool, is_caller: bool
) -> bool:
    """Whether a participant is a bot, ours or another's.

    LiveKit's own marks and signed metadata decide; the name decides only where those say nothing.
    """
    known: bool | None = None
    if is_agent:
        known = True
    elif is_caller or _said(metadata).get("person") is True:
        known = False
    elif _card(identity, metadata) or any(key.startswith("lk.agent") for key in attributes):
        known = True
    return names.is_bot(known, identity, name)


def _card(identity: str, metadata: Any) -> dict[str, Any]:
    """The metadata of a bot of ours; empty for everybody else, also for a person who copies it."""
    card = _said(metadata) if identity.startswith(BOT) else {}
    return card if card.get("bot") is True else {}


def _said(metadata: Any) -> dict[str, Any]:
    try:
        said = json.loads(metadata)["greenroom"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
