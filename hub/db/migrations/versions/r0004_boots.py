"""The hub remembers at which uptime of which boot a device was welcomed, to date what its clock cannot.

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Makes the table of boots."""
    op.create_table(
        "device_boot",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("uptime_ms", sa.BigInteger(), nullable=False),
        sa.Column("hub_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device", "boot", name=op.f("pk_device_boot")),
    )
