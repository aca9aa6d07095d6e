"""Tables of taps as the hub judges them, and of what terminals count themselves.

They belong to the schema of `hub.db.tables` and keep its rules. A row of `card_tap` follows from its line,
and may be made again; the line is the record.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from hub.db.tables import ID, inbox, metadata

card_tap = Table(
    "card_tap",
    metadata,
    Column("inbox_id", ID, ForeignKey(inbox.c.id), primary_key=True, autoincrement=False),
    Column("device", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("effect_key", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("line", Text),
    Column("subject", Text),
    Column("counter", BigInteger),
    Column("mark", LargeBinary),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
)
"""Each tap of the inbox: what it says, on which day of the town it was, and whether its card signed it."""

Index("ix_card_tap_day", card_tap.c.day, card_tap.c.device)
Index("ix_card_tap_counter", card_tap.c.subject, card_tap.c.counter)
_AGAIN = text("verdict IN ('unchecked', 'unknown_card')")
Index("ix_card_tap_again", card_tap.c.inbox_id, sqlite_where=_AGAIN, postgresql_where=_AGAIN)

terminal_day = Table(
    "terminal_day",
    metadata,
    Column("device", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("taps", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("told_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("device", "day", "currency"),
)
"""What each terminal counted on a day, as it told last; `since_ms`: since when its book counts."""
