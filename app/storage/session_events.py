"""Sessions' histories as Redis commands."""

import json

from greenroom.app.rooms.session_events import Appearance, Event, Happened, Note, ReadEvents
from greenroom.app.storage import keys
from greenroom.app.storage.commands import (
    Command,
    Encoders,
    Reply,
    dumps,
    entries,
    nothing,
    read_stream,
    script,
)
from greenroom.app.storage.sessions import EVENTS_KEPT, record_keys

METADATA_AT_MOST = 4096  # bytes of what a room tells of a person; more of it is left out


def note(step: Note) -> Command:
    fields = [
        "event",
        step.event,
        "epoch",
        str(step.epoch),
        *(["detail", step.detail] if step.detail else []),
        *(["person", step.person] if step.person else []),
        *(["conversation", step.conversation_id] if step.conversation_id else []),
        *(["turn", str(step.sequence)] if step.sequence else []),
        *_appearance(step.appearance),
    ]
    has_come = step.event == Happened.PERSON_ARRIVED
    call = script(
        "note",
        record_keys(step.session_id),
        cap=EVENTS_KEPT,
        person=(step.person or "") if has_come else "",
        epoch=str(step.epoch),
        event=step.event,
        who=step.person or "",
        fields=fields,
    )
    return Command((call,), nothing)


def _appearance(appearance: Appearance) -> list[str]:
    fields = ["name", appearance.name] if appearance.name else []
    metadata = dumps(dict(appearance.metadata))
    if appearance.metadata and len(metadata) <= METADATA_AT_MOST:
        fields += ["metadata", metadata]
    return fields


def read_events(step: ReadEvents) -> Command:
    def read(replies: list[Reply]) -> list[Event]:
        return [
            Event(
                id=entry_id,
                at_ms=int(entry_id.split("-")[0]),
                event=fields["event"],
                epoch=int(fields["epoch"]),
                reason=fields.get("reason"),
                detail=fields.get("detail"),
                person=fields.get("person"),
                appearance=Appearance(fields.get("name"), json.loads(fields.get("metadata", "{}"))),
                conversation_id=fields.get("conversation"),
                sequence=int(fields["turn"]) if "turn" in fields else None,
            )
            for entry_id, fields in entries(replies[0])
        ]

    return Command((read_stream(keys.events(step.session_id), step.after, step.wait),), read)


ENCODERS: Encoders = {Note: note, ReadEvents: read_events}
