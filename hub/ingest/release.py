"""Release: what waits in quarantine is taken after all, in its order.

A clerk has looked at the device or at the event. What can be taken now is; what still cannot stays where it
is, and what waits behind it goes on waiting. An event was received when its line came, not at its release.
Nothing is taken twice: the inbox knows every line already.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hub.db.quarantine_repository import QuarantinedLine, QuarantineRepository, Verdict
from hub.db.unit_of_work import UnitOfWork
from hub.ingest.legal_time import dated
from hub.ingest.opening import Opener
from hub.ingest.ports import KeyBook
from hub.usecases.take_event import take
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol.delivery import HubEpoch


@dataclass(frozen=True, slots=True)
class Released:
    """What a release did.

    Attributes:
        taken: how many lines were taken.
        still: why others go on waiting, by the row of each.
    """

    taken: int
    still: dict[int, str]


def release(
    lines: Iterable[QuarantinedLine],
    uow: UnitOfWork,
    quarantine: QuarantineRepository,
    opener: Opener,
    keys: KeyBook,
    now_ms: int,
) -> Released:
    """Take quarantined lines.

    Args:
        lines: in the order in which they came; each still waits.
        uow: the transaction; flushed by the caller.
        quarantine: on the same connection.
        opener: opens what is sealed to the hub.
        keys: the key registry.
        now_ms: the hub's clock.
    """
    taken: list[int] = []
    still: dict[int, str] = {}
    held: set[tuple[str, str | None]] = set()
    for line in lines:
        about = (line.device, line.subject)
        if line.stream is Stream.CASES and line.subject is not None and about in held:
            still[line.id] = "an earlier event of the same subject waits"
            continue
        try:
            _take(line, uow, opener, keys, now_ms)
        except InputError as error:
            still[line.id] = str(error)
            held.add(about)
        else:
            taken.append(line.id)
    quarantine.settle(taken, Verdict.RELEASED)
    return Released(len(taken), still)


def _take(line: QuarantinedLine, uow: UnitOfWork, opener: Opener, keys: KeyBook, now_ms: int) -> None:
    names = [match[1].decode() for match in _CONTEXT.finditer(line.line)]
    here = HubEpoch(stream=line.stream, epoch=line.epoch, chain=None)
    opened = opener.read(line.device, here, line.seq, line.line, uow.delivery.contexts(line.device, names))
    if opened.event is None:
        raise InputError(opened.fault)
    take(dated(opened.event, uow, keys, line.at_ms), uow, now_ms)


_CONTEXT: Final = re.compile(rb'"sealed":"([0-9A-Za-z]{1,16})\.')
