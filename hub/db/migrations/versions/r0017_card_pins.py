"""What is kept of cards' PINs.

Revision: 0017
Follows: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision: str | None = "0016"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "card_pin",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("set_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["card.subject"], name=op.f("fk_card_pin_subject")),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_card_pin")),
    )
