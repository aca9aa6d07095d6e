"""The outbox: what a device has taken and the hub may not have yet, on a disk that may lose its power.

One owner, one thread, one file. The order of things in an append: the caller asks for a `slot`, composes,
seals and signs the line for that very place, and appends it; when `append` returns, the line is on the
disk. A slot that another append took meanwhile is stale, and the caller composes again.

An epoch is one life of the owner: the first append of a life opens a new one and nothing is ever added to an
older one, so no number is given twice, whatever happened to the disk in between. At its start the owner makes
durable what it finds before it lists, sends or tells it (`disk`); after a failed sync it restarts.

Times are wall time. Where the device has the hub's time, give that: a clock that jumps ahead shortens the
keep window of what was acknowledged before, one that jumps back lengthens it.

What is not here: composing lines (`shared.protocol.lines`), sending them (`shared.protocol.sender`), and the
stream `log`, which is memory and never stored.

Source: docs/PROTOCOL.md, sections Streams, Lines and frames, Session.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from secrets import token_bytes
from typing import Self

from shared.adapters.outbox import retention
from shared.adapters.outbox.appending import CONTEXTS_REMEMBERED, Prepared, octets, prepare
from shared.adapters.outbox.ballast import Ballast
from shared.adapters.outbox.errors import (
    DiskFullError,
    LaneFullError,
    OutboxBrokenError,
    StaleSlotError,
)
from shared.adapters.outbox.lane import Epoch, Lane
from shared.adapters.outbox.loading import open_file
from shared.adapters.outbox.reading import chain_at, read_run
from shared.adapters.outbox.room import Room
from shared.adapters.outbox.schema import epoch_number_of, place_of, seq_of
from shared.adapters.outbox.values import Entry, Expiry, OutboxLimits, Slot, Whereabouts
from shared.model.errors import DeviceError, InputError
from shared.model.event import Stream
from shared.protocol import chain, limits
from shared.protocol.birth import LaneState
from shared.protocol.sender import EpochView, Run


class Outbox:
    """The open outbox of one device. Implements `sender.Log` and `session.Lanes` of `shared.protocol`.

    Attributes:
        damaged_lines: unacknowledged lines that did not fit their chain when the file was opened.
        salvaged: the file's structure was broken, and what could be read was saved into a new one.
    """

    def __init__(
        self,
        path: Path,
        device: str,
        bounds: OutboxLimits | None = None,
        random_bytes: Callable[[int], bytes] = token_bytes,
    ) -> None:
        """Open or create a device's outbox: the start of a new life of its owner.

        Args:
            path: the file; its folder exists, and `ballast` lies beside it.
            device: the device's id; a file of another device is refused.
            bounds: None for those of `shared.protocol.limits`.
            random_bytes: gives so many random bytes; names epochs.

        Raises:
            OutboxInUseError: another process owns it.
            ForeignOutboxError: it belongs to another device.
            DiskFullError: there is no room to create or save it.
            OutboxBrokenError: the disk failed, or nothing can be made of the file.
        """
        self._device = device
        self._bounds = bounds or OutboxLimits()
        self._random_bytes = random_bytes
        self._ballast = Ballast(path.with_name("ballast"), self._bounds.ballast_bytes)
        try:
            self._disk, contents, self.salvaged = open_file(path, device, self._bounds.lane_bytes)
        except DiskFullError:
            self._ballast.drop()
            self._disk, contents, self.salvaged = open_file(path, device, self._bounds.lane_bytes)
        self._ballast.take()
        self._lanes = contents.lanes
        self._relaxed = False
        self._epoch_numbers = count(contents.next_epoch)
        self._point_numbers = count(contents.next_point)
        self.damaged_lines = contents.damaged
        quota = sum(lane.capacity for lane in self._lanes.values())
        self._room = Room(self._disk, self._ballast, self._lanes, quota)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Make durable what still can be, and let go of the file."""
        with suppress(OutboxBrokenError):
            self.flush()
        self._disk.close()

    # Taking ------------------------------------------------------------------------------------------------

    def slot(self, stream: Stream) -> Slot:
        """Return the place of the stream's next line; the first one of this life opens an epoch.

        Raises:
            InputError: the stream is not stored.
            DeviceError: the lane lists as many epochs as it may, and its oldest is not complete.
        """
        lane = self._lane(stream)
        epoch = lane.open or self._open_epoch(lane)
        return Slot(stream, epoch.name, epoch.appended + 1, epoch.tail)

    def append(
        self,
        slot: Slot,
        line: bytes,
        *,
        event_id: str,
        now_ms: int,
        context: tuple[str, str] | None = None,
        key: str | None = None,
    ) -> None:
        """Store a line at its slot; when this returns it is on the disk (telemetry: within a second).

        Args:
            slot: from `slot`; the line was composed for it.
            line: the line's bytes, without newline.
            event_id: the line's UUIDv7.
            now_ms: wall time.
            context: id and sealed form of the context under which the line's data is sealed. Given with every
                sealed line, stored with the first.
            key: an older unacknowledged line of this key gives way (`health`).

        Raises:
            StaleSlotError: another append took the number; ask for a slot and compose again.
            InputError: too long, not for this slot, or sealed without its context.
            LaneFullError: the lane is full of unacknowledged lines; nothing was written.
            DiskFullError: the disk is full; nothing was written.
            OutboxBrokenError: the outcome is unknown; the owner restarts and looks the id up.
        """
        self._append(slot, (Entry(line, event_id, context),), now_ms, key)

    def append_many(self, slot: Slot, entries: Sequence[Entry], now_ms: int) -> None:
        """Store lines that follow one another, all or none of them, with one sync; raises as `append` does.

        Args:
            slot: the place of the first.
            entries: each composed for its own place.
            now_ms: wall time.
        """
        self._append(slot, entries, now_ms, None)

    def flush(self) -> None:
        """Make durable what waits for its group; the owner calls it once a second.

        Raises:
            OutboxBrokenError: the disk failed.
        """
        if self._relaxed:
            self._disk.sync()
            self._all_durable()

    def find(self, event_id: str) -> Whereabouts | None:
        """Look an event up: what is found here is on the disk. Newest first; a miss reads every row.

        Raises:
            InputError: the id is no UUID.
            OutboxBrokenError: the disk failed.
        """
        wanted = octets(event_id)
        for lane in self._lanes.values():
            for (place,) in self._disk.rows(lane.sql.find, (wanted,)):
                epoch = next((e for e in lane.epochs if e.number == epoch_number_of(place)), None)
                if epoch is not None and seq_of(place) <= epoch.last:
                    return Whereabouts(lane.stream, epoch.name, seq_of(place), place <= lane.watermark)
        return None

    # Delivering: the port `Log` ----------------------------------------------------------------------------

    def epochs(self, stream: Stream) -> Sequence[EpochView]:
        """Return the epochs of a stream, oldest first; from memory."""
        return self._lane(stream).views()

    def chain_at(self, stream: Stream, epoch: str, seq: int) -> bytes | None:
        """Return the own chain value after number `seq`; None where nothing sound tells it."""
        lane = self._lane(stream)
        return chain_at(self._disk, lane, lane.find(epoch), seq)

    def read(self, stream: Stream, epoch: str, first: int, lines_max: int, bytes_max: int) -> Run:
        """Return lines from `first` on, checked: at least one if there is any.

        What does not fit its chain, or has vanished, is one gap line `corrupt` for each hole. Where `first`
        lies inside a gap, the run begins with the gap.

        Args:
            stream: its stream.
            epoch: one that is listed.
            first: a number; one that has expired counts as the oldest that is there.
            lines_max: at least 1; a gap is one line.
            bytes_max: for lines with their newlines, and the contexts that they need.

        Raises:
            InputError: no such epoch is listed.
            OutboxBrokenError: the disk failed.
        """
        lane = self._lane(stream)
        return read_run(self._disk, lane, lane.find(epoch), first, lines_max, bytes_max)

    def acknowledge(self, stream: Stream, epoch: str, acked: int, now_ms: int) -> None:
        """Set the watermark, up or down: earlier epochs are complete, later ones are not begun.

        It is written relaxed: what a power cut takes of it, the hub says again. On a full disk the ballast is
        spent on it; should even that not help, it is remembered until the next one is written.

        Raises:
            InputError: no such epoch is listed.
            OutboxBrokenError: the disk failed.
        """
        lane = self._lane(stream)
        named = lane.find(epoch)
        place = place_of(named.number, max(0, min(acked, named.last)))
        if place == lane.watermark:
            return
        unacknowledged = retention.charged_above(self._disk, lane, place)
        points = lane.moved_points(place, now_ms, next(self._point_numbers))
        try:
            self._room.spend(lambda: self._disk.commit(retention.saving(lane, points), durable=False))
            lane.points_saved = True
        except DiskFullError:
            lane.points_saved = False
        lane.points = points
        lane.unacknowledged = unacknowledged
        lane.changed()
        self._checkpoint_if_due(spending=True)

    # Being born: the port `Lanes` --------------------------------------------------------------------------

    def lanes(self, now_ms: int) -> Mapping[Stream, LaneState]:
        """Return what a birth says of every lane.

        Raises:
            OutboxBrokenError: the disk failed.
        """
        return {s: lane.state(self.waiting(s, now_ms)) for s, lane in self._lanes.items()}

    def listed(self, lanes: Mapping[Stream, LaneState]) -> None:
        """Take note of a confirmed birth: of the epochs that it listed, all but a lane's newest may end."""
        for stream, state in lanes.items():
            ended = {listed.epoch for listed in state.epochs[:-1]}
            for epoch in self._lane(stream).epochs:
                epoch.newer_listed |= epoch.name in ended

    # Keeping -----------------------------------------------------------------------------------------------

    def expire(self, now_ms: int, *, lets_go: bool = True) -> Expiry:
        """Let go what has been kept long enough, oldest first; the owner calls it now and then.

        Also makes the ballast again where there is room, and holds the file to its quota.

        Args:
            now_ms: the best wall time that the device has.
            lets_go: False while nobody vouches for that time: only what room demands goes.

        Raises:
            OutboxBrokenError: the disk failed.
        """
        self._ballast.take()
        more = False
        with suppress(DiskFullError):  # no room even to let go: the next call tries again
            for lane in self._lanes.values():
                if lets_go:
                    upto = retention.due_place(lane, now_ms - self._bounds.keep_ms)
                    more |= self._room.spend(
                        lambda lane=lane, upto=upto: retention.expire_rounds(self._disk, lane, upto)
                    )
                self._room.spend(lambda lane=lane: retention.unlist(self._disk, lane))
            more |= self._room.relieve()
        self._checkpoint_if_due(spending=True)
        return Expiry(self._room.take_shortened(now_ms, self._bounds.keep_ms), more)

    def waiting(self, stream: Stream, now_ms: int) -> int:
        """Return the age in milliseconds of the oldest unacknowledged line; 0 where there is none."""
        lane = self._lane(stream)
        row = self._disk.execute(lane.sql.oldest_at, (lane.watermark,)).fetchone()
        return 0 if row is None else max(0, now_ms - row[0])

    def fill(self, stream: Stream) -> float:
        """Return how full a lane is with unacknowledged lines, 0.0 to 1.0."""
        lane = self._lane(stream)
        return lane.unacknowledged / lane.capacity

    # -------------------------------------------------------------------------------------------------------

    def _lane(self, stream: Stream) -> Lane:
        lane = self._lanes.get(stream)
        if lane is None:
            raise InputError("This stream is not stored.")
        return lane

    def _open_epoch(self, lane: Lane) -> Epoch:
        while len(lane.epochs) >= self._bounds.epochs_listed:
            self._end_oldest(lane)
        name = self._random_bytes(4).hex()
        while any(epoch.name == name for epoch in lane.epochs):
            name = self._random_bytes(4).hex()
        start = chain.genesis(self._device, lane.stream, name)
        lane.open = Epoch.new(next(self._epoch_numbers), name, start)
        return lane.open

    def _end_oldest(self, lane: Lane) -> None:
        """Let the oldest epoch expire early, if it is complete."""
        oldest = lane.epochs[0]
        if not oldest.newer_listed or lane.acked(oldest) < oldest.last:
            raise DeviceError(
                "The device has started too often since the hub last answered; service its network."
            )
        while oldest.base < oldest.last:
            if not self._room.shed(lane, oldest.last_place):
                raise DiskFullError(DiskFullError.__doc__)
        self._room.spend(lambda: retention.unlist(self._disk, lane))

    def _append(self, slot: Slot, entries: Sequence[Entry], now_ms: int, key: str | None) -> None:
        lane = self._lane(slot.stream)
        epoch = lane.open
        if epoch is None or epoch.appended + 1 != slot.seq or epoch.name != slot.epoch:
            raise StaleSlotError(StaleSlotError.__doc__)
        if not entries:
            return
        made = prepare(lane, epoch, entries, now_ms, key)
        if not self._ballast.held:
            self._room.check_before_append()
        replaced, freed = ([], 0) if key is None else retention.compact(self._disk, lane, key)
        if lane.unacknowledged + made.cost - freed > lane.capacity:
            self._make_lane_room(lane, made.cost)
            replaced, freed = ([], 0) if key is None else retention.compact(self._disk, lane, key)
        made.statements.extend(replaced)
        since_ms = lane.relaxed_since_ms
        durable = not lane.grouped or (
            since_ms is not None and not 0 <= now_ms - since_ms < limits.TELEMETRY_COMMIT_MS
        )
        try:
            self._disk.commit(made.statements, durable=durable, grows=made.cost)
        except DiskFullError:
            self._room.after_full_append()
            self._disk.commit(made.statements, durable=durable, grows=made.cost)
        self._appended(lane, epoch, made, freed)
        if key is not None:
            lane.remember_key(key, epoch.last_place)
        if durable:
            lane.made_durable()
            if self._relaxed:
                self._all_durable()
        elif since_ms is None:
            lane.relaxed_since_ms, self._relaxed = now_ms, True
        self._checkpoint_if_due(spending=False)

    def _make_lane_room(self, lane: Lane, need: int) -> None:
        if not lane.evicts or need > lane.capacity:
            raise LaneFullError(LaneFullError.__doc__)
        self._room.spend(lambda: retention.evict(self._disk, lane, need))
        self._all_durable()

    def _appended(self, lane: Lane, epoch: Epoch, made: Prepared, freed: int) -> None:
        if not epoch.stored:
            epoch.stored = True
            lane.epochs.append(epoch)
        epoch.appended, epoch.tail = made.last, made.tail
        lane.unacknowledged = max(0, lane.unacknowledged + made.cost - freed)
        if made.contexts:
            lane.contexts.update(made.contexts)
            while len(lane.contexts) > CONTEXTS_REMEMBERED:
                del lane.contexts[next(iter(lane.contexts))]

    def _all_durable(self) -> None:
        for lane in self._lanes.values():
            if lane.relaxed_since_ms is not None:
                lane.made_durable()
        self._relaxed = False

    def _checkpoint_if_due(self, *, spending: bool) -> None:
        """Copy the log back when it is time; where the disk is too full for that, it is tried again later."""
        if self._disk.checkpoint_due:
            with suppress(DiskFullError):
                if spending:
                    self._room.spend(self._disk.checkpoint)
                else:
                    self._disk.checkpoint()
                self._all_durable()
                self._room.relieve()
