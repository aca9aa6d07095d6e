"""Release: what waits in quarantine is taken after all, in its order.

A clerk has looked at the device or at the event. What can be taken now is; what still cannot stays where it is,
and what waits behind it goes on waiting. Nothing is taken twice: the inbox knows every line already.
"""

from collections.abc import Iterable

from hub.db.quarantine_repository import Quarantined, QuarantineRepository
from hub.db.unit_of_work import UnitOfWork
from hub.ingest.opening import Opener
from hub.usecases.take_event import take
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol.delivery import HubEpoch


def release(lines: Iterable[Quarantined], uow: UnitOfWork, opener: Opener, now_ms: int) -> int:
    """Take quarantined lines of one device.

    Args:
        lines: in the order in which they came; each still waits.
        uow: the transaction.
        opener: opens what is sealed to the hub.
        now_ms: the hub's clock.

    Returns:
        How many were taken.
    """
    quarantine = uow.quarantine
    held: set[str] = set()
    taken = 0
    for line in lines:
        if line.stream is Stream.CASES and line.subject in held:
            continue
        contexts = uow.delivery.contexts(line.device, line.contexts)
        here = HubEpoch(stream=line.stream, epoch=line.epoch, chain=None)
        opened = opener.read(line.device, here, line.seq, line.line, contexts)
        try:
            if opened.event is None:
                raise InputError(opened.fault)
            take(opened.event, uow, now_ms)
        except InputError as error:
            quarantine.still_waits(line.id, str(error))
            if line.subject is not None:
                held.add(line.subject)
        else:
            quarantine.released(line.id)
            taken += 1
    return taken


__all__ = ["QuarantineRepository", "release"]
