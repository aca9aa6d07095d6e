"""Surrogate ids that are known before the row is written.

On SQLite the one writer counts on from the highest id; on PostgreSQL blocks are drawn from a sequence,
because several workers write. Ids drawn for a transaction that failed leave a hole, and holes mean nothing.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from hub.db.tables import ACCOUNT_IDS, JOURNAL_IDS, account, journal

BLOCK = 64
"""Ids drawn from a sequence at once: a round trip for every 64 rows."""

_SOURCES = {"account": (account, ACCOUNT_IDS), "journal": (journal, JOURNAL_IDS)}


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
        counted, sequence = _SOURCES[table]
        if self._connection.dialect.name == "postgresql":
            block = select(sequence.next_value()).select_from(func.generate_series(1, BLOCK))
            while True:
                yield from self._connection.execute(block).scalars().all()
        highest = self._connection.execute(select(func.max(counted.c.id))).scalar_one()
        number = highest or 0
        while True:
            number += 1
            yield number
