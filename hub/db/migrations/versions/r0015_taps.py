"""Taps as the hub judges them, and what terminals count themselves.

Revision: 0015
Follows: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision: str | None = "0014"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables and the indexes."""
    op.create_table(
        "card_tap",
        sa.Column("inbox_id", _ID, autoincrement=False, nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("effect_key", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("counter", sa.BigInteger(), nullable=True),
        sa.Column("mark", sa.LargeBinary(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_card_tap_inbox_id")),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_card_tap")),
    )
    op.create_index("ix_card_tap_day", "card_tap", ["day", "device"])
    op.create_index("ix_card_tap_counter", "card_tap", ["subject", "counter"])
    again = sa.text("verdict IN ('unchecked', 'unknown_card')")
    op.create_index("ix_card_tap_again", "card_tap", ["inbox_id"], sqlite_where=again, postgresql_where=again)
    op.create_table(
        "terminal_day",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("taps", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device", "day", "currency", name=op.f("pk_terminal_day")),
    )
