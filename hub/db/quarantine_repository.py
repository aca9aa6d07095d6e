"""What waits in quarantine, for a clerk: read in order, released or discarded in order.

Not here: setting a line aside (`delivery_repository`) and applying a released one again (`hub.ingest`), which
does both in one transaction with `settle`.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select, update

from hub.db.tables import quarantine
from shared.model.errors import ConflictError, InputError
from shared.model.event import Stream

LINES_MAX = 1_000


class NoSuchLineError(InputError):
    """There is no such line in quarantine; list them and take its number from there."""


class LineSettledError(ConflictError):
    """This line does not wait any more: it was released or discarded before; list the quarantine again."""


class Verdict(StrEnum):
    """What a clerk decided."""

    RELEASED = "released"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedLine:
    """A line that was set aside, in the bytes that came."""

    id: int
    device: str
    stream: Stream
    epoch: str
    seq: int
    event_id: str
    type: str
    subject: str | None
    reason: str
    line: bytes
    at_ms: int


class QuarantineRepository:
    """The quarantine, on a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(
        self, device: str | None = None, subject: str | None = None, *, after: int = 0, limit: int = LINES_MAX
    ) -> list[QuarantinedLine]:
        """The lines that wait, in the order in which they came.

        Args:
            device: of one device alone.
            subject: cases of one subject alone; money waits for nobody, and nobody for money.
            after: the last line that was looked at.
            limit: how many at most.
        """
        waiting = (quarantine.c.state == "waiting", quarantine.c.id > after)
        rows = select(quarantine).where(*waiting).order_by(quarantine.c.id).limit(limit)
        if device is not None:
            rows = rows.where(quarantine.c.device == device)
        if subject is not None:
            rows = rows.where(quarantine.c.subject == subject, quarantine.c.stream == Stream.CASES.value)
        return [
            QuarantinedLine(
                id=row.id,
                device=row.device,
                stream=Stream(row.stream),
                epoch=row.epoch,
                seq=row.seq,
                event_id=row.event_id,
                type=row.type,
                subject=row.subject,
                reason=row.reason,
                line=row.line,
                at_ms=row.at_ms,
            )
            for row in self._connection.execute(rows)
        ]

    def waiting_line(self, number: int) -> QuarantinedLine:
        """A line that waits.

        Raises:
            NoSuchLineError: there is no line under that number.
            LineSettledError: it does not wait any more.
        """
        state = select(quarantine.c.state).where(quarantine.c.id == number)
        match self._connection.execute(state).scalar_one_or_none():
            case None:
                raise NoSuchLineError(NoSuchLineError.__doc__)
            case "waiting":
                return self.waiting(after=number - 1, limit=1)[0]
            case _:
                raise LineSettledError(LineSettledError.__doc__)

    def settle(self, ids: list[int], verdict: Verdict) -> int:
        """Releases or discards lines that wait.

        Returns:
            How many of them waited.
        """
        if not ids:
            return 0
        settled = update(quarantine).where(quarantine.c.id.in_(ids), quarantine.c.state == "waiting")
        return self._connection.execute(settled.values(state=verdict.value)).rowcount
