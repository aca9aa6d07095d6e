"""The table of attachments: what devices announced, and what became of each body.

The bodies themselves lie outside the database (`hub.attachments`); their keys in the inbox's sealed lines.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from hub.db.tables import metadata

attachment = Table(
    "attachment",
    metadata,
    Column("device", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("revoked", Boolean, nullable=False),
    Column("announced_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger),
    Column("told_ms", BigInteger),
    PrimaryKeyConstraint("device", "sha256"),
    CheckConstraint("state IN ('missing', 'stored', 'lost', 'forgotten')", name="state"),
)
Index("ix_attachment_event", attachment.c.device, attachment.c.event_id)
Index(
    "ix_attachment_missing",
    attachment.c.device,
    attachment.c.announced_ms,
    sqlite_where=text("state = 'missing'"),
    postgresql_where=text("state = 'missing'"),
)
Index(
    "ix_attachment_untold",
    attachment.c.device,
    attachment.c.event_id,
    sqlite_where=text("state = 'stored' AND told_ms IS NULL"),
    postgresql_where=text("state = 'stored' AND told_ms IS NULL"),
)
