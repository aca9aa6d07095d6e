"""Pictures of repairs.

Revision: 0010
Follows: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "report_picture",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reference"], ["service_request.reference"], name=op.f("fk_report_picture_reference")
        ),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_report_picture")),
    )
