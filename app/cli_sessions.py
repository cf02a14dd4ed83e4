"""The commands about sessions: those that are on, and what came of one."""

import argparse
import json

from greenroom.app.cli_arguments import OK, word
from greenroom.app.cli_here import ledger_of, settings_here
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.outboxes import ReadOutbox
from greenroom.app.rooms.reading import LYING_AT_MOST


def sessions(chosen: argparse.Namespace) -> int:
    """List the sessions that are on: room, bot, state, since when, and whose."""
    from greenroom.app.operate.sessions import live, table

    ledger = ledger_of(settings_here())
    found = live(ledger)
    if chosen.json:  # as the API tells them
        from greenroom.app.api.schemas.sessions import SessionsSchema

        print(json.dumps(SessionsSchema().dump({"sessions": found, "next": None})))
    else:
        print(table(found, ledger.run(Now())))
    return OK


def session(chosen: argparse.Namespace) -> int:
    """Tell what came of a session: who was there, what happened, and how it ended."""
    from greenroom.app.api.schemas.sessions import EventsSchema, SessionWithHistorySchema
    from greenroom.app.conversations.database import Database
    from greenroom.app.conversations.sessions import SqlKeptSessions
    from greenroom.app.operate.story.session import SessionStory
    from greenroom.app.rooms.histories import Histories

    settings = settings_here()
    ledger, database = ledger_of(settings), Database(settings.database_url)
    # The database is asked for a session that Redis has forgotten, and for no other: it may be what is away
    histories = Histories(ledger, SqlKeptSessions(database))
    history, events = histories.tell(chosen.id), histories.all_events(chosen.id)
    database.close()
    if chosen.json:  # as the API tells it
        told = SessionWithHistorySchema().dump({**vars(history.session), **vars(history)})
        print(json.dumps({**told, **EventsSchema().dump({"events": events})}))
        return OK
    session = history.session
    outbox, now_ms, room = ledger.run_all(
        [ReadOutbox(session.conversation_id, LYING_AT_MOST), Now(), ReadRoom(session.room)]
    )
    print(*SessionStory(history, events, len(outbox.entries), now_ms, room.lease).lines(), sep="\n")
    return OK


def session_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id", type=word, metavar="ID", help="as `/join` answers it, and as the log tells it (session_id)"
    )
