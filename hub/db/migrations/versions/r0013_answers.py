"""What the core answers to what citizens wrote.

Revision: 0013
Follows: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision: str | None = "0012"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table and its index."""
    op.create_table(
        "mailbox_answer",
        sa.Column("id", _ID, nullable=False),
        sa.Column("entry", _ID, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=True),
        sa.Column("heard_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'closed')", name=op.f("ck_mailbox_answer_status")),
        sa.ForeignKeyConstraint(["entry"], ["mailbox_entry.id"], name=op.f("fk_mailbox_answer_entry")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox_answer")),
    )
    op.create_index("ix_mailbox_answer_entry", "mailbox_answer", ["entry", "id"])
