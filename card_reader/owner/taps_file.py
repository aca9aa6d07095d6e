"""The book's file: its one table, and the statements that change it. What they mean is in `book`.

    tap: event, card, record, is_keyed, at, state, counter, mac, reverses, day, amount
    counted: day, taps, amount, since, told_taps, told_amount

At most one tap of a card is open: the file itself refuses a second. And the file itself counts each tap once,
in the very step in which it turns out to have happened, on its card's day.
"""

import sqlite3
from typing import Final

from sqlite_utils import Database, Migrations

from shared.adapters.outbox.disk import Tables


def _migrate(connection: sqlite3.Connection) -> None:
    _migrations().apply(Database(connection, recursive_triggers=False, execute_plugins=False))


def _is_ours(connection: sqlite3.Connection) -> bool:
    columns = [row[1] for row in connection.execute("PRAGMA table_info(tap)")]
    return columns == _COLUMNS and len(connection.execute("PRAGMA table_info(owner)").fetchall()) == 1


def _migrations() -> Migrations:
    steps = Migrations("taps")

    @steps(name="001_first")
    def _(database: Database) -> None:
        database.table("owner").create({"device": str}, strict=True)
        database.table("tap").create(
            {
                "event": str,
                "card": bytes,
                "record": bytes,
                "is_keyed": int,
                "at": int,
                "state": int,
                "counter": int,
                "mac": bytes,
            },
            pk="event",
            not_null={"card", "record", "is_keyed", "at", "state"},
            strict=True,
        )
        database.conn.execute("CREATE UNIQUE INDEX one_open ON tap (card) WHERE state = 0")
        database.conn.execute("CREATE INDEX by_card ON tap (card, state)")

    @steps(name="002_taken_back")
    def _(database: Database) -> None:
        database.table("tap").add_column("reverses", str)

    @steps(name="003_counted")
    def _(database: Database) -> None:
        database.table("tap").add_column("day", str)
        database.table("tap").add_column("amount", int)
        database.table("counted").create(
            {"day": str, "taps": int, "amount": int, "since": int, "told_taps": int, "told_amount": int},
            pk="day",
            not_null={"taps", "amount", "since"},
            strict=True,
        )
        database.conn.execute(_COUNTS)

    return steps


_COUNTS: Final = """
CREATE TRIGGER counts AFTER UPDATE OF state ON tap
WHEN OLD.state IN (0, 3) AND NEW.state IN (1, 2) AND NEW.day IS NOT NULL
BEGIN
    INSERT INTO counted (day, taps, amount, since) VALUES (NEW.day, 1, NEW.amount, NEW.at)
    ON CONFLICT (day) DO UPDATE SET taps = taps + 1, amount = amount + excluded.amount;
END
"""
TABLES: Final = Tables(_migrate, _is_ours)
_COLUMNS: Final = [
    *("event", "card", "record", "is_keyed", "at", "state", "counter", "mac", "reverses", "day", "amount")
]
INSERT: Final = (
    "INSERT INTO tap (event, card, record, is_keyed, at, state, reverses, day, amount) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
UNTOLD_DAYS: Final = (
    "SELECT day, taps, amount, (SELECT min(since) FROM counted) FROM counted "
    "WHERE told_taps IS NOT taps OR told_amount IS NOT amount ORDER BY day"
)
DAY_TOLD: Final = "UPDATE counted SET told_taps = ?, told_amount = ? WHERE day = ?"
DAYS_OVER: Final = "DELETE FROM counted WHERE since < ? AND told_taps IS taps AND told_amount IS amount"
OPEN_OF: Final = "SELECT record, is_keyed FROM tap WHERE card = ? AND state = 0"
EVENT_OF: Final = "SELECT event, at, reverses FROM tap WHERE card = ? AND state = 0"
LAST_OF: Final = (
    "SELECT record, is_keyed FROM tap WHERE card = ? AND state IN (1, 2) ORDER BY at DESC, event DESC LIMIT 1"
)
RIDES_OF: Final = (
    "SELECT event, record FROM tap WHERE card = ? AND state IN (1, 2) ORDER BY at DESC, event DESC"
)
LATEST: Final = (
    "SELECT card, record FROM tap WHERE state IN (1, 2) AND at >= ? ORDER BY at DESC, event DESC LIMIT 1"
)
WAITS: Final = "SELECT 1 FROM tap WHERE event = ? AND state = 1"
HAPPENED: Final = "UPDATE tap SET state = 1, counter = ?, mac = ? WHERE event = ?"
SET: Final = "UPDATE tap SET state = ? WHERE event = ?"
FORGET: Final = "DELETE FROM tap WHERE card = ? AND state = 0"
TO_CLERK: Final = "UPDATE tap SET state = 3 WHERE card = ? AND state = 0"
OVERDUE: Final = "SELECT event FROM tap WHERE state = 0 AND at < ?"
OVER: Final = "DELETE FROM tap WHERE state = ? AND at < ?"
CLERKS: Final = "SELECT card, record FROM tap WHERE state IN (3, 4) ORDER BY at DESC LIMIT ?"
_ROWS: Final = "SELECT event, card, record, state, counter, mac, reverses FROM tap"
UNBOOKED: Final = f"{_ROWS} WHERE state IN (1, 3) ORDER BY state, at, event"
UNSETTLED: Final = f"{_ROWS} WHERE state IN (0, 1, 3) ORDER BY state, at, event"
"""What happened goes before what nobody knows: that may wait."""
