"""Firmwares that the hub offers, on a connection. Rows are few: each method reads and writes at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from hub.db.firmware_tables import firmware
from hub.db.paging import columns_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareRow:
    """A firmware, and to whom it is offered.

    Attributes:
        site: empty for every site.
        share: of the nodes there, in per cent.
        who: who offered it last, or took it back.
    """

    board: str
    sequence: int
    version: str
    expires_ms: int
    site: str
    share: int
    is_withdrawn: bool
    who: str
    at_ms: int


class FirmwareRepository:
    """The register of firmwares."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> Sequence[FirmwareRow]:
        """Every firmware, the newest of each board first."""
        query = columns_of(FirmwareRow, firmware).order_by(firmware.c.board, firmware.c.sequence.desc())
        return [FirmwareRow(**row) for row in self._connection.execute(query).mappings()]

    def later(self, board: str, sequence: int, now_ms: int) -> Sequence[FirmwareRow]:
        """What is offered to a board beyond a sequence now, the newest first."""
        query = columns_of(FirmwareRow, firmware).where(
            firmware.c.board == board,
            firmware.c.sequence > sequence,
            firmware.c.expires_ms > now_ms,
            firmware.c.is_withdrawn.is_(False),
        )
        rows = self._connection.execute(query.order_by(firmware.c.sequence.desc())).mappings()
        return [FirmwareRow(**row) for row in rows]

    def find(self, board: str, sequence: int) -> FirmwareRow | None:
        """One of them."""
        query = columns_of(FirmwareRow, firmware).where(
            firmware.c.board == board, firmware.c.sequence == sequence
        )
        row = self._connection.execute(query).mappings().first()
        return None if row is None else FirmwareRow(**row)

    def manifest(self, board: str, sequence: int) -> bytes | None:
        """Its manifest as it was signed."""
        return self._bytes("manifest", board, sequence)

    def body(self, board: str, sequence: int) -> bytes | None:
        """Its files, one after the other."""
        return self._bytes("body", board, sequence)

    def add(self, row: FirmwareRow, manifest: bytes, body: bytes) -> None:
        """Keeps a new one."""
        plain = {name: getattr(row, name) for name in FirmwareRow.__dataclass_fields__}
        self._connection.execute(insert(firmware).values(**plain, manifest=manifest, body=body))

    def change(self, row: FirmwareRow) -> None:
        """Keeps to whom it is offered from now on."""
        self._connection.execute(
            update(firmware)
            .where(firmware.c.board == row.board, firmware.c.sequence == row.sequence)
            .values(
                site=row.site, share=row.share, is_withdrawn=row.is_withdrawn, who=row.who, at_ms=row.at_ms
            )
        )

    def _bytes(self, name: str, board: str, sequence: int) -> bytes | None:
        query = select(firmware.c[name]).where(firmware.c.board == board, firmware.c.sequence == sequence)
        found = self._connection.execute(query).scalar_one_or_none()
        return None if found is None else bytes(found)
