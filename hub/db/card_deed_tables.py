"""The table of what is done with cards at desks. It keeps the rules of `hub.db.tables`.

A row is there before the card is asked to let its deed count; only how it ended is written later.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    text,
)

from hub.db.card_tables import card
from hub.db.tables import metadata

card_deed = Table(
    "card_deed",
    metadata,
    Column("id", Text, primary_key=True),
    Column("device", Text, nullable=False),
    Column("subject", Text, ForeignKey(card.c.subject), nullable=False),
    Column("uid", LargeBinary, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("asked", JSON, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("holder", LargeBinary),
    Column("state", Text, nullable=False),
    Column("mac", LargeBinary),
    Column("at_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger),
    CheckConstraint("state IN ('open', 'happened', 'never', 'clerk')", name="state"),
)
_OPEN = text("state = 'open'")
Index("uq_card_deed_open", card_deed.c.uid, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("ix_card_deed_subject", card_deed.c.subject, card_deed.c.counter)
