"""Storing: what waits goes to the disk together, and only then is anyone told.

Lines of one lane that were composed for places that follow one another share one sync. A line whose place is
taken is stale: its teller composes it again. Payments are signed here, where the key is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from secrets import token_bytes
from typing import Final

import structlog

from shared.adapters.outbox import DiskFullError, Entry, Outbox, OutboxBrokenError, Slot, StaleSlotError
from shared.edge.commands import Append
from shared.edge.device_time import DeviceTime, stamp
from shared.edge.errors import FencedError
from shared.edge.lanes import OutboxLanes
from shared.edge.seam import Place, SealedLine, Taken
from shared.model.errors import InputError, VentanillaError
from shared.model.event import EventType, Stream
from shared.model.health import Condition, DeviceState
from shared.model.ids import EVENT_ID_RANDOM_BYTES, new_event_id
from shared.protocol.delivery import PROMISED
from shared.protocol.lines import compose
from shared.protocol.session import DeviceSession
from shared.protocol.signing import LineSigner

log = structlog.get_logger(__name__)

_UNSEALED: Final = "Lines of payments and cases are sealed, others are not; take events through a teller."


class Storing:
    """The way into the outbox.

    Args:
        outbox: of this life.
        lanes: what is said of it.
        session: knows the fence and the hub's time.
        signer: signs payment lines.
        boot: the boot counter.
        clock: the device's clocks.
        now_ms: the best wall time that the device has.

    Attributes:
        refusals: why nothing is taken, by stream; replaced whole, so that any thread may look.
    """

    def __init__(
        self,
        outbox: Outbox,
        lanes: OutboxLanes,
        session: DeviceSession,
        signer: LineSigner,
        boot: int,
        clock: DeviceTime,
        now_ms: Callable[[], int],
    ) -> None:
        self._outbox = outbox
        self._lanes = lanes
        self._session = session
        self._signer = signer
        self._boot = boot
        self._clock = clock
        self._now_ms = now_ms
        self._disk_full = False
        self.refusals: Mapping[Stream, str | None] = {}
        self.look()

    def look(self) -> None:
        """Find out anew why nothing is taken."""
        self.refusals = {stream: self._refusal(stream) for stream in PROMISED}

    def try_disk_again(self) -> None:
        """Where the disk was full, find out by a word of our own whether it has room again."""
        if self._disk_full:
            detail = "the disk was full and has room again"
            self.report([DeviceState(key="disk", state=Condition.OK, detail=detail, extra={})])

    def place(self, stream: Stream) -> Place:
        """Return the place of a lane's next line.

        Raises:
            InputError: the stream is not stored.
            DeviceError: the lane lists as many epochs as it may, or the disk failed.
        """
        return self._place(self._outbox.slot(stream))

    def store(self, waiting: Sequence[Append]) -> None:
        """Store lines and resolve their futures, each lane's with one sync.

        Raises:
            OutboxBrokenError: the outcome of those that have no answer is unknown.
        """
        for stream in dict.fromkeys(request.line.place.stream for request in waiting):
            self._store_lane(stream, [r for r in waiting if r.line.place.stream is stream])

    def report(self, states: Iterable[DeviceState]) -> None:
        """Store what the device says of itself; where that cannot be, it goes on without.

        Raises:
            OutboxBrokenError: the disk failed.
        """
        for state in states:
            try:
                self._report(state)
            except OutboxBrokenError:
                raise
            except VentanillaError as error:
                log.warning("not_reported", key=state.key, reason=str(error))

    def _report(self, state: DeviceState) -> None:
        slot = self._outbox.slot(Stream.HEALTH)
        event_id = new_event_id(self._clock.wall_ms(), token_bytes(EVENT_ID_RANDOM_BYTES))
        dated = stamp(self._place(slot), self._clock)
        line = compose(slot.seq, event_id, EventType.DEVICE_STATE, dated, None, ("data", state.to_data()))
        self._outbox.append(slot, line, event_id=event_id, now_ms=self._now_ms(), key=state.key)
        self._disk_full = False

    def _refusal(self, stream: Stream) -> str | None:
        if stream is Stream.PAYMENTS and self._session.fenced:
            return FencedError.__doc__
        return DiskFullError.__doc__ if self._disk_full else self._lanes.refusal(stream)

    def _store_lane(self, stream: Stream, waiting: Sequence[Append]) -> None:
        try:
            if stream is Stream.PAYMENTS and self._session.fenced:
                raise FencedError(FencedError.__doc__)
            slot = self._outbox.slot(stream)
        except OutboxBrokenError:
            raise
        except VentanillaError as error:
            _refuse(waiting, error)
            return
        fitting: list[Append] = []
        for request in waiting:
            place = request.line.place
            if (place.epoch, place.seq) == (slot.epoch, slot.seq + len(fitting)):
                fitting.append(request)
            else:
                request.answer.set_exception(StaleSlotError(StaleSlotError.__doc__))
        if len(fitting) > 1 and stream is Stream.HEALTH:  # each replaces an older one of its key
            self._one_by_one(stream, fitting)
        elif fitting:
            self._store_group(slot, fitting)

    def _one_by_one(self, stream: Stream, group: Sequence[Append]) -> None:
        for request in group:
            self._store_lane(stream, [request])

    def _store_group(self, slot: Slot, group: Sequence[Append]) -> None:
        try:
            self._write(slot, [request.line for request in group])
        except OutboxBrokenError:
            raise
        except VentanillaError as error:
            self._disk_full |= isinstance(error, DiskFullError)
            if (
                len(group) > 1
            ):  # nothing of it was written: the first that does not fit makes the others stale
                self._one_by_one(slot.stream, group)
            else:
                _refuse(group, error)
            return
        self._disk_full = False
        self.look()
        behind = self._place(slot, len(group))
        for seq, request in enumerate(group, slot.seq):
            request.answer.set_result(Taken(request.line.event_id, slot.stream, slot.epoch, seq, behind))

    def _write(self, slot: Slot, lines: Sequence[SealedLine]) -> None:
        entries = [Entry(self._finished(line, slot), line.event_id, line.context) for line in lines]
        if len(entries) > 1:
            self._outbox.append_many(slot, entries, self._now_ms())
        else:
            self._outbox.append(
                slot,
                entries[0].line,
                event_id=entries[0].event_id,
                now_ms=self._now_ms(),
                context=entries[0].context,
                key=lines[0].key,
            )

    def _finished(self, line: SealedLine, slot: Slot) -> bytes:
        if (line.context is None) is (slot.stream in PROMISED):
            raise InputError(_UNSEALED)
        if slot.stream is Stream.PAYMENTS:
            return self._signer.sign(slot.stream, slot.epoch, line.line)
        return line.line

    def _place(self, slot: Slot, ahead: int = 0) -> Place:
        heard = self._session.clock
        return Place(
            slot.stream, slot.epoch, slot.seq + ahead, self._boot, heard.agreed_uptime_ms, heard.offset_ms
        )


def _refuse(requests: Iterable[Append], error: VentanillaError) -> None:
    for request in requests:
        request.answer.set_exception(error)
