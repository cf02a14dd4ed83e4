"""All tables, as the first version of Greenroom with a database has them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

TABLES = (  # what refers to others first
    "tool_calls",
    "turns",
    "summaries",
    "participants",
    "facts",
    "conversations",
    "users",
    "sessions",
    "events",
    "assistants",
)


def upgrade() -> None:
    op.create_table(
        "assistants",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bot", sa.Text(), nullable=True),
        sa.Column("personality", sa.Text(), nullable=True),
        sa.Column("persona", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("voice", sa.Text(), nullable=True),
        sa.Column("voice_parameters", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("prompts", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("memory", sa.Boolean(), nullable=False),
        sa.Column("recording", sa.Boolean(), nullable=False),
        sa.Column("require_profile", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("voice_session_config", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("metadata", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="assistants_key"),
        sa.UniqueConstraint("tenant", "name", name="assistants_once_by_tenant_name"),
    )
    op.create_table(
        "events",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("conversation_id", sa.Text(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name="events_key"),
    )
    op.create_index("events_by_tenant_at_ms", "events", ["tenant", "at_ms"])
    op.create_index(
        "events_by_tenant_conversation_id_at_ms", "events", ["tenant", "conversation_id", "at_ms"]
    )
    op.create_index("events_by_tenant_session_id_at_ms", "events", ["tenant", "session_id", "at_ms"])
    op.create_index("events_by_tenant_user_id", "events", ["tenant", "user_id"])
    op.create_table(
        "sessions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("room_name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("assistant_id", sa.Text(), nullable=True),
        sa.Column("bot", sa.Text(), nullable=False),
        sa.Column("personality", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("brief", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("epochs", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("message_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name="sessions_key"),
    )
    op.create_index("sessions_by_tenant_conversation_id", "sessions", ["tenant", "conversation_id"])
    op.create_index("sessions_by_tenant_created_ms", "sessions", ["tenant", "created_ms"])
    op.create_index("sessions_by_tenant_user_id_created_ms", "sessions", ["tenant", "user_id", "created_ms"])
    op.create_table(
        "users",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("profile", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("preferences", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="users_key"),
    )
    op.create_table(
        "conversations",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("assistant_id", sa.Text(), nullable=True),
        sa.Column("room", sa.Text(), nullable=True),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("turn_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "user_id"],
            ["users.tenant", "users.id"],
            name="conversations_of_users",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name="conversations_key"),
    )
    op.create_index(
        "conversations_by_tenant_assistant_id_last_ms", "conversations", ["tenant", "assistant_id", "last_ms"]
    )
    op.create_index("conversations_by_tenant_last_ms", "conversations", ["tenant", "last_ms"])
    op.create_index("conversations_by_tenant_room_last_ms", "conversations", ["tenant", "room", "last_ms"])
    op.create_index(
        "conversations_by_tenant_user_id_last_ms", "conversations", ["tenant", "user_id", "last_ms"]
    )
    op.create_table(
        "facts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "user_id"], ["users.tenant", "users.id"], name="facts_of_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant", "user_id", "key", name="facts_key"),
    )
    op.create_table(
        "participants",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("joined_ms", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("left_ms", sa.BigInteger(), nullable=True),
        sa.Column("metadata", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "session_id"],
            ["sessions.tenant", "sessions.id"],
            name="participants_of_sessions",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "session_id", "identity", "joined_ms", name="participants_key"),
    )
    op.create_index("participants_by_tenant_identity", "participants", ["tenant", "identity"])
    op.create_table(
        "summaries",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "conversation_id"],
            ["conversations.tenant", "conversations.id"],
            name="summaries_of_conversations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "conversation_id", "up_to", name="summaries_key"),
    )
    op.create_table(
        "turns",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("written_epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("interrupted", sa.Boolean(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("source IN ('live', 'restored', 'admin')", name=op.f("turns_source")),
        sa.ForeignKeyConstraint(
            ["tenant", "conversation_id"],
            ["conversations.tenant", "conversations.id"],
            name="turns_of_conversations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "conversation_id", "sequence", "id", name="turns_key"),
        sa.UniqueConstraint(
            "tenant", "conversation_id", "id", name="turns_once_by_tenant_conversation_id_id"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("turns_by_tenant_person", "turns", ["tenant", "person"])
    op.create_index(
        "turns_by_tenant_session_id_written_epoch", "turns", ["tenant", "session_id", "written_epoch"]
    )
    op.create_table(
        "tool_calls",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("turn_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "conversation_id", "turn_id"],
            ["turns.tenant", "turns.conversation_id", "turns.id"],
            name="tool_calls_of_turns",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "conversation_id", "turn_id", "id", name="tool_calls_key"),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
