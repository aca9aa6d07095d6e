"""Whether an event has arrived that somebody knows by its place in a device's outbox."""

from enum import StrEnum

from sqlalchemy import Connection, exists, select

from hub.db.tables import device_epoch, loss_found, loss_record


class Arrival(StrEnum):
    """How far an event has come."""

    ARRIVED = "arrived"
    NOT_YET = "not_yet"
    LOST = "lost"
    """It cannot come any more, and a loss record covers its number."""


def arrival_of(connection: Connection, device: str, stream: str, epoch: str, seq: int) -> Arrival:
    """Tell how far an event has come.

    Args:
        connection: any.
        device: whose it is.
        stream: its lane.
        epoch: of the lane.
        seq: its number there.
    """
    place = (device_epoch.c.device == device, device_epoch.c.stream == stream, device_epoch.c.epoch == epoch)
    watermark = connection.execute(select(device_epoch.c.watermark).where(*place)).scalar()
    if watermark is None or watermark < seq:
        return Arrival.NOT_YET
    covering = select(loss_record.c.id).where(
        loss_record.c.device == device,
        loss_record.c.stream == stream,
        loss_record.c.epoch == epoch,
        loss_record.c.first_seq <= seq,
        loss_record.c.last_seq >= seq,
        loss_record.c.resolved.is_(False),
        ~exists().where(loss_found.c.loss_id == loss_record.c.id, loss_found.c.seq == seq),
    )
    return Arrival.LOST if connection.execute(covering).first() else Arrival.ARRIVED
