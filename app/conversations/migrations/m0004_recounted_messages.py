"""Sessions count as messages what was said in words, as those do that are stored from now on, and not every turn."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    of_session = "FROM turns WHERE turns.tenant = sessions.tenant AND turns.session_id = sessions.id"
    # Of a session whose turns are forgotten nobody can tell any more
    op.execute(
        f"""
        UPDATE sessions
        SET message_count = (SELECT count(*) {of_session} AND role IN ('user', 'assistant') AND content <> '')
        WHERE EXISTS (SELECT 1 {of_session})
        """
    )


def downgrade() -> None:
    pass
