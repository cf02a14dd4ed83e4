"""Who was erased; and conversations by when they began."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "digest", name="erasures_key"),
    )
    op.create_index("conversations_by_tenant_started_ms", "conversations", ["tenant", "started_ms"])


def downgrade() -> None:
    op.drop_index("conversations_by_tenant_started_ms", "conversations")
    op.drop_table("erasures")
