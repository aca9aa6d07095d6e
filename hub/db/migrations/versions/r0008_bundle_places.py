"""Bundles for a district, a site or a device.

Revision: 0008
Follows: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    """Makes the table of bundles that are not for everyone."""
    op.create_table(
        "bundle_place",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.CheckConstraint("level IN ('district', 'site', 'device')", name=op.f("ck_bundle_place_level")),
        sa.PrimaryKeyConstraint("name", "incarnation", "n", name=op.f("pk_bundle_place")),
    )
