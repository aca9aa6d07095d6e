"""The table of the citizens' mailbox. It belongs to the schema of `hub.db.tables` and keeps its rules.

Nothing in it is changed but that `said` is emptied, and the words of answers with it: telephones and words of
citizens end with what they were given for (`hub.jobs.mailbox_retention`).
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from hub.db.tables import ID, metadata

mailbox_entry = Table(
    "mailbox_entry",
    metadata,
    Column("id", ID, primary_key=True),
    Column("device", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reference", Text),
    Column("about", Text),
    Column("report", Text),
    Column("score", Integer),
    Column("said", JSON, nullable=False),
    Column("occurred_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    CheckConstraint("kind IN ('support', 'rating', 'suggestion', 'callback')", name="kind"),
    CheckConstraint("score BETWEEN 1 AND 5", name="score"),
    UniqueConstraint("device", "event_id"),
)
"""What citizens said besides reports; `about` names a report as they did, `report` as the hub knew it."""

_HAS_REFERENCE = text("reference IS NOT NULL")
Index(
    "uq_mailbox_entry_reference",
    mailbox_entry.c.reference,
    unique=True,
    sqlite_where=_HAS_REFERENCE,
    postgresql_where=_HAS_REFERENCE,
)
_SPEAKS_OF_A_REPORT = text("about IS NOT NULL")
Index(
    "ix_mailbox_entry_about",
    mailbox_entry.c.about,
    mailbox_entry.c.kind,
    sqlite_where=_SPEAKS_OF_A_REPORT,
    postgresql_where=_SPEAKS_OF_A_REPORT,
)

mailbox_answer = Table(
    "mailbox_answer",
    metadata,
    Column("id", ID, primary_key=True),
    Column("entry", ID, ForeignKey(mailbox_entry.c.id), nullable=False),
    Column("status", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("updated_ms", BigInteger),
    Column("heard_ms", BigInteger, nullable=False),
    CheckConstraint("status IN ('open', 'closed')", name="status"),
)
"""What the core answered to each entry, in the order in which the hub heard it."""

Index("ix_mailbox_answer_entry", mailbox_answer.c.entry, mailbox_answer.c.id)
