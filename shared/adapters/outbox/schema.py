"""The outbox's tables, and how a line's place in them is spelled.

A *place* is one integer for epoch and number: `epoch's row << 32 | seq`. It orders a lane's whole life, so
one place is the lane's watermark, and lines of a new epoch always land at the right end of their B-tree.

- `owner`: the device, twice: one flipped bit does not make it a stranger.
- `epoch`: one row per epoch; `base` is the last number that has expired, `base_chain` the value after it.
- `line_<stream>`: what was appended. `prev` and `chain` are the values before and after the line, so that a
  row proves itself; `bytes` is what it costs its lane; `back` says how many lines earlier its sealed
  context stands.
- `context`: a sealed context, at the place of the first line that needs it.
- `gap`: numbers that gave way, from `place` to `last`.
- `acknowledged`: up to `place`, lines were acknowledged at `at` or earlier. The newest row is the watermark.

Ids have no index: a second B-tree would cost every append a second page (10 % of its speed, twice the wear of
the card), and an id is looked up only after a failed sync. Not here: what the rows mean (`lane`).
"""

import re
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Final

from sqlite_utils import Database, Migrations
from sqlite_utils.db import Table

from shared.model.event import Stream
from shared.protocol.delivery import LANES

Statement = tuple[str, tuple[object, ...]]

_EPOCH_NAME: Final = re.compile("[0-9a-f]{8}")
SEQ_BITS: Final = 32
SEQ_MAX: Final = (1 << SEQ_BITS) - 1
PLACE_MAX: Final = (1 << 63) - 1
"""SQLite's rowids go no further."""
ROW_BYTES: Final = 96
"""What a row costs beside its line: keys, chain values and its share of the page."""
CONTEXT_SPAN: Final = 256
"""A stored context serves this many numbers; a line further on stores it anew. So a context can be let go
with the lines around it, without looking for who may still need it."""


@dataclass(frozen=True, slots=True)
class LaneSql:
    """The statements of one lane; `of` puts its table's name where `LINES` stands."""

    insert: str = (
        "INSERT INTO LINES (place, at, event, bytes, back, key, prev, chain, line)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    rows: str = "SELECT place, prev, chain, line, back FROM LINES WHERE place BETWEEN ? AND ? ORDER BY place"
    pair: str = "SELECT place, prev, chain, line, back FROM LINES WHERE place IN (?, ?) ORDER BY place"
    after: str = "SELECT place, prev, chain, line, bytes, key FROM LINES WHERE place > ? ORDER BY place"
    newest: str = "SELECT place, chain FROM LINES WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1"
    nth: str = "SELECT place FROM LINES WHERE place <= ? ORDER BY place LIMIT 1 OFFSET ?"
    costs: str = "SELECT place, bytes FROM LINES WHERE place > ? ORDER BY place"
    cost: str = "SELECT coalesce(sum(bytes), 0) FROM LINES WHERE place > ? AND place <= ?"
    oldest_at: str = "SELECT at FROM LINES WHERE place > ? ORDER BY place LIMIT 1"
    find: str = "SELECT place FROM LINES WHERE event = ? ORDER BY place DESC LIMIT 1"
    delete: str = "DELETE FROM LINES WHERE place BETWEEN ? AND ?"

    @classmethod
    def of(cls, stream: Stream) -> "LaneSql":
        """Spell the statements of a stream's table."""
        blank = asdict(cls())
        return cls(**{name: sql.replace("LINES", f"line_{stream.value}") for name, sql in blank.items()})


def place_of(epoch_number: int, seq: int) -> int:
    """Return the place of number `seq` in the epoch of row `epoch_number`."""
    return epoch_number << SEQ_BITS | seq


def epoch_number_of(place: int) -> int:
    """Return the row of a place's epoch."""
    return place >> SEQ_BITS


def seq_of(place: int) -> int:
    """Return the number of a place within its epoch."""
    return place & SEQ_MAX


def is_epoch_name(text: str) -> bool:
    """Tell whether a stored text can name an epoch."""
    return _EPOCH_NAME.fullmatch(text) is not None


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to this version; a file that is there already is not written to."""
    database = Database(connection, recursive_triggers=False, execute_plugins=False)
    _migrations().apply(database)


def is_ours(connection: sqlite3.Connection) -> bool:
    """Tell whether the tables are those that `migrate` makes: a flipped bit may have renamed a column."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh)
        return _layout(connection) == _layout(fresh)


def _layout(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    tables = (
        "owner",
        "epoch",
        *(f"line_{stream.value}" for stream in LANES),
        "context",
        "gap",
        "acknowledged",
    )
    return {table: connection.execute(f"PRAGMA table_info({table})").fetchall() for table in tables}


def _migrations() -> Migrations:
    steps = Migrations("outbox")

    @steps(name="001_first")
    def _(database: Database) -> None:
        _table(database, "owner").create({"device": str}, strict=True)
        _table(database, "epoch").create(
            {"number": int, "stream": str, "name": str, "base": int, "base_chain": bytes},
            pk="number",
            not_null={"stream", "name", "base", "base_chain"},
            strict=True,
        )
        for stream in LANES:
            _table(database, f"line_{stream.value}").create(
                {
                    "place": int,
                    "at": int,
                    "event": bytes,
                    "bytes": int,
                    "back": int,
                    "key": str,
                    "prev": bytes,
                    "chain": bytes,
                    "line": bytes,
                },
                pk="place",
                not_null={"at", "event", "bytes", "prev", "chain", "line"},
                strict=True,
            )
        _table(database, "context").create(
            {"place": int, "name": str, "sealed": str},
            pk="place",
            not_null={"name", "sealed"},
            strict=True,
        )
        _table(database, "gap").create(
            {"place": int, "last": int, "reason": str, "prev": bytes, "head": bytes},
            pk="place",
            not_null={"last", "reason", "prev", "head"},
            strict=True,
        )
        _table(database, "acknowledged").create(
            {"number": int, "stream": str, "place": int, "since": int, "at": int},
            pk="number",
            not_null={"stream", "place", "since", "at"},
            strict=True,
        )

    return steps


def _table(database: Database, name: str) -> Table:
    return database.table(name)
