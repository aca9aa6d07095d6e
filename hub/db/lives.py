"""The hub's lives, as this database knows them.

A start of the hub is a life; within it a beat is counted every few seconds while the database changes. The
key folder holds the same two numbers (`hub.keys.database_mark`); a database that knows less was restored.
"""

from sqlalchemy import Connection, func, insert, select, update

from hub.db.tables import hub_life
from hub.keys.database_mark import Mark


class LifeRepository:
    """The table of lives, on a connection in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last(self) -> Mark | None:
        """The newest life and its last beat; None in a database that never had a hub."""
        newest = select(hub_life.c.incarnation, hub_life.c.beat)
        row = self._connection.execute(newest.order_by(hub_life.c.incarnation.desc()).limit(1)).first()
        return None if row is None else Mark(row.incarnation, row.beat)

    def begin(self, incarnation: int, now_ms: int) -> None:
        """Notes a start."""
        values = {"incarnation": incarnation, "started_ms": now_ms, "beat": 0, "beat_ms": now_ms}
        self._connection.execute(insert(hub_life).values(values))

    def beat(self, mark: Mark, now_ms: int) -> None:
        """Notes that a life goes on."""
        here = update(hub_life).where(hub_life.c.incarnation == mark.incarnation)
        self._connection.execute(here.values(beat=mark.beat, beat_ms=now_ms))

    def be_cautious(self, until_ms: int) -> None:
        """Keeps how long the core must be taken to know more than this database does."""
        newest = select(func.max(hub_life.c.incarnation)).scalar_subquery()
        here = update(hub_life).where(hub_life.c.incarnation == newest)
        self._connection.execute(here.values(cautious_until_ms=until_ms))

    def cautious_until_ms(self) -> int:
        """Until when; 0 if never."""
        return self._connection.execute(select(func.max(hub_life.c.cautious_until_ms))).scalar_one() or 0
