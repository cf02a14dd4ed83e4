"""What a bot's process asks, and keeps open between its sessions: Redis, the database or a backend, and LiveKit."""

from functools import cache
from typing import TYPE_CHECKING

from greenroom.app import providers
from greenroom.app.backend.calls import Backend
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.rooms.asked_moves import AskedMoves, forum_of, home_of
from greenroom.app.rooms.assistants import Assistant
from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.memory import Memory
from greenroom.app.rooms.notes import Notes
from greenroom.app.rooms.queues import SessionQueues
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import ReadSession
from greenroom.app.rooms.taking_up import KeptEarlier
from greenroom.app.rooms.users import User
from greenroom.app.settings import Settings
from greenroom.app.storage.ledger import RedisLedger
from greenroom.bots.at_hand import FORUM, Place

if (
    TYPE_CHECKING
):  # SQLAlchemy is imported in the parent (`preparing.py`), and not by tests of a bot's process
    from greenroom.app.conversations.database import Database


def memory_of(settings: Settings) -> Memory:
    if settings.backend_url:
        from greenroom.app.backend.memory import BackendMemory

        return BackendMemory(backend_at(settings.backend_url, settings.backend_secret))
    from greenroom.app.conversations.memory import SqlMemory

    return SqlMemory(database_at(settings.database_url))


def earlier_of(settings: Settings, user_id: str) -> KeptEarlier:
    if settings.backend_url:
        from greenroom.app.backend.taking_up import BackendEarlier

        backend = backend_at(settings.backend_url, settings.backend_secret)
        return BackendEarlier(backend, user_id)
    from greenroom.app.conversations.taking_up import SqlEarlier

    return SqlEarlier(database_at(settings.database_url))


def notes_of(settings: Settings) -> Notes:
    from greenroom.app.conversations.notes import SqlNotes

    return SqlNotes(database_at(settings.database_url))


def ask_to_move(settings: Settings, queues: SessionQueues, session_id: str, place: Place) -> Room:
    """Have a session's bot asked to go to the forum or back, as by its user; returns the room that it will be in.

    Raises NoForum, NotMovable, OthersThere, RoomHasBot and the like.
    """
    ledger, rooms = ledger_at(settings.redis_url), providers.of(settings)
    session = ledger.run(ReadSession(session_id))
    room = forum_of(rooms) if place == FORUM else home_of(session)
    mode = Mode.FORUM if place == FORUM else Mode.VOICE
    joined = AskedMoves(ledger, queues).move(session, room, {"mode": mode}, by=session.brief.user_id)
    if not joined.reused:
        rooms.of_room(room).prepare(room)
    return room


@cache
def database_at(url: str) -> "Database":
    """The database, which is told once what it is asked.

    A connection is opened for each read, which are few: none is open when nobody needs it.
    """
    from greenroom.app.conversations.database import Database, Patience

    return Database(url, pooled=False, patience=Patience(connection=1, lock=1, statement=1))


def find_assistant(database_url: str, name: str) -> Assistant | None:
    from greenroom.app.conversations.assistants import SqlAssistants

    return SqlAssistants(database_at(database_url)).find(name)


def find_user(database_url: str, tenant: str, user_id: str) -> User | None:
    from greenroom.app.conversations.users import SqlUsers

    return SqlUsers(database_at(database_url), tenant).find(user_id)


@cache
def backend_at(url: str, secret: str) -> Backend:
    """The backend, whose connection is kept between sessions as well."""
    return Backend(url, secret)


@cache
def livekit_at(url: str, key: str, secret: str) -> LiveKit:
    """The LiveKit server, whose connection is kept between sessions as well."""
    return LiveKit(url, key, secret)


@cache
def ledger_at(url: str) -> RedisLedger:
    """The ledger, kept between sessions so that an adoption does not wait for a connection."""
    return RedisLedger(url)
