"""Every table of the hub, in SQLAlchemy Core; one definition for SQLite and PostgreSQL.

Rules:
- Instants are Unix milliseconds in columns `…_ms`; a day of the books is an ISO date; money is minor units.
- Every constraint has a name (`NAMING`), so that a migration can speak of it on both databases.
- What must not change is held by triggers (`hub.db.triggers`), and a posting moves an amount from one account
  to another, so the legs of a journal add up to nothing by construction.
- An index of work that waits is partial: it stays as small as the work, however much is done.

Not here: how the schema grows (`hub.db.migrations`), and any query.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    text,
)

NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

metadata = MetaData(naming_convention=NAMING)

ID = BigInteger().with_variant(Integer, "sqlite")
"""A surrogate key; SQLite takes only INTEGER for its rowid."""

# ---- Devices and delivery ---------------------------------------------------------------------------------

device = Table(
    "device",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("site", Text),
    Column("enrolled_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="active"),
    Column("firmware", Text),
    Column("last_birth_boot", BigInteger),
    Column("last_birth_uptime_ms", BigInteger),
    Column("last_seen_ms", BigInteger),
    Column("waiting_ms", JSON),
    CheckConstraint("state IN ('active', 'fenced', 'revoked')", name="state"),
)

device_epoch = Table(
    "device_epoch",
    metadata,
    Column("device", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("watermark", BigInteger, nullable=False),
    Column("chain", LargeBinary),
    Column("heard", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("oldest", BigInteger, nullable=False),
    Column("floor", BigInteger, nullable=False),
    Column("by_id", Boolean, nullable=False),
    Column("forked", Boolean, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("reopened", Boolean, nullable=False),
    PrimaryKeyConstraint("device", "stream", "epoch"),
)

device_boot = Table(
    "device_boot",
    metadata,
    Column("device", Text, nullable=False),
    Column("boot", BigInteger, nullable=False),
    Column("uptime_ms", BigInteger, nullable=False),
    Column("hub_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("device", "boot"),
)
"""The first welcome of each of a device's newest boots: they date what its clock cannot."""

inbox = Table(
    "inbox",
    metadata,
    Column("id", ID, primary_key=True),
    Column("device", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    UniqueConstraint("device", "event_id"),
)

sealing_context = Table(
    "sealing_context",
    metadata,
    Column("device", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    PrimaryKeyConstraint("device", "context"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", ID, primary_key=True),
    Column("device", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("event_id", Text),
    Column("type", Text),
    Column("subject", Text),
    Column("reason", Text, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint("state IN ('waiting', 'released', 'discarded')", name="state"),
)
Index(
    "ix_quarantine_waiting",
    quarantine.c.device,
    quarantine.c.subject,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)
Index("ix_quarantine_event", quarantine.c.device, quarantine.c.event_id)

loss_record = Table(
    "loss_record",
    metadata,
    Column("id", ID, primary_key=True),
    Column("device", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("possibly_more", Boolean, nullable=False),
    Column("found", BigInteger, nullable=False, server_default=text("0")),
    Column("resolved", Boolean, nullable=False, server_default=text("false")),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint("found >= 0", name="found"),
)
Index("ix_loss_record_epoch", loss_record.c.device, loss_record.c.stream, loss_record.c.epoch)

loss_found = Table(
    "loss_found",
    metadata,
    Column("loss_id", ID, ForeignKey(loss_record.c.id), nullable=False),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("loss_id", "seq"),
)
"""The numbers of a loss record that arrived after all."""

exception = Table(
    "exception",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("device", Text),
    Column("detail", JSON, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("resolved_ms", BigInteger),
)
Index(
    "ix_exception_open",
    exception.c.kind,
    sqlite_where=text("resolved_ms IS NULL"),
    postgresql_where=text("resolved_ms IS NULL"),
)

device_state = Table(
    "device_state",
    metadata,
    Column("device", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text),
    Column("time_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("device", "key"),
)

device_counters = Table(
    "device_counters",
    metadata,
    Column("device", Text, primary_key=True),
    Column("counters", JSON, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
)

hub_life = Table(
    "hub_life",
    metadata,
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False, server_default="0"),
    Column("beat_ms", BigInteger, nullable=False),
    Column("cautious_until_ms", BigInteger),
)
"""The hub's starts as this database knows them; the key folder, never restored with it, knows them too."""

# ---- The town's nouns -------------------------------------------------------------------------------------

service_request = Table(
    "service_request",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("device", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("service_code", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("lat", Float),
    Column("long", Float),
    Column("address", Text),
    Column("channel", Text, nullable=False),
    Column("contact", JSON),
    Column("status", Text, nullable=False),
    Column("requested_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("core_ref", Text),
    CheckConstraint("status IN ('open', 'closed')", name="status"),
)
Index("ix_service_request_received_ms", service_request.c.received_ms)
Index("ix_service_request_event_id", service_request.c.event_id)
_OPEN = text("status = 'open'")
Index(
    "ix_service_request_near",
    service_request.c.service_code,
    service_request.c.lat,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)

notice_response = Table(
    "notice_response",
    metadata,
    Column("id", ID, primary_key=True),
    Column("device", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("notice", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("channel", Text),
    Column("subject", Text),
    Column("occurred_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    CheckConstraint("kind IN ('shown', 'subscribed', 'consented')", name="kind"),
    UniqueConstraint("device", "event_id"),
)

# ---- The ledger -------------------------------------------------------------------------------------------

account = Table(
    "account",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=False),
    Column("code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("floor_minor", BigInteger),
    Column("balance_minor", BigInteger, nullable=False),
    UniqueConstraint("code", "currency"),
    CheckConstraint("balance_minor >= floor_minor", name="floor"),
)

journal = Table(
    "journal",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=False),
    Column("device", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("effect_key", Text, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reverses", ID, ForeignKey("journal.id")),
    Column("occurred_ms", BigInteger, nullable=False),
    Column("booked_ms", BigInteger, nullable=False),
    Column("business_day", Text, nullable=False),
    Column("subject", Text),
    Column("counter", BigInteger),
    UniqueConstraint("effect_key"),
)
Index(
    "uq_journal_reverses",
    journal.c.reverses,
    unique=True,
    sqlite_where=text("reverses IS NOT NULL"),
    postgresql_where=text("reverses IS NOT NULL"),
)

posting = Table(
    "posting",
    metadata,
    Column("journal_id", ID, ForeignKey("journal.id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("debit_account", ID, ForeignKey("account.id"), nullable=False),
    Column("credit_account", ID, ForeignKey("account.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("journal_id", "n"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("debit_account <> credit_account", name="accounts"),
    sqlite_with_rowid=False,
)

card_counter = Table(
    "card_counter",
    metadata,
    Column("subject", Text, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("journal_id", ID, ForeignKey("journal.id"), nullable=False),
    PrimaryKeyConstraint("subject", "counter"),
    sqlite_with_rowid=False,
)

ACCOUNT_IDS = Sequence("account_id_seq", metadata=metadata)
JOURNAL_IDS = Sequence("journal_id_seq", metadata=metadata)
"""Where ids are drawn on PostgreSQL; SQLite's one writer counts by itself."""

LEDGER_LEG = """
CREATE VIEW ledger_leg AS
SELECT journal_id, n, debit_account AS account_id, -amount_minor AS amount_minor FROM posting
UNION ALL
SELECT journal_id, n, credit_account, amount_minor FROM posting
"""
"""The signed legs of every posting: what leaves an account is negative there."""

# ---- Work towards the core --------------------------------------------------------------------------------

outgoing = Table(
    "outgoing",
    metadata,
    Column("id", ID, primary_key=True),
    Column("effect_key", Text, nullable=False),
    Column("connector", Text, nullable=False),
    Column("aggregate", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_ms", BigInteger),
    Column("last_error", Text),
    Column("core_ref", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger),
    UniqueConstraint("effect_key"),
    CheckConstraint("state IN ('waiting', 'done', 'dead', 'undecided')", name="state"),
)
_NOT_DONE = text("state <> 'done'")
_WAITING = text("state = 'waiting'")
Index(
    "ix_outgoing_open",
    outgoing.c.connector,
    outgoing.c.aggregate,
    outgoing.c.id,
    sqlite_where=_NOT_DONE,
    postgresql_where=_NOT_DONE,
)
Index(
    "ix_outgoing_due",
    outgoing.c.connector,
    outgoing.c.due_ms,
    outgoing.c.id,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
