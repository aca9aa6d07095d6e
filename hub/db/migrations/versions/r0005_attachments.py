"""Bodies beside events: what devices announced, and what became of each.

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Makes the table of attachments."""
    op.create_table(
        "attachment",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("announced_ms", sa.BigInteger(), nullable=False),
        sa.Column("settled_ms", sa.BigInteger()),
        sa.CheckConstraint("state IN ('missing', 'stored', 'lost')", name=op.f("ck_attachment_state")),
        sa.PrimaryKeyConstraint("device", "sha256", name=op.f("pk_attachment")),
    )
    op.create_index("ix_attachment_event", "attachment", ["device", "event_id"])
    op.create_index(
        "ix_attachment_missing",
        "attachment",
        ["device", "announced_ms"],
        sqlite_where=sa.text("state = 'missing'"),
        postgresql_where=sa.text("state = 'missing'"),
    )
