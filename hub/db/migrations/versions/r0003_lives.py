"""The database notes the hub's lives, so that a restored one is recognised.

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Makes the table of lives."""
    op.create_table(
        "hub_life",
        sa.Column("incarnation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("beat", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("beat_ms", sa.BigInteger(), nullable=False),
        sa.Column("cautious_until_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("incarnation", name=op.f("pk_hub_life")),
    )
