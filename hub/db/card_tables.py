"""Tables of the town's cards. They belong to the schema of `hub.db.tables` and keep its rules.

`card_change` is a record: it is only ever added to (`hub.db.triggers`).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from hub.db.tables import ID, metadata

card = Table(
    "card",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("card_id", LargeBinary, nullable=False),
    Column("issue", Integer, nullable=False),
    Column("uid", LargeBinary, nullable=False),
    Column("category", Integer, nullable=False),
    Column("is_anonymous", Boolean, nullable=False),
    Column("key_version", Integer, nullable=False),
    Column("seal_version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("state_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    UniqueConstraint("card_id", "issue"),
    CheckConstraint("state IN ('issued', 'blocked', 'replaced', 'refunded')", name="state"),
)
"""The register: every card that the town ever issued."""

_IN_USE = text("state IN ('issued', 'blocked')")
Index("uq_card_uid", card.c.uid, unique=True, sqlite_where=_IN_USE, postgresql_where=_IN_USE)
_DENIED = text("state <> 'issued'")
Index("ix_card_denied", card.c.card_id, sqlite_where=_DENIED, postgresql_where=_DENIED)

card_change = Table(
    "card_change",
    metadata,
    Column("id", ID, primary_key=True),
    Column("subject", Text, ForeignKey(card.c.subject), nullable=False),
    Column("state", Text, nullable=False),
    Column("key_version", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
"""What was done with each card, in order."""
Index("ix_card_change_subject", card_change.c.subject, card_change.c.id)

card_pin = Table(
    "card_pin",
    metadata,
    Column("subject", Text, ForeignKey(card.c.subject), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("missed", Integer, nullable=False),
    Column("set_ms", BigInteger, nullable=False),
    Column("named", Text, nullable=True),
)
"""What is kept of a card's PIN, and how often it was missed since it was last right; no row: it has none.

`named` is the pseudonym that its digest has in it, where that is not the card's own: the PIN came over from a
card that this one replaces.
"""

card_number = Table(
    "card_number",
    metadata,
    Column("number", Text, primary_key=True),
    Column("subject", Text, ForeignKey(card.c.subject), nullable=False),
    UniqueConstraint("subject"),
)
"""The number that is printed on each card, drawn when a desk first asks for it."""
