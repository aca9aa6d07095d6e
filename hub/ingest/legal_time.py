"""Legal time: an opened event as it is dated when it is applied.

Here and not where a line is opened: a line is opened ahead, and the birth that tells the time may stand
before it in the same transaction. The line keeps the device's own word.

Source: docs/PROTOCOL.md, sentence H-14.
"""

from dataclasses import replace

from hub.db.unit_of_work import UnitOfWork
from hub.ingest.ports import KeyBook
from shared.model.event import Event
from shared.model.instants import is_trusted
from shared.protocol.dating import date


def dated(event: Event, uow: UnitOfWork, keys: KeyBook, received_ms: int) -> Event:
    """Return an event with its legal instant.

    Args:
        event: as the device wrote it.
        uow: the transaction; births that were confirmed in it count.
        keys: the key registry.
        received_ms: the hub's clock when the event came.
    """
    if is_trusted(event.clock_age_s) and event.time_ms <= received_ms:
        return event  # nearly always
    found = date(
        event.boot,
        event.uptime_ms,
        event.time_ms,
        event.clock_age_s,
        uow.delivery.anchors(event.device),
        received_ms,
        keys.enrolled_ms(event.device),
    )
    return replace(event, time_ms=found.legal_ms)
