"""Notes that are kept in memory (`greenroom.app.rooms.notes.Notes`)."""

from greenroom.app.errors.users import NoteTooLong, PersonErased
from greenroom.app.rooms.notes import LONGEST_NOTE, NOTES_KEPT, Note, id_of


class FakeNotes:
    def __init__(self):
        self.kept = {}  # by tenant and user, the newest last
        self.erased_ms = {}

    def write(self, tenant, user_id, note, *, conversation_id, at_ms, add=False):
        if at_ms <= self.erased_ms.get((tenant, user_id), -1):
            raise PersonErased
        theirs = self.kept.setdefault((tenant, user_id), {})
        if add and (before := theirs.get(note.id)):
            note = Note(before.title, f"{before.text}\n{note.text}")
        if len(note.text) > LONGEST_NOTE:
            raise NoteTooLong
        theirs.pop(note.id, None)
        theirs[note.id] = note
        while len(theirs) > NOTES_KEPT:
            del theirs[next(iter(theirs))]
        return note

    def find(self, tenant, user_id, title):
        return self.kept.get((tenant, user_id), {}).get(id_of(title))

    def titles(self, tenant, user_id):
        return [note.title for note in reversed(self.kept.get((tenant, user_id), {}).values())]
