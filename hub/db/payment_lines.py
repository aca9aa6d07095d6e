"""The lines behind settlements, in the bytes that the devices signed; for the check before settlement.

Not here: the check (`hub.jobs.signatures`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from hub.db.statements import among
from hub.db.tables import inbox, outgoing
from shared.model.event import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLine:
    """A payment as the hub took it.

    Attributes:
        line: in the very bytes that came.
    """

    device: str
    event_id: str
    stream: Stream
    epoch: str
    line: bytes


def payment_lines(connection: Connection, effect_keys: Sequence[str]) -> dict[str, PaymentLine]:
    """The lines from which effects followed, by effect key; an effect without its line is left out.

    Args:
        connection: any.
        effect_keys: of outgoing work.
    """
    rows = connection.execute(
        select(
            outgoing.c.effect_key,
            inbox.c.device,
            inbox.c.event_id,
            inbox.c.stream,
            inbox.c.epoch,
            inbox.c.line,
        )
        .join(inbox, (inbox.c.device == outgoing.c.device) & (inbox.c.event_id == outgoing.c.event_id))
        .where(among(connection, outgoing.c.effect_key, effect_keys))
    )
    return {
        row.effect_key: PaymentLine(
            device=row.device,
            event_id=row.event_id,
            stream=Stream(row.stream),
            epoch=row.epoch,
            line=row.line,
        )
        for row in rows
    }
