"""Numbers that are printed on cards, and PINs that come over to the card that replaces another.

Revision: 0020
Follows: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision: str | None = "0019"


def upgrade() -> None:
    """Makes the table and the column."""
    op.create_table(
        "card_number",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["card.subject"], name=op.f("fk_card_number_subject")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_card_number")),
        sa.UniqueConstraint("subject", name=op.f("uq_card_number_subject")),
    )
    op.add_column("card_pin", sa.Column("named", sa.Text(), nullable=True))
