"""Every table: what a row is, what names it, and what goes away with what.

A row belongs to a `tenant`, the first part of each primary key.  Times are milliseconds since 1970, as in Redis; an
epoch is Redis's time in microseconds.  What is read and written as a whole is JSON: no column is made of what no query
asks for.

Rows go away with what they are of: a person's conversations, facts and notes, a conversation's turns, a turn's tool
calls.  A session stays when its conversation goes, since it is what was counted; `user_id` says whose it was.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

# Without names of our own each database would make up its own, and a later migration could not tell what to change.
NAMES = {
    "ix": "%(table_name)s_by_%(column_0_N_name)s",
    "uq": "%(table_name)s_once_by_%(column_0_N_name)s",
    "ck": "%(table_name)s_%(constraint_name)s",
    "fk": "%(table_name)s_of_%(referred_table_name)s",
    "pk": "%(table_name)s_key",
}

SPEAKERS = ("user", "assistant")  # whose turns are messages, where they have words
metadata = MetaData(naming_convention=NAMES)


def _tenant() -> Column[str]:
    return Column("tenant", Text, nullable=False)


def _text(name: str, *, optional: bool = False) -> Column[str]:
    return Column(name, Text, nullable=optional)


def _ms(name: str, *, optional: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=optional)


def _epoch(name: str = "epoch") -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _object(name: str) -> Column[object]:
    return Column(name, JSON, nullable=False, server_default=text("'{}'"))


def _list(name: str) -> Column[object]:
    return Column(name, JSON, nullable=False, server_default=text("'[]'"))


# A person who has talked, or of whom somebody has said something.
users = Table(
    "users",
    metadata,
    _tenant(),
    _text("id"),
    _object("profile"),  # first_name, email, ...: what the installation asks for
    _object("preferences"),
    _ms("created_ms"),
    _ms("updated_ms"),
    PrimaryKeyConstraint("tenant", "id"),
)

# A bot by a name of its own, with what it needs to be that one.
assistants = Table(
    "assistants",
    metadata,
    _tenant(),
    _text("id"),
    _text("name"),
    _text("bot", optional=True),
    _text("personality", optional=True),
    _text("persona", optional=True),  # the name that it goes by
    _text("language", optional=True),
    _text("voice", optional=True),
    _object("voice_parameters"),
    _object("prompts"),
    _flag("memory"),
    _flag("recording"),
    _list("require_profile"),  # fields of a user that a join must find or bring
    _object("voice_session_config"),
    _object("metadata"),
    _ms("created_ms"),
    _ms("updated_ms"),
    PrimaryKeyConstraint("tenant", "id"),
    UniqueConstraint("tenant", "name"),
)

# What one user and the bots have said to each other.
conversations = Table(
    "conversations",
    metadata,
    _tenant(),
    _text("id"),
    _text("user_id"),
    _text("assistant_id", optional=True),
    _text("room", optional=True),  # where it was last
    _ms("started_ms"),
    _ms("last_ms"),  # when its last turn came
    _count("turn_count"),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "user_id"], ["users.tenant", "users.id"], ondelete="CASCADE"),
    Index(None, "tenant", "user_id", "last_ms"),
    Index(None, "tenant", "assistant_id", "last_ms"),
    Index(None, "tenant", "room", "last_ms"),
    Index(None, "tenant", "last_ms"),
    Index(None, "tenant", "started_ms"),
)

# One bot's stay in a room, by whatever number of processes.
sessions = Table(
    "sessions",
    metadata,
    _tenant(),
    _text("id"),
    _text("room_name"),  # as in local:standup
    _text("user_id"),
    _text("conversation_id"),  # the last of those it has had
    _text("assistant_id", optional=True),
    _text("bot"),
    _text("personality"),
    _text("state"),
    _text("end_reason", optional=True),
    _object("brief"),  # all that was asked for
    _epoch(),  # of its last bot
    _count("epochs"),  # how many bots it has had
    _count("message_count"),
    _count("version"),  # of the record in Redis that was stored last
    _ms("created_ms"),
    _ms("updated_ms"),
    _ms("ended_ms", optional=True),
    _ms("duration_ms", optional=True),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "tenant", "user_id", "created_ms"),
    Index(None, "tenant", "conversation_id"),
    Index(None, "tenant", "created_ms"),
)

# A person's being in a session's room, once: who comes again has another row.
participants = Table(
    "participants",
    metadata,
    _tenant(),
    _text("session_id"),
    _text("identity"),
    _ms("joined_ms"),
    _text("name", optional=True),
    _ms("left_ms", optional=True),  # nothing while they are there
    _object("metadata"),
    PrimaryKeyConstraint("tenant", "session_id", "identity", "joined_ms"),
    ForeignKeyConstraint(["tenant", "session_id"], ["sessions.tenant", "sessions.id"], ondelete="CASCADE"),
    Index(None, "tenant", "identity"),
)

# One message, at its place.  Its id makes it the same turn however often it is delivered.  Two may have one place, of
# two sessions in one conversation whose bots wrote while Redis had lost the sequence: neither is dropped for the other.
turns = Table(
    "turns",
    metadata,
    _tenant(),
    _text("conversation_id"),
    Column("sequence", BigInteger, nullable=False),
    _text("id"),
    _text("session_id", optional=True),
    _epoch(),  # of the bot that heard or said it
    _epoch("written_epoch"),  # of the bot that wrote it: after a later one's, an earlier one's is refused
    _text("role"),
    _text("person", optional=True),
    _text("content"),
    Column("message", JSON, nullable=False),  # in the model's own shape
    _flag("interrupted"),
    _ms("started_ms"),  # by Redis's clock
    _ms("ended_ms"),
    _text("source"),
    PrimaryKeyConstraint("tenant", "conversation_id", "sequence", "id"),
    UniqueConstraint("tenant", "conversation_id", "id"),
    ForeignKeyConstraint(
        ["tenant", "conversation_id"], ["conversations.tenant", "conversations.id"], ondelete="CASCADE"
    ),
    CheckConstraint("source IN ('live', 'restored', 'admin')", name="source"),
    Index(None, "tenant", "session_id", "written_epoch"),
    Index(None, "tenant", "person"),
    sqlite_with_rowid=False,  # they lie in the order in which they are read
)

# What the model asked for, and what came of it.
tool_calls = Table(
    "tool_calls",
    metadata,
    _tenant(),
    _text("conversation_id"),
    _text("turn_id"),  # the turn that asks
    _text("id"),
    _text("name"),
    _text("arguments"),  # as the model wrote them, which may be no JSON
    _text("result", optional=True),
    _text("status"),
    _ms("took_ms", optional=True),
    PrimaryKeyConstraint("tenant", "conversation_id", "turn_id", "id"),
    ForeignKeyConstraint(
        ["tenant", "conversation_id", "turn_id"],
        ["turns.tenant", "turns.conversation_id", "turns.id"],
        ondelete="CASCADE",
    ),
)

# A conversation up to a place, in few words.
summaries = Table(
    "summaries",
    metadata,
    _tenant(),
    _text("conversation_id"),
    Column("up_to", BigInteger, nullable=False),  # the last sequence that it tells of
    _text("text"),
    _text("model"),
    _ms("created_ms"),
    PrimaryKeyConstraint("tenant", "conversation_id", "up_to"),
    ForeignKeyConstraint(
        ["tenant", "conversation_id"], ["conversations.tenant", "conversations.id"], ondelete="CASCADE"
    ),
)

# What is to be remembered of a person, each under a key of its own.
facts = Table(
    "facts",
    metadata,
    _tenant(),
    _text("user_id"),
    _text("key"),
    _text("text"),
    _text("conversation_id", optional=True),  # where it was said; it outlives that
    Column("sequence", BigInteger, nullable=True),
    _ms("created_ms"),
    _ms("updated_ms"),
    PrimaryKeyConstraint("tenant", "user_id", "key"),
    ForeignKeyConstraint(["tenant", "user_id"], ["users.tenant", "users.id"], ondelete="CASCADE"),
)

# What a bot has written down for a person, each under a title of its own.
notes = Table(
    "notes",
    metadata,
    _tenant(),
    _text("user_id"),
    _text("id"),  # the title in small letters
    _text("title"),
    _text("text"),
    _text("conversation_id", optional=True),  # where it was written last; it outlives that
    _ms("created_ms"),
    _ms("updated_ms"),
    PrimaryKeyConstraint("tenant", "user_id", "id"),
    ForeignKeyConstraint(["tenant", "user_id"], ["users.tenant", "users.id"], ondelete="CASCADE"),
)

# What happened; what was said is referred to by conversation and sequence, and never stands here.
events = Table(
    "events",
    metadata,
    _tenant(),
    _text("id"),  # one that is written twice is one
    _ms("at_ms"),
    _text("event"),
    _text("session_id", optional=True),
    _text("conversation_id", optional=True),
    Column("sequence", BigInteger, nullable=True),
    _text("user_id", optional=True),
    _epoch(),
    _text("reason", optional=True),
    _text("detail", optional=True),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "tenant", "session_id", "at_ms"),
    Index(None, "tenant", "conversation_id", "at_ms"),
    Index(None, "tenant", "user_id"),
    Index(None, "tenant", "at_ms"),
)

# Who was erased, each conversation and session of theirs, and when: what is still on its way then is not kept.
erasures = Table(
    "erasures",
    metadata,
    _tenant(),
    _text("digest"),  # of the id: it may be an address
    _ms("at_ms"),
    PrimaryKeyConstraint("tenant", "digest"),
)
