"""What stands and waits in the database, counted for the operator; bounded by what is open, not by what was.

Every count runs on a partial index or on a table as small as the fleet.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select

from hub.db.attachment_tables import attachment
from hub.db.outgoing_repository import OutgoingRepository
from hub.db.tables import exception, loss_record, outgoing, quarantine


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """Counts at one instant.

    Attributes:
        quarantine: lines that wait, by device.
        losses: unresolved loss records, by reason.
        exceptions: open cases, by kind.
        outgoing: effects that are not done, by connector and state.
        oldest_outgoing_ms: when the oldest of them was decided, by connector.
        attachments_missing: bodies that devices announced and have not sent, by device.
    """

    quarantine: dict[str, int]
    losses: dict[str, int]
    exceptions: dict[str, int]
    outgoing: dict[tuple[str, str], int]
    oldest_outgoing_ms: dict[str, int]
    attachments_missing: dict[str, int]


def read_gauges(connection: Connection) -> Gauges:
    """Counts what stands and waits."""
    waiting = select(quarantine.c.device, func.count()).where(
        quarantine.c.state == literal_column("'waiting'")
    )
    lost = select(loss_record.c.reason, func.count()).where(loss_record.c.resolved.is_(False))
    cases = select(exception.c.kind, func.count()).where(exception.c.resolved_ms.is_(None))
    oldest = select(outgoing.c.connector, func.min(outgoing.c.created_ms)).where(
        outgoing.c.state != literal_column("'done'")
    )
    missing = select(attachment.c.device, func.count()).where(
        attachment.c.state == literal_column("'missing'")
    )
    return Gauges(
        quarantine=_pairs(connection, waiting.group_by(quarantine.c.device)),
        losses=_pairs(connection, lost.group_by(loss_record.c.reason)),
        exceptions=_pairs(connection, cases.group_by(exception.c.kind)),
        outgoing={
            (name, state.value): count
            for (name, state), count in OutgoingRepository(connection).counts().items()
        },
        oldest_outgoing_ms=_pairs(connection, oldest.group_by(outgoing.c.connector)),
        attachments_missing=_pairs(connection, missing.group_by(attachment.c.device)),
    )


def _pairs(connection: Connection, query: Select[Any, Any]) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(query)}
