"""What is done with cards at desks.

Revision: 0014
Follows: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision: str | None = "0013"


def upgrade() -> None:
    """Makes the table and its indexes."""
    op.create_table(
        "card_deed",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("uid", sa.LargeBinary(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("settled_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'happened', 'never', 'clerk')", name=op.f("ck_card_deed_state")
        ),
        sa.ForeignKeyConstraint(["subject"], ["card.subject"], name=op.f("fk_card_deed_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_deed")),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        "uq_card_deed_open",
        "card_deed",
        ["uid"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index("ix_card_deed_subject", "card_deed", ["subject", "counter"])
