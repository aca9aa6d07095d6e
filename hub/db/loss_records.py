"""Loss records and what became of them: a number that arrives after all is counted, the record stays.

A record is resolved when every number of its range has been found. One that says "possibly more" is resolved
the same way: what it could not count, nobody can wait for.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, Row, func, select, update

from hub.db.statements import insert_sql, write_many
from hub.db.tables import loss_found, loss_record

Place = tuple[str, str, str]
"""Device, stream, epoch."""


def note_found(connection: Connection, found: Mapping[Place, Collection[int]]) -> None:
    """Counts numbers that arrived towards the records that cover them.

    Args:
        connection: the writer's.
        found: numbers by device, stream and epoch; those that no record covers are passed over.
    """
    for place in sorted(found):
        for record in _unresolved(connection, place):
            seqs = [seq for seq in sorted(found[place]) if record.first_seq <= seq <= record.last_seq]
            if seqs:
                rows = [(record.id, seq) for seq in seqs]
                write_many(connection, insert_sql(connection, loss_found, ignore=True), rows)
                _count(connection, record.id, record.last_seq - record.first_seq + 1)


def _unresolved(connection: Connection, place: Place) -> Sequence[Row[int, int, int]]:
    device, stream, epoch = place
    return connection.execute(
        select(loss_record.c.id, loss_record.c.first_seq, loss_record.c.last_seq)
        .where(
            loss_record.c.device == device,
            loss_record.c.stream == stream,
            loss_record.c.epoch == epoch,
            loss_record.c.resolved.is_(False),
        )
        .order_by(loss_record.c.id)
    ).all()


def _count(connection: Connection, record: int, wanted: int) -> None:
    found = connection.execute(
        select(func.count()).select_from(loss_found).where(loss_found.c.loss_id == record)
    ).scalar_one()
    connection.execute(
        update(loss_record).where(loss_record.c.id == record).values(found=found, resolved=found >= wanted)
    )
