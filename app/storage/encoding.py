"""Every step of the ledger as Redis commands: what is sent, and how the reply is read."""

from typing import Any

from greenroom.app.rooms.ledger import Step
from greenroom.app.storage import (
    asked_reaping,
    clock,
    conversations,
    creating,
    deadlines,
    erasing,
    extending,
    handovers,
    inbox,
    leases,
    letters,
    line,
    moves,
    outboxes,
    pausing,
    probes,
    rates,
    room_states,
    session_events,
    session_lists,
    sessions,
    told,
    user_bots,
    vacancies,
    voice_rooms,
    workers,
)
from greenroom.app.storage.commands import Command, Encoders

SUBJECTS = (
    asked_reaping,
    clock,
    conversations,
    creating,
    deadlines,
    erasing,
    extending,
    handovers,
    inbox,
    leases,
    letters,
    line,
    moves,
    outboxes,
    pausing,
    probes,
    rates,
    room_states,
    session_events,
    session_lists,
    sessions,
    told,
    user_bots,
    vacancies,
    voice_rooms,
    workers,
)
ENCODERS: Encoders = {step: encoder for subject in SUBJECTS for step, encoder in subject.ENCODERS.items()}


def encode(step: Step[Any]) -> Command:
    """The commands of a step."""
    return ENCODERS[type(step)](step)
