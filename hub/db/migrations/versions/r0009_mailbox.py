"""The citizens' mailbox; reports found by their public code, and near a place.

Revision: 0009
Follows: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table and the indexes."""
    op.create_table(
        "mailbox_entry",
        sa.Column("id", _ID, nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("occurred_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('support', 'rating', 'suggestion', 'callback')", name=op.f("ck_mailbox_entry_kind")
        ),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_mailbox_entry_score")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox_entry")),
        sa.UniqueConstraint("device", "event_id", name=op.f("uq_mailbox_entry_device_event_id")),
    )
    has_reference = sa.text("reference IS NOT NULL")
    op.create_index(
        "uq_mailbox_entry_reference",
        "mailbox_entry",
        ["reference"],
        unique=True,
        sqlite_where=has_reference,
        postgresql_where=has_reference,
    )
    speaks_of_a_report = sa.text("about IS NOT NULL")
    op.create_index(
        "ix_mailbox_entry_about",
        "mailbox_entry",
        ["about", "kind"],
        sqlite_where=speaks_of_a_report,
        postgresql_where=speaks_of_a_report,
    )
    op.create_index("ix_service_request_event_id", "service_request", ["event_id"])
    is_open = sa.text("status = 'open'")
    op.create_index(
        "ix_service_request_near",
        "service_request",
        ["service_code", "lat"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
