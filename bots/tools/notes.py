"""Notes: a bot writes them for the person to whom it talks, reads them, and shows one to everybody in the room.

A guest is nobody in particular: what is written for one is shown, and not kept.
"""

import json
from typing import Annotated, Any

from pydantic import Field

from greenroom.app.rooms.notes import LONGEST_NOTE, LONGEST_TITLE, Note, id_of
from greenroom.app.rooms.providers import is_guest
from greenroom.app.rooms.room_states import SHOWN_HOLDS, Open
from greenroom.bots.memories import in_a_thread
from greenroom.bots.tools.texts import ONE_LINE, SEVERAL_LINES
from greenroom.bots.tools.tool import Call, Refused, tool

TITLES_TOLD = 20
OWNER_HOLDS = 200  # bytes beside a shown note, for its owner and the names around both

Title = Annotated[str, Field(max_length=LONGEST_TITLE, description="What the note is called"), ONE_LINE]
Text = Annotated[str, Field(max_length=LONGEST_NOTE, description="What stands in it"), SEVERAL_LINES]


@tool
async def write_note(call: Call, title: Title, text: Text, add: bool = False) -> dict[str, Any]:
    """Write a note for the person you talk with, and show it. It is kept for later conversations with them.

    It takes the place of their note of that title; with `add` the text goes behind what stands there.
    """
    here, note = call.here, Note(title, text)
    if is_guest(call.person):
        shown = _shown(call)
        if add and shown is not None and shown.id == note.id:
            note = Note(shown.title, f"{shown.text}\n{text}")
        await _show(call, note)
        return {"written": note.title, "kept": False}
    at_ms, conversation_id = here.now_ms(), here.conversation_id
    note = await in_a_thread(
        lambda: here.notes.write(
            here.tenant, call.person, note, conversation_id=conversation_id, at_ms=at_ms, add=add
        )
    )
    await _show(call, note)
    return {"written": note.title, "text": note.text}


@tool
async def read_note(call: Call, title: Title | None = None) -> dict[str, Any]:
    """Read a note of the person you talk with; without a title, which notes they have, the newest first."""
    if title is None:
        return {"titles": list(await _titles(call))[:TITLES_TOLD]}
    note = await _find(call, title)
    return {"title": note.title, "text": note.text}


@tool
async def open_note(call: Call, title: Title) -> dict[str, Any]:
    """Show a note of the person you talk with to everybody in the room."""
    note = await _find(call, title)
    await _show(call, note)
    return {"opened": note.title, "text": note.text}


@tool
async def close_note(call: Call) -> dict[str, Any]:
    """Close the note that is shown."""
    call.here.open_things.close(Open.NOTE)
    return {"closed": True}


async def _find(call: Call, title: str) -> Note:
    """A note of this person's, and of nobody else's, whatever title is named."""
    shown = _shown(call)
    if is_guest(call.person):
        note = shown if shown is not None and shown.id == id_of(title) else None
    else:
        note = await in_a_thread(lambda: call.here.notes.find(call.here.tenant, call.person, title))
    if note is None:
        raise Refused(
            f"They have no note of that title. They have: {', '.join(await _titles(call)) or 'none'}"
        )
    return note


async def _titles(call: Call) -> list[str]:
    if is_guest(call.person):
        shown = _shown(call)
        return [] if shown is None else [shown.title]
    return list(await in_a_thread(lambda: call.here.notes.titles(call.here.tenant, call.person)))


def _shown(call: Call) -> Note | None:
    """The note that is open, if it is this person's."""
    opened = call.here.open_things.get(Open.NOTE)
    if opened is None or opened.owner != call.person or not isinstance(opened.value, dict):
        return None
    title, text = (str(opened.value.get(name) or "") for name in ("title", "text"))
    return Note(title, text)


async def _show(call: Call, note: Note) -> None:
    """Open it for everybody; of a long one as much as all clients can be sent."""
    text = note.text
    while len(json.dumps(text)) > SHOWN_HOLDS - 2 * LONGEST_TITLE * 6 - OWNER_HOLDS - len(
        json.dumps(call.person)
    ):
        text = text[: len(text) * 9 // 10]
    value = {"id": note.id, "title": note.title, "text": text, "is_cut": text != note.text}
    call.here.open_things.open(Open.NOTE, value, owner=call.person)
    await call.show("navigate", view="note", params={"id": note.id, "title": note.title})
