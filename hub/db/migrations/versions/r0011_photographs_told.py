"""Which photographs the core, or a clerk, was told of.

Revision: 0011
Follows: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    """Adds the instant. Those that are here count as told: nobody knows it, and none is told twice."""
    op.add_column("attachment", sa.Column("told_ms", sa.BigInteger(), nullable=True))
    op.execute("UPDATE attachment SET told_ms = settled_ms WHERE state = 'stored'")
    op.create_index(
        op.f("ix_attachment_untold"),
        "attachment",
        ["device", "event_id"],
        sqlite_where=sa.text("state = 'stored' AND told_ms IS NULL"),
        postgresql_where=sa.text("state = 'stored' AND told_ms IS NULL"),
    )
