"""A fact that a caller asks for: a field of the brief and a line of the schema, and it arrives everywhere."""

from dataclasses import fields

import pytest

from greenroom.app.api.schemas.facts import FactsSchema
from greenroom.app.api.schemas.joining import JoinedSchema
from greenroom.app.api.schemas.rooms import LeaseSchema
from greenroom.app.api.schemas.sessions import SessionSchema
from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.joined import Joined
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.sessions import ReadSession
from greenroom.bots.body import body_of
from tests.rigs.makers import STAGE, a_claim, a_full_brief, a_session

FACTS = [each.name for each in fields(Brief)]
TOLD_TO_THE_BOT = {"instructions", "prompts", "profile"}  # which whoever asks about a room is not told
NOT_OF_THE_ROOM = object()
NAMES = {line.attribute or name: name for name, line in FactsSchema().fields.items()}  # in the API


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_arrives_in_record_lease_body_and_answers(ledger, fact):
    brief = a_full_brief()
    session = a_session(brief=brief)
    ledger.run(Create(session))
    ledger.run(a_claim(brief=brief))
    record, lease = ledger.run(ReadSession(session.id)), ledger.run(ReadRoom(STAGE)).lease

    asked = getattr(brief, fact)
    assert (getattr(record.brief, fact), getattr(lease.brief, fact)) == (asked, asked)
    plain = brief.facts()[fact]
    body = body_of(record, conversation=[], by_person={}, owes_an_answer=False)
    assert body[fact] == plain
    joined = Joined.of(record, reused=False)
    assert JoinedSchema().dump(joined)[NAMES[fact]] == SessionSchema().dump(record)[NAMES[fact]] == plain
    of_room = LeaseSchema().dump(lease)
    assert of_room.get(NAMES[fact], NOT_OF_THE_ROOM) == (
        NOT_OF_THE_ROOM if fact in TOLD_TO_THE_BOT else plain
    )
