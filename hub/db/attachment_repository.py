"""Attachments as the hub knows them: announced by an event's line, then missing, stored or lost.

Ingest announces them in the transaction of the event (`AttachmentInserts`); the rest of the hub looks them
up and settles them (`AttachmentBook`). What is forwarded waits for the bodies that are missing, and is made
due when the last of them is settled.

Not here: the bodies (`hub.attachments`), and any decision.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, and_, func, literal_column, select, tuple_, update

from hub.db.attachment_tables import attachment
from hub.db.statements import Lookup, Row, among, insert_sql, write_many
from hub.db.tables import inbox, outgoing, sealing_context, service_request
from shared.model.attachment import Envelope
from shared.model.event import Stream
from shared.protocol import limits

MISSING_MAX = 2_000
"""Missing bodies of one device: beyond it an announced one counts as lost, and the list stays short."""

PAGE_ROWS = 500
"""Bodies that a review looks at at once."""


class State(StrEnum):
    """How a body stands."""

    MISSING = "missing"
    STORED = "stored"
    LOST = "lost"
    FORGOTTEN = "forgotten"
    """Its report is over, and the town's time for photographs too."""


class Loss(StrEnum):
    """Why a body cannot come any more."""

    GONE = "gone"
    """The device says that it no longer has it."""
    EXPIRED = "expired"
    """It did not come within the keep window."""
    UNREADABLE = "unreadable"
    """It came, and is not what its event says."""
    TOO_MANY = "too_many"
    """The device announced more than the hub waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedBody:
    """A body that an event announced.

    Attributes:
        device: whose it is.
        sha256: of the sealed body, in hex.
        event_id: what it belongs to.
        size: bytes of the sealed body.
        media_type: of the plain body.
        state: how it stands.
        reason: why it is lost; None where it is not.
        revoked: nobody outside the hub may fetch it.
        announced_ms: when its event was received.
    """

    device: str
    sha256: str
    event_id: str
    size: int
    media_type: str
    state: State
    reason: Loss | None
    revoked: bool
    announced_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LateBody:
    """A body that is here, of a report that the core has and that went without it.

    Attributes:
        device: whose it is.
        sha256: of the sealed body, in hex.
        event_id: what it belongs to.
        reference: of the report.
        core_ref: what the core calls the report.
        status: how the report stands, `open` or `closed`.
    """

    device: str
    sha256: str
    event_id: str
    reference: str
    core_ref: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEvent:
    """The line that announced a body, as the inbox keeps it.

    Attributes:
        stream: its lane.
        epoch: where it stands.
        seq: its number there.
        line: its bytes.
        contexts: the device's sealed contexts by id, those that it may need.
    """

    stream: Stream
    epoch: str
    seq: int
    line: bytes
    contexts: dict[str, str]


class AttachmentInserts:
    """What an ingest transaction announces, and what it may tell devices."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._missing: dict[str, dict[str, str]] = {}
        self._rows: list[Row] = []

    def load(self, devices: Collection[str]) -> None:
        """Reads which bodies of these devices are missing."""
        wanted = sorted(name for name in devices if name not in self._missing)
        if not wanted:
            return
        self._missing.update((name, {}) for name in wanted)
        for device, sha256, event_id in _MISSING.rows(self._connection, wanted):
            self._missing[device][sha256] = event_id

    def announce(self, device: str, event_id: str, envelopes: Sequence[Envelope], now_ms: int) -> None:
        """Adds the bodies of an event; one that was announced before stays as it is."""
        self.load([device])
        known = _states(self._connection, device, [one.sha256 for one in envelopes])
        missing = self._missing[device]
        for one in envelopes:
            if one.sha256 in known or one.sha256 in missing:
                continue
            if len(missing) < MISSING_MAX:
                missing[one.sha256] = event_id
                fate = (State.MISSING.value, None, False, now_ms, None, None)
            else:
                fate = (State.LOST.value, Loss.TOO_MANY.value, False, now_ms, now_ms, None)
            self._rows.append((device, one.sha256, event_id, one.size, one.media_type, *fate))

    def is_waited_for(self, device: str, event_id: str) -> bool:
        """Whether a body of an event is missing."""
        self.load([device])
        return event_id in self._missing[device].values()

    def missing(self, device: str) -> tuple[str, ...]:
        """The missing bodies that an acknowledgement names, those announced first."""
        self.load([device])
        return tuple(self._missing[device])[: limits.ATTACHMENTS_LISTED_MAX]

    def flush(self) -> None:
        """Writes what was announced."""
        write_many(self._connection, insert_sql(self._connection, attachment, ignore=True), self._rows)


class AttachmentBook:
    """Announced bodies, on a connection in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, device: str, sha256: str) -> AnnouncedBody | None:
        """A body by its device and its hash."""
        found = self._read(attachment.c.device == device, attachment.c.sha256 == sha256)
        return found[0] if found else None

    def of_event(self, device: str, event_id: str) -> Sequence[AnnouncedBody]:
        """The bodies of an event."""
        return self._read(attachment.c.device == device, attachment.c.event_id == event_id)

    def page(self, state: State, after: tuple[str, str] = ("", "")) -> Sequence[AnnouncedBody]:
        """Up to `PAGE_ROWS` bodies in a state, by device and hash, after the one named."""
        place = tuple_(attachment.c.device, attachment.c.sha256)
        rows = self._connection.execute(
            select(*_COLUMNS)
            .where(attachment.c.state == state.value, place > tuple_(*after))
            .order_by(attachment.c.device, attachment.c.sha256)
            .limit(PAGE_ROWS)
        )
        return [_body(row) for row in rows]

    def every(self, state: State) -> Iterator[AnnouncedBody]:
        """Every body in a state, by device and hash."""
        after = ("", "")
        while page := self.page(state, after):
            yield from page
            after = (page[-1].device, page[-1].sha256)

    def stored_bytes(self, device: str, since_ms: int) -> int:
        """How much of a device's has been stored since an instant."""
        total = select(func.coalesce(func.sum(attachment.c.size), 0)).where(
            attachment.c.device == device,
            attachment.c.state == State.STORED.value,
            attachment.c.settled_ms >= since_ms,
        )
        return int(self._connection.execute(total).scalar_one())

    def announced_bytes(self, device: str, names: Sequence[str]) -> int:
        """How long these bodies of a device are together, as its events say."""
        total = select(func.coalesce(func.sum(attachment.c.size), 0)).where(
            attachment.c.device == device, among(self._connection, attachment.c.sha256, names)
        )
        return int(self._connection.execute(total).scalar_one())

    def settle(self, body: AnnouncedBody, state: State, reason: Loss | None, now_ms: int) -> bool:
        """Changes how a body stands, and makes due what waited for it; one that is forgotten stays so.

        Returns:
            Whether it stood otherwise before.
        """
        changed = self._connection.execute(
            update(attachment)
            .where(
                attachment.c.device == body.device,
                attachment.c.sha256 == body.sha256,
                attachment.c.state.not_in([state.value, State.FORGOTTEN.value]),
            )
            .values(state=state.value, reason=reason, settled_ms=now_ms)
        )
        rest = self.of_event(body.device, body.event_id)
        if not any(one.state is State.MISSING for one in rest):
            self._make_due(body, now_ms)
        return changed.rowcount == 1

    def note_told(self, bodies: Iterable[tuple[str, str]], now_ms: int) -> None:
        """Notes that somebody is told of bodies, by device and hash; the first time stays."""
        for device, sha256 in bodies:
            here = (attachment.c.device == device, attachment.c.sha256 == sha256)
            untold = update(attachment).where(*here, attachment.c.told_ms.is_(None))
            self._connection.execute(untold.values(told_ms=now_ms))

    def late(self, limit: int, without: str = "") -> Sequence[LateBody]:
        """Bodies that are here and that nobody was told of, of reports that the core has.

        Args:
            limit: how many at most.
            without: those are left out whose report the core calls something that begins so.
        """
        of_report = and_(
            service_request.c.device == attachment.c.device,
            service_request.c.event_id == attachment.c.event_id,
        )
        query = (
            select(
                attachment.c.device,
                attachment.c.sha256,
                attachment.c.event_id,
                service_request.c.reference,
                service_request.c.core_ref,
                service_request.c.status,
            )
            .select_from(attachment.join(service_request, of_report))
            .where(
                attachment.c.state == literal_column("'stored'"),
                attachment.c.told_ms.is_(None),
                attachment.c.revoked.is_(False),
                service_request.c.core_ref != "",
                *([~service_request.c.core_ref.startswith(without)] if without else []),
            )
            .order_by(attachment.c.device, attachment.c.sha256)
            .limit(limit)
        )
        return [LateBody(**row) for row in self._connection.execute(query).mappings()]

    def forget(self, bodies: Iterable[tuple[str, str]], now_ms: int) -> None:
        """Notes that bodies, by device and hash, are not kept any more."""
        for device, sha256 in bodies:
            here = (attachment.c.device == device, attachment.c.sha256 == sha256)
            gone = update(attachment).where(*here)
            self._connection.execute(gone.values(state=State.FORGOTTEN.value, reason=None, settled_ms=now_ms))

    def forgotten(self, device: str, names: Sequence[str]) -> Sequence[str]:
        """Those of a device's bodies that are not kept any more."""
        states = _states(self._connection, device, names)
        return [name for name in names if states.get(name) == State.FORGOTTEN.value]

    def revoke(self, device: str, sha256: str) -> bool:
        """Lets nobody outside the hub fetch a body any more.

        Returns:
            Whether there is such a body.
        """
        here = (attachment.c.device == device, attachment.c.sha256 == sha256)
        return self._connection.execute(update(attachment).where(*here).values(revoked=True)).rowcount == 1

    def sealed_event(self, body: AnnouncedBody) -> SealedEvent | None:
        """The line that announced a body; None where the inbox does not have it."""
        columns = (inbox.c.stream, inbox.c.epoch, inbox.c.seq, inbox.c.line)
        row = self._connection.execute(
            select(*columns).where(inbox.c.device == body.device, inbox.c.event_id == body.event_id)
        ).first()
        if row is None:
            return None
        name = context_of_line(bytes(row.line))
        contexts = self._connection.execute(
            select(sealing_context.c.context, sealing_context.c.sealed).where(
                sealing_context.c.device == body.device, sealing_context.c.context == name
            )
        )
        return SealedEvent(
            stream=Stream(row.stream),
            epoch=row.epoch,
            seq=row.seq,
            line=bytes(row.line),
            contexts={found.context: found.sealed for found in contexts},
        )

    def _make_due(self, body: AnnouncedBody, now_ms: int) -> None:
        waits = (
            outgoing.c.device == body.device,
            outgoing.c.event_id == body.event_id,
            outgoing.c.state == literal_column("'waiting'"),
            outgoing.c.attempts == 0,
            outgoing.c.due_ms > now_ms,
        )
        self._connection.execute(update(outgoing).where(*waits).values(due_ms=now_ms))

    def _read(self, *conditions: object) -> Sequence[AnnouncedBody]:
        rows = self._connection.execute(
            select(*_COLUMNS).where(*conditions).order_by(attachment.c.announced_ms, attachment.c.sha256)  # pyright: ignore[reportArgumentType]  conditions on this table
        )
        return [_body(row) for row in rows]


def _body(row: Any) -> AnnouncedBody:  # noqa: ANN401  a row of `_COLUMNS`
    return AnnouncedBody(
        device=row.device,
        sha256=row.sha256,
        event_id=row.event_id,
        size=row.size,
        media_type=row.media_type,
        state=State(row.state),
        reason=None if row.reason is None else Loss(row.reason),
        revoked=bool(row.revoked),
        announced_ms=row.announced_ms,
    )


def _states(connection: Connection, device: str, names: Sequence[str]) -> dict[str, str]:
    rows = connection.execute(
        select(attachment.c.sha256, attachment.c.state).where(
            attachment.c.device == device, among(connection, attachment.c.sha256, names)
        )
    )
    return {row.sha256: row.state for row in rows}


def context_of_line(line: bytes) -> str:
    """The id of the context under which a line is sealed; empty where it is not."""
    _, _, sealed = line.partition(b'"sealed":"')
    return sealed.partition(b".")[0].decode("ascii", "replace")


_MISSING = Lookup(
    select(attachment.c.device, attachment.c.sha256, attachment.c.event_id)
    .where(attachment.c.state == literal_column("'missing'"))
    .order_by(attachment.c.announced_ms),
    [attachment.c.device],
)
_COLUMNS = (
    attachment.c.device,
    attachment.c.sha256,
    attachment.c.event_id,
    attachment.c.size,
    attachment.c.media_type,
    attachment.c.state,
    attachment.c.reason,
    attachment.c.revoked,
    attachment.c.announced_ms,
)
