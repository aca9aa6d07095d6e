"""The table of firmwares that the hub offers to beacons. It belongs to the schema of `hub.db.tables`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from hub.db.tables import metadata

firmware = Table(
    "firmware",
    metadata,
    Column("board", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("site", Text, nullable=False),
    Column("share", Integer, nullable=False),
    Column("is_withdrawn", Boolean, nullable=False),
    Column("who", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("board", "sequence"),
    CheckConstraint("share BETWEEN 0 AND 100", name="share"),
)
"""Every firmware that was ever offered, as the town signed it; `site` empty: to every site."""
