"""What the hub holds of every device's streams: epochs, inbox, quarantine, loss records.

One transaction: `load` and `look_up` read ahead for all devices and ids of a group; what is decided then is
buffered, seen at once, and written by `flush`. Rows of epochs are read in one order (and locked on
PostgreSQL), and written only where they changed. `load_anchors` reads a device's welcomes only where an event
needs them: a clock that is trusted, the common case, costs no query.

Not here: any decision. `shared.protocol.delivery` and `hub.ingest` take those.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass

from sqlalchemy import Connection, bindparam, delete, literal_column, select

from hub.db import loss_records
from hub.db.register_repositories import EventName, ExceptionRepository
from hub.db.statements import Lookup, Row, among, compiled, insert_sql, upsert_sql, write_many
from hub.db.tables import device, device_boot, device_epoch, inbox, loss_record, quarantine, sealing_context
from shared.model.event import Stream
from shared.model.fields import is_storable
from shared.protocol.birth import Birth
from shared.protocol.dating import Anchor
from shared.protocol.delivery import HubEpoch, LossReason
from shared.protocol.lines import Line

UNKNOWN_KIND = "unknown"
"""A device whose enrolment is in the key registry and not (any more) in the database."""
BOOTS_KEPT = 64
"""Boots of a device whose welcome is remembered; two months of a machine that starts every night."""


@dataclass(slots=True)
class _Device:
    """What is remembered of a device's births."""

    boot: int
    uptime_ms: int


class DeliveryRepository:
    """Delivery's memory, for one transaction.

    Attributes:
        accepted: lines that were put into the inbox.
    """

    def __init__(self, connection: Connection, exceptions: ExceptionRepository) -> None:
        self.accepted = 0
        self._connection = connection
        self._exceptions = exceptions
        self._epochs: dict[str, dict[Stream, dict[str, HubEpoch]]] = {}
        self._stored: dict[tuple[str, Stream, str], Row] = {}
        self._births: dict[str, _Device] = {}
        self._anchors: dict[str, dict[int, Anchor]] = {}
        self._welcomes: dict[tuple[str, int], Anchor] = {}
        self._waiting: set[tuple[str, str]] = set()
        self._known: dict[EventName, bytes | None] = {}
        self._contexts: dict[tuple[str, str], Row] = {}
        self._inbox: list[Row] = []
        self._quarantine: list[Row] = []
        self._losses: list[Row] = []
        self._found: dict[tuple[str, str, str], set[int]] = {}
        self._born: dict[str, Row] = {}

    # ---- reading ahead ----------------------------------------------------------------------------------

    def load(self, devices: Collection[str]) -> None:
        """Reads what is remembered of devices: open epochs, births, and subjects that wait in quarantine."""
        wanted = sorted(name for name in devices if name not in self._epochs)
        if not wanted:
            return
        connection = self._connection
        self._epochs.update((name, {stream: {} for stream in Stream}) for name in wanted)
        for row in _EPOCHS.rows(connection, wanted):
            name, here = row[0], _epoch(tuple(row))
            self._epochs[name][here.stream][here.epoch] = here
            self._stored[name, here.stream, here.epoch] = tuple(row)
        for name, boot, uptime_ms in _BIRTHS.rows(connection, wanted):
            if boot is not None:
                self._births[name] = _Device(boot, uptime_ms)
        self._waiting.update((name, subject) for name, subject in _WAITING.rows(connection, wanted))

    def recall(self, name: str, epochs: Collection[str]) -> None:
        """Reads closed epochs that a device speaks of; `load` leaves them out: every start leaves one."""
        self.load((name,))
        for row in _CLOSED.rows(self._connection, [(name, epoch) for epoch in sorted(epochs)]):
            here = _epoch(tuple(row))
            if self._epochs[name][here.stream].setdefault(here.epoch, here) is here:
                self._stored[name, here.stream, here.epoch] = tuple(row)

    def look_up(self, events: Iterable[EventName]) -> None:
        """Reads which events (device, event id) are in the inbox, with the hashes of their bodies."""
        wanted = [event for event in events if event not in self._known]
        if not wanted:
            return
        self._known.update(dict.fromkeys(wanted))
        for name, event_id, body_hash in _INBOX.rows(self._connection, wanted):
            self._known[name, event_id] = body_hash

    def load_anchors(self, devices: Collection[str]) -> None:
        """Reads at which uptimes devices were welcomed."""
        wanted = sorted(name for name in devices if name not in self._anchors)
        if not wanted:
            return
        self._anchors.update((name, {}) for name in wanted)
        for name, *values in _ANCHORS.rows(self._connection, wanted):
            anchor = Anchor(*values)
            self._anchors[name][anchor.boot] = anchor
        for (name, boot), anchor in self._welcomes.items():
            if name in wanted:
                self._anchors[name].setdefault(boot, anchor)

    # ---- what is there ----------------------------------------------------------------------------------

    def epochs(self, name: str, stream: Stream) -> dict[str, HubEpoch]:
        """The epochs of a device's stream by their names; what is changed or added there is written."""
        if name not in self._epochs:
            self.load((name,))
        return self._epochs[name][stream]

    def known(self, name: str, event_id: str) -> bytes | None:
        """The hash of an event's body if the hub holds the event, applied or in quarantine."""
        event = (name, event_id)
        if event not in self._known:
            self.look_up((event,))
        return self._known[event]

    def known_ids(self, events: Collection[EventName]) -> set[EventName]:
        """Which of these events the hub holds."""
        self.look_up(events)
        return {event for event in events if self._known[event] is not None}

    def waits(self, name: str, subject: str) -> bool:
        """Whether a case of this device and subject waits in quarantine."""
        self.load((name,))
        return (name, subject) in self._waiting

    def anchors(self, name: str) -> Sequence[Anchor]:
        """The welcomes that a device took up: the first of each of its newest boots."""
        self.load_anchors((name,))
        return tuple(self._anchors[name].values())

    def contexts(self, name: str, wanted: Collection[str]) -> dict[str, str]:
        """The sealed contexts of a device that are kept, by their names."""
        columns = (sealing_context.c.context, sealing_context.c.sealed)
        kept = select(*columns).where(
            sealing_context.c.device == name, among(self._connection, sealing_context.c.context, list(wanted))
        )
        found = {row.context: row.sealed for row in self._connection.execute(kept)}
        found.update(
            (row[1], row[2]) for row in self._contexts.values() if row[0] == name and row[1] in wanted
        )
        return found

    # ---- what happens -----------------------------------------------------------------------------------

    def accept(self, name: str, epoch: HubEpoch, line: Line, body_hash: bytes, now_ms: int) -> None:
        """Puts a line into the inbox; its id is known from now on."""
        self.accepted += 1
        self._known[name, line.id] = body_hash
        row = (
            name,
            line.id,
            epoch.stream.value,
            epoch.epoch,
            line.seq,
            line.type,
            body_hash,
            line.raw,
            now_ms,
        )
        self._inbox.append(row)

    def keep_contexts(self, name: str, contexts: Mapping[str, str]) -> None:
        """Keeps sealed contexts, so that the lines in the inbox can be opened again."""
        for context, sealed in contexts.items():
            if is_storable(context) and is_storable(sealed):
                self._contexts.setdefault((name, context), (name, context, sealed))

    def quarantine(self, name: str, epoch: HubEpoch, line: Line, reason: str, now_ms: int) -> None:
        """Sets a line aside with the reason; later cases of a case's subject wait with it."""
        subject: str | None = line.members.get("subject")
        if subject is not None and epoch.stream is Stream.CASES:
            self._waiting.add((name, subject))
        self._quarantine.append(
            (
                name,
                epoch.stream.value,
                epoch.epoch,
                line.seq,
                line.id,
                line.type,
                subject,
                reason.replace("\0", ""),  # it may name a member that the device named
                line.raw,
                "waiting",
                now_ms,
            )
        )

    def is_set_aside(self, name: str, line: Line) -> bool:
        """Whether this very line of a device was set aside before, waiting or decided on."""
        if any((row[0], row[4], row[8]) == (name, line.id, line.raw) for row in self._quarantine):
            return True
        same = quarantine.c.device == name, quarantine.c.event_id == line.id, quarantine.c.line == line.raw
        return self._connection.execute(select(quarantine.c.id).where(*same).limit(1)).first() is not None

    def lose(
        self,
        name: str,
        epoch: HubEpoch,
        first: int,
        last: int,
        reason: LossReason,
        *,
        possibly_more: bool,
        at_ms: int,
    ) -> None:
        """Records that numbers cannot come any more."""
        place = (name, epoch.stream.value, epoch.epoch)
        self._losses.append((*place, first, last, reason.value, possibly_more, 0, False, at_ms))

    def found(self, name: str, epoch: HubEpoch, seq: int) -> None:
        """Notes that a number arrived which a loss record may cover."""
        self._found.setdefault((name, epoch.stream.value, epoch.epoch), set()).add(seq)

    def born(self, name: str, birth: Birth, now_ms: int, *, welcomed_ms: int) -> bool:
        """Notes a confirmed birth, and the welcome that it took up if that is the first of its boot.

        Args:
            name: the device.
            birth: what it said.
            now_ms: the hub's clock.
            welcomed_ms: the hub's clock when it made the welcome.

        Returns:
            Whether its boot and uptime rose since the last one, as they do on a disk that has one life.
        """
        self.load((name,))
        before = self._births.get(name)
        self._births[name] = _Device(birth.boot, birth.uptime_ms)
        anchor = Anchor(birth.boot, birth.uptime_ms, welcomed_ms)
        self._welcomes.setdefault((name, birth.boot), anchor)
        if name in self._anchors:
            self._anchors[name].setdefault(birth.boot, anchor)
        waiting = {stream.value: lane.waiting_ms for stream, lane in birth.lanes.items()}
        firmware = birth.firmware if is_storable(birth.firmware) else None
        seen = (firmware, birth.boot, birth.uptime_ms, now_ms, json.dumps(waiting))
        self._born[name] = (name, UNKNOWN_KIND, now_ms, *seen)
        return before is None or (before.boot, before.uptime_ms) < (birth.boot, birth.uptime_ms)

    def raise_exception(self, kind: str, name: str | None, detail: Mapping[str, object], now_ms: int) -> None:
        """Opens a case for a clerk."""
        self._exceptions.open(kind, name, detail, now_ms)

    # ---- writing ----------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Writes what happened."""
        connection = self._connection
        changed: list[Row] = []
        for name, streams in self._epochs.items():
            for stream, epochs in streams.items():
                for epoch, here in epochs.items():
                    row = _epoch_row(name, here)
                    if self._stored.get((name, stream, epoch)) != row:
                        self._stored[name, stream, epoch] = row
                        changed.append(row)
        changed.sort(key=lambda row: row[:3])
        write_many(connection, upsert_sql(connection, device_epoch), changed)
        write_many(connection, insert_sql(connection, inbox, leave_out="id"), self._inbox)
        contexts = list(self._contexts.values())
        self._contexts.clear()
        write_many(connection, insert_sql(connection, sealing_context, ignore=True), contexts)
        write_many(connection, insert_sql(connection, quarantine, leave_out="id"), self._quarantine)
        write_many(connection, insert_sql(connection, loss_record, leave_out="id"), self._losses)
        births = [self._born[name] for name in sorted(self._born)]
        self._born.clear()
        write_many(connection, upsert_sql(connection, device, _BORN, keep=("kind", "enrolled_ms")), births)
        self._flush_welcomes()
        if self._found:
            loss_records.note_found(connection, self._found)
            self._found.clear()

    def _flush_welcomes(self) -> None:
        """Writes the first welcome of each boot, and forgets boots that are too old to matter."""
        connection, names = self._connection, sorted({name for name, _ in self._welcomes})
        rows: list[Row] = [
            (name, *astuple(self._welcomes[name, boot])) for name, boot in sorted(self._welcomes)
        ]
        self._welcomes.clear()
        write_many(connection, insert_sql(connection, device_boot, ignore=True), rows)
        write_many(connection, compiled(connection, _FORGET_BOOTS), [(name, name) for name in names])


def _epoch_row(name: str, here: HubEpoch) -> Row:
    """A row in the order of the table's columns."""
    return (
        name,
        here.stream.value,
        here.epoch,
        here.position,
        here.watermark,
        here.chain,
        here.heard,
        here.last,
        here.oldest,
        here.floor,
        here.by_id,
        here.forked,
        here.closed,
        here.reopened,
    )


def _epoch(row: Row) -> HubEpoch:
    return HubEpoch(
        stream=Stream(row[1]),
        epoch=row[2],
        position=row[3],
        watermark=row[4],
        chain=row[5],
        heard=row[6],
        last=row[7],
        oldest=row[8],
        floor=row[9],
        by_id=bool(row[10]),
        forked=bool(row[11]),
        closed=bool(row[12]),
        reopened=bool(row[13]),
    )


_EPOCHS = Lookup(
    select(device_epoch)
    .where(device_epoch.c.closed.is_(False))
    .order_by(*device_epoch.primary_key)
    .with_for_update(),
    (device_epoch.c.device,),
)
_CLOSED = Lookup(
    select(device_epoch).where(device_epoch.c.closed.is_(True)).with_for_update(),
    (device_epoch.c.device, device_epoch.c.epoch),
)
_BORN = (
    "id",
    "kind",
    "enrolled_ms",
    "firmware",
    "last_birth_boot",
    "last_birth_uptime_ms",
    "last_seen_ms",
    "waiting_ms",
)
"""What a birth tells of a device, in the order in which it is written."""
_BIRTHS = Lookup(select(device.c.id, device.c.last_birth_boot, device.c.last_birth_uptime_ms), (device.c.id,))
_WAITING = Lookup(
    select(quarantine.c.device, quarantine.c.subject).where(
        quarantine.c.state == literal_column("'waiting'"),
        quarantine.c.subject.is_not(None),
        quarantine.c.stream == literal_column(f"'{Stream.CASES}'"),
    ),
    (quarantine.c.device,),
)
_INBOX = Lookup(
    select(inbox.c.device, inbox.c.event_id, inbox.c.body_hash), (inbox.c.device, inbox.c.event_id)
)
_ANCHORS = Lookup(select(device_boot), (device_boot.c.device,))
_OLDEST_BOOT = (
    select(device_boot.c.boot)
    .where(device_boot.c.device == bindparam("name"))
    .order_by(device_boot.c.boot.desc())
    .offset(literal_column(str(BOOTS_KEPT - 1)))
    .limit(literal_column("1"))
    .scalar_subquery()
)
_FORGET_BOOTS = delete(device_boot).where(
    device_boot.c.device == bindparam("name"),
    device_boot.c.boot < _OLDEST_BOOT,  # both places: the name
)
