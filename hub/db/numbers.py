"""Surrogate ids that are known before the row is written.

On SQLite the one writer counts on from the highest id; on PostgreSQL blocks are drawn from a sequence,
because several workers write. Ids drawn for a transaction that failed leave a hole, and holes mean nothing.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, func, literal_column, select

from hub.db.statements import read_all
from hub.db.tables import ACCOUNT_IDS, JOURNAL_IDS, account, journal

BLOCK = 64
"""Ids drawn from a sequence at once: a round trip for every 64 rows."""

_TABLES = {"account": (account, ACCOUNT_IDS), "journal": (journal, JOURNAL_IDS)}
_HIGHEST = {name: select(func.max(counted.c.id)) for name, (counted, _) in _TABLES.items()}
_BLOCKS = {
    name: select(sequence.next_value()).select_from(
        func.generate_series(literal_column("1"), literal_column(str(BLOCK)))
    )
    for name, (_, sequence) in _TABLES.items()
}


class Numbers:
    """The ids of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._drawn: dict[str, Iterator[int]] = {}

    def next_id(self, table: str) -> int:
        """The next id of `account` or `journal`."""
        ids = self._drawn.get(table)
        if ids is None:
            ids = self._drawn[table] = self._draw(table)
        return next(ids)

    def _draw(self, table: str) -> Iterator[int]:
        if self._connection.dialect.name == "postgresql":
            while True:
                yield from (number for (number,) in read_all(self._connection, _BLOCKS[table]))
        ((highest,),) = read_all(self._connection, _HIGHEST[table])
        number = highest or 0
        while True:
            number += 1
            yield number
