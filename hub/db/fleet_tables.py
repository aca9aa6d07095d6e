"""Tables of what the hub wants of its devices: settings, bundles, commands, and what devices report of them.

They belong to the schema of `hub.db.tables` and keep its rules. Versions are two columns, `incarnation` and
`n`. A setting's value is JSON text, because a database's own JSON would not keep it byte for byte.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from hub.db.tables import ID, metadata

setting = Table(
    "setting",
    metadata,
    Column("level", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("change_id", ID, nullable=False),
    PrimaryKeyConstraint("level", "target", "name"),
    CheckConstraint("level IN ('city', 'district', 'site', 'device')", name="level"),
)
"""What is set now, at each level."""

setting_change = Table(
    "setting_change",
    metadata,
    Column("id", ID, primary_key=True),
    Column("level", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("who", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("undoes", ID),
)
"""Who changed what; a value that is null was, or is, not set."""

site_district = Table(
    "site_district",
    metadata,
    Column("site", Text, primary_key=True),
    Column("district", Text, nullable=False),
)

device_twin = Table(
    "device_twin",
    metadata,
    Column("device", Text, primary_key=True),
    Column("incarnation", BigInteger),
    Column("n", BigInteger),
    Column("doc", Text),
    Column("confirm_s", Integer),
    Column("reported_incarnation", BigInteger),
    Column("reported_n", BigInteger),
    Column("state", Text),
    Column("why", Text),
    Column("refused", JSON),
    Column("reported_ms", BigInteger),
)
"""The settings that each device was last given, and what it last said of them."""

bundle = Table(
    "bundle",
    metadata,
    Column("name", Text, nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("name", "incarnation", "n"),
)

bundle_place = Table(
    "bundle_place",
    metadata,
    Column("name", Text, nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("level", Text, nullable=False),
    Column("target", Text, nullable=False),
    PrimaryKeyConstraint("name", "incarnation", "n"),
    CheckConstraint("level IN ('district', 'site', 'device')", name="level"),
)
"""For whom a version is that is not for everyone."""

device_bundle = Table(
    "device_bundle",
    metadata,
    Column("device", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("device", "name"),
)

device_command = Table(
    "device_command",
    metadata,
    Column("id", Text, primary_key=True),
    Column("device", Text, nullable=False),
    Column("op", Text, nullable=False),
    Column("args", JSON, nullable=False),
    Column("who", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("detail", Text),
    Column("data", JSON),
    Column("answered_ms", BigInteger),
    CheckConstraint("state IN ('waiting', 'accepted', 'running', 'done', 'failed', 'expired')", name="state"),
)
Index("ix_device_command_device", device_command.c.device, device_command.c.created_ms)
