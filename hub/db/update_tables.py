"""Tables of what comes back from the core: the updates of reports, and the bundles that are one device's own.

They belong to the schema of `hub.db.tables` and keep its rules. `report_update` is a record: it is only ever
added to (`hub.db.triggers`).
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from hub.db.tables import ID, metadata, service_request

report_update = Table(
    "report_update",
    metadata,
    Column("id", ID, primary_key=True),
    Column("reference", Text, ForeignKey(service_request.c.reference), nullable=False),
    Column("device", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("updated_ms", BigInteger),
    Column("heard_ms", BigInteger, nullable=False),
    CheckConstraint("status IN ('open', 'closed')", name="status"),
)
"""What the core said of each report, in the order in which the hub heard it."""

Index("ix_report_update_reference", report_update.c.reference, report_update.c.id)
Index("ix_report_update_device", report_update.c.device, report_update.c.heard_ms)

report_picture = Table(
    "report_picture",
    metadata,
    Column("reference", Text, ForeignKey(service_request.c.reference), primary_key=True),
    Column("url", Text, nullable=False),
    Column("body", LargeBinary),
    Column("at_ms", BigInteger, nullable=False),
)
"""Where the core has a picture of a report, and that of its repair as a small JPEG; it may be replaced."""

device_own_bundle = Table(
    "device_own_bundle",
    metadata,
    Column("device", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("device", "name"),
)
"""The newest of each name that is for one device alone."""
