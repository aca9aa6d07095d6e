"""Firmware for beacons: what the town signed is kept, offered in stages, and taken back.

Rules:
- The hub keeps no key of it and checks no signature: nodes do. It sees that the form is right and that the
  bytes are those of the manifest, so that no node fetches in vain.
- A share is of the nodes of all sites or of one, and which nodes are in it follows from their names and the
  firmware: whoever is in a small share is in every larger one, and another firmware begins with others.
- What was offered under a sequence is that for ever; only to whom it is offered changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

import structlog

from hub.db.engine import Connection
from hub.db.firmware_repository import FirmwareRepository, FirmwareRow
from hub.db.writer import Writer
from hub.keys.registry import Registry
from shared.model.errors import ConflictError, InputError
from shared.protocol import firmware
from shared.protocol.firmware import Manifest

ALL: Final = 100

log = structlog.get_logger(__name__)


class FirmwareUnknownError(InputError):
    """There is no such firmware here; `ventanilla hub firmware list` has them."""


class FirmwareTakenError(ConflictError):
    """Another firmware has this board and sequence already; build it again with a higher sequence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """To whom a firmware is offered.

    Attributes:
        site: empty for every site.
        share: of the nodes there, in per cent.
        who: who decided it.
    """

    site: str
    share: int
    who: str


class FirmwareDesk:
    """Takes a technician's orders, and answers nodes; any thread may call.

    Args:
        writer: the database.
        registry: knows which site a node stands at.
        clock: the hub's time, Unix epoch in milliseconds.

    Attributes:
        fetched: files of firmwares that nodes began to fetch since the start.
    """

    def __init__(self, writer: Writer, registry: Registry, clock: Callable[[], int]) -> None:
        self._writer = writer
        self._registry = registry
        self._clock = clock
        self.fetched = 0

    def offer(self, signed: bytes, body: bytes, stage: Stage) -> FirmwareRow:
        """Keep a firmware, and offer it; offered again it is offered to others.

        Raises:
            FirmwareError: it is none, or its bytes are others than its manifest says.
            FirmwareTakenError: its sequence is another firmware's.
            TransientError: it was not committed; repeat.
        """
        made = Manifest.parse(firmware.split(signed)[0])
        firmware.check_body(made, body)
        row = self._row(made, stage)

        def job(connection: Connection) -> None:
            repository = FirmwareRepository(connection)
            before = repository.manifest(row.board, row.sequence)
            if before is None:
                repository.add(row, signed, body)
            elif before == signed:
                repository.change(row)
            else:
                raise FirmwareTakenError(FirmwareTakenError.__doc__)

        self._writer.run(job)
        log.info("firmware_offered", board=row.board, sequence=row.sequence, share=row.share)
        return row

    def stage(self, board: str, sequence: int, stage: Stage) -> FirmwareRow:
        """Offer a firmware that is here to others than before.

        Raises:
            FirmwareUnknownError: it is not here.
            TransientError: it was not committed; repeat.
        """
        return self._change(
            board, sequence, stage.who, site=stage.site, share=stage.share, is_withdrawn=False
        )

    def withdraw(self, board: str, sequence: int, who: str) -> FirmwareRow:
        """Offer a firmware no more; nodes that run it keep it until a newer one comes.

        Raises:
            FirmwareUnknownError: it is not here.
            TransientError: it was not committed; repeat.
        """
        return self._change(board, sequence, who, is_withdrawn=True)

    def all(self) -> Sequence[FirmwareRow]:
        """Return every firmware, the newest of each board first."""
        with self._writer.read() as connection:
            return FirmwareRepository(connection).all()

    def for_node(self, device: str, board: str, sequence: int) -> bytes | None:
        """Return the manifest of what a node is to run instead; None where it runs that.

        Args:
            device: which node.
            board: what it is.
            sequence: of what it runs.
        """
        site = self._registry.device(device).site
        with self._writer.read() as connection:
            repository = FirmwareRepository(connection)
            for row in repository.later(board, sequence, self._clock()):
                if row.site in {"", site} and is_in_share(device, row):
                    return repository.manifest(board, row.sequence)
        return None

    def body(self, board: str, sequence: int) -> bytes | None:
        """Return a firmware's files, one after the other; None of one that is not offered any more."""
        with self._writer.read() as connection:
            repository = FirmwareRepository(connection)
            row = repository.find(board, sequence)
            found = None if row is None or row.is_withdrawn else repository.body(board, sequence)
        self.fetched += found is not None
        return found

    def _row(self, made: Manifest, stage: Stage) -> FirmwareRow:
        return FirmwareRow(
            board=made.board,
            sequence=made.sequence,
            version=made.version,
            expires_ms=made.expires_s * 1_000,
            site=stage.site,
            share=stage.share,
            is_withdrawn=False,
            who=stage.who,
            at_ms=self._clock(),
        )

    def _change(self, board: str, sequence: int, who: str, **changed: str | int | bool) -> FirmwareRow:
        def job(connection: Connection) -> FirmwareRow:
            repository = FirmwareRepository(connection)
            before = repository.find(board, sequence)
            if before is None:
                raise FirmwareUnknownError(FirmwareUnknownError.__doc__)
            row = replace(before, who=who, at_ms=self._clock(), **changed)
            repository.change(row)
            return row

        return self._writer.run(job)


def is_in_share(device: str, row: FirmwareRow) -> bool:
    """Return whether a node is among those that a firmware is offered to."""
    drawn = sha256(f"{row.board}|{row.sequence}|{device}".encode()).digest()
    return int.from_bytes(drawn[:4], "big") % ALL < row.share
