"""Tables of places, interests and notices. They belong to the schema of `hub.db.tables` and keep its rules.

`beacon_stand` and `beacon_change` are records: they are only ever added to (`hub.db.triggers`). Texts by
language, and what a notice says, are JSON text: a database's own JSON would not keep it byte for byte.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from hub.db.tables import ID, metadata

beacon_place = Table(
    "beacon_place",
    metadata,
    Column("code", Text, primary_key=True),
    Column("district", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("lat", Float),
    Column("long", Float),
    Column("position", Text, nullable=False),
    Column("is_withdrawn", Boolean, nullable=False),
)
"""Where beacons stand; a code stays for ever."""

beacon_stand = Table(
    "beacon_stand",
    metadata,
    Column("id", ID, primary_key=True),
    Column("place", Text, ForeignKey(beacon_place.c.code), nullable=False),
    Column("device", Text),
    Column("since_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
)
"""Which device stands at a place since when, in order; without a device: none."""
Index("ix_beacon_stand_place", beacon_stand.c.place, beacon_stand.c.id)

beacon_interest = Table(
    "beacon_interest",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("is_withdrawn", Boolean, nullable=False),
)
"""What people may care about."""

beacon_notice = Table(
    "beacon_notice",
    metadata,
    Column("notice", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("districts", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("drafted_by", Text, nullable=False),
    Column("drafted_ms", BigInteger, nullable=False),
    Column("decided_by", Text),
    Column("decided_ms", BigInteger),
    PrimaryKeyConstraint("notice", "version"),
    CheckConstraint("state IN ('draft', 'approved', 'replaced', 'withdrawn')", name="state"),
)
"""Every version of every notice."""
_SAID = text("state = 'approved'")
Index(
    "uq_beacon_notice_approved",
    beacon_notice.c.notice,
    unique=True,
    sqlite_where=_SAID,
    postgresql_where=_SAID,
)

beacon_change = Table(
    "beacon_change",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint("kind IN ('place', 'interest', 'notice')", name="kind"),
)
"""Who did what with places, interests and notices, in order."""
Index("ix_beacon_change_name", beacon_change.c.kind, beacon_change.c.name, beacon_change.c.id)
