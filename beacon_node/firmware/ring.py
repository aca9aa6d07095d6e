"""What a node has to say, kept on its flash until the hub has it: two bounded lanes that no power cut tears.

    /ring/telemetry/00000012.9f3c2a1b.00000001     the 12th epoch of the lane, from its number 1 on
        0,<16 hex>                                 the number before the first line, and the chain value there
        <16 hex> {"seq":1,...}                     a line, after the chain value that it leads to
        <16 hex> {"seq":2,...}

A lane is a row of small files, *segments*; only the last one grows. Where a lane is full, `health` first
gives up every line that a newer one of its key replaces (gap lines `compacted`, in the file), then the oldest
segment goes; what the next one's first line says is missing is told as a gap `evicted`. Of an epoch that is
not the last there stays a segment without lines, which says where it ended.

Rules:
- An epoch is one start of the node. Nothing is appended to an older one, so no number is given twice.
- A line counts when its file was synced. Whatever is cut, littlefs has the file from before or the one after.
- A line that is not what the chain values beside it say is told as a gap `corrupt`; what follows goes on.
- How far the hub is lies in memory alone: the hub says so at each session, and skips what it has.

Not here: sessions and frames (`delivery`), what lines say (`telemetry`).

Source: docs/PROTOCOL.md, sections Streams, Lines and frames.
"""

import os
from binascii import hexlify, unhexlify

from beacon_node.firmware.mac import CHAIN, genesis, link
from beacon_node.firmware.records import (
    end_of,
    gap_of,
    is_gap,
    is_loss,
    key_of,
    later_gap,
    parsed,
    value_of,
    write_gap,
)

SEGMENT_BYTES = 3 * 1024
"""A segment with its last line stays within a flash block of 4 KiB."""
EPOCHS_MAX = 8
"""Epochs of a lane; each start that says something opens one. What goes with the oldest the hub records."""
_HEX = 2 * CHAIN
_EXISTS = 17
_GONE = 2
_NAME_PARTS = 3
_EPOCH_DIGITS = 8
_SIZE = 6


class RingFullError(Exception):
    """The flash takes no line; look at the node's file system."""


class Segment:
    """A file of a lane: its place, and where it begins and ends."""

    def __init__(self, order: int, epoch: str, base: int, prev: bytes) -> None:
        self.order = order
        self.epoch = epoch
        self.base = base
        """The number before the first line, and the chain value there."""
        self.prev = prev
        self.last = base
        """The last number, and the chain value there."""
        self.head = prev
        self.size = 0

    def name(self) -> str:
        """Return the file's name."""
        return "%08d.%s.%08d" % (self.order, self.epoch, self.base + 1)


class Lane:
    """One stream's segments, oldest first, and how far the hub is."""

    def __init__(self, root: str, device: str, stream: str, capacity: int) -> None:
        """Read what is there.

        Args:
            root: the ring's folder.
            device: the node's name.
            stream: `telemetry` or `health`.
            capacity: bytes that its files may have.
        """
        self.stream = stream
        self.capacity = capacity
        self.acked = {}
        self.segments = []
        self._device = device
        self._open = None
        self._folder = root + "/" + stream
        _make(self._folder)
        for name in sorted(os.listdir(self._folder)):
            self._find(name)

    # -- writing

    def append(self, epoch: str, make) -> bool:
        """Store a line; durable when this returns.

        Args:
            epoch: the name of this start's epoch.
            make: given the number, returns the line's bytes.

        Returns:
            Whether this opened the epoch.

        Raises:
            RingFullError: the flash takes nothing.
        """
        here = self._open
        if here is None:
            order = self.segments[-1].order + 1 if self.segments else 1
            here = Segment(order, epoch, 0, genesis(self._device, self.stream, epoch))
        elif here.size >= SEGMENT_BYTES:
            here = Segment(here.order, here.epoch, here.last, here.head)
        line = make(here.last + 1)
        opens = self._open is None
        try:
            if opens:
                self._keep_epochs()
            self._make_room(len(line) + _HEX + 2)
            self._write(here, line)
        except OSError:
            raise RingFullError("The flash takes no line; look at the node's file system.")
        if here is not self._open:
            self.segments.append(here)
            self._open = here
        return opens

    def _write(self, here: Segment, line: bytes) -> None:
        value = link(here.head, line)
        with open(self._folder + "/" + here.name(), "ab") as file:
            if not here.size:
                here.size = file.write(_opening(here))
            size = file.write(hexlify(value) + b" " + line + b"\n")
            file.flush()
        here.size += size
        here.last += 1
        here.head = value

    def _make_room(self, size: int) -> None:
        if self._used() + size > self.capacity and self.stream == "health":
            self._compact()
        while self._used() + size > self.capacity:
            oldest = None
            for segment in self.segments:
                if segment is not self._open and segment.last > segment.base:
                    oldest = segment
                    break
            if oldest is None:
                return  # what is left is the open segment: it takes one line more
            self._give_up(oldest)

    def _give_up(self, segment: Segment) -> None:
        """Let a segment's lines go; of an epoch that another one follows stays where it ended."""
        path = self._folder + "/" + segment.name()
        at = self.segments.index(segment)
        following = self.segments[at + 1] if at + 1 < len(self.segments) else None
        if following is None or following.order != segment.order:
            end = Segment(segment.order, segment.epoch, segment.last, segment.head)
            with open(self._folder + "/" + end.name(), "wb") as file:
                end.size = file.write(_opening(end))
                file.flush()
            self.segments[at] = end
        else:
            del self.segments[at]
        _remove(path)

    def _compact(self) -> None:
        """Give up the lines of `health` that a newer one of the same key replaces, in closed segments."""
        newest = {}
        for segment in self.segments:
            for seq, _, line in self._records(segment):
                if not is_gap(line):
                    newest[key_of(line)] = (segment.order, seq)
        kept = set(newest.values())
        for order in sorted({segment.order for segment in self.segments}):
            closed = [each for each in self.segments if each.order == order and each is not self._open]
            if closed:
                self._fold(closed, kept)

    def _fold(self, closed: list, kept: set) -> None:
        """Write an epoch's closed segments into one, gap lines in the place of what is not kept.

        The new file has the first one's name and replaces it in one step. Where a cut leaves the others
        beside it, they are found to lie within it, and go.
        """
        first, gap = closed[0], None
        with open(self._folder + "/new", "wb") as file:
            size = file.write(_opening(first))
            for segment in closed:
                for seq, value, line in self._records(segment):
                    if (first.order, seq) in kept or is_loss(line):
                        size += write_gap(file, gap)
                        gap = None
                        size += file.write(hexlify(value) + b" " + line + b"\n")
                    else:
                        gap = (seq if gap is None else gap[0], end_of(seq, line), value)
            size += write_gap(file, gap)
            file.flush()
        os.rename(self._folder + "/new", self._folder + "/" + first.name())
        first.size, first.last, first.head = size, closed[-1].last, closed[-1].head
        for segment in closed[1:]:
            self.segments.remove(segment)
            _remove(self._folder + "/" + segment.name())

    def _keep_epochs(self) -> None:
        orders = sorted({segment.order for segment in self.segments})
        for order in orders[: max(0, len(orders) - EPOCHS_MAX + 1)]:
            for segment in [each for each in self.segments if each.order == order]:
                self.segments.remove(segment)
                _remove(self._folder + "/" + segment.name())

    def _used(self) -> int:
        return sum(segment.size for segment in self.segments)

    # -- what delivery asks

    def epochs(self) -> list:
        """Return `[name, oldest, last, head, acked]` of each epoch, oldest first."""
        found = []
        for segment in self.segments:
            if found and found[-1][0] == segment.epoch:
                found[-1][2], found[-1][3] = segment.last, segment.head
            else:
                acked = self.acked.get(segment.epoch, 0)
                # A gap that the hub has not taken yet is still there to be said.
                oldest = min(acked, segment.base) + 1
                found.append([segment.epoch, oldest, segment.last, segment.head, acked])
        return found

    def acknowledge(self, epoch: str, acked: int) -> None:
        """Take how far the hub is: epochs before this one are complete, later ones have not begun."""
        before, known = True, {}
        for name, _, last, _, _ in self.epochs():
            if name == epoch:
                known[name], before = acked, False
            else:
                known[name] = last if before else 0
        self.acked = known

    def read(self, epoch: str, first: int, lines_max: int, bytes_max: int) -> tuple:
        """Return `(prev, lines, next)` from a number on: at least one line where there is any.

        The chain value before a gap is not known any more and counts for nothing: zero bytes stand there.
        """
        lines, at, prev = [], first, None
        for seq, before, line in self._told(epoch, first):
            end = end_of(seq, line)
            if end < at:
                continue
            if seq < at:
                before, line = bytes(CHAIN), later_gap(at, line)  # noqa: PLW2901  the rest of a gap
            bytes_max -= len(line) + 1
            if len(lines) >= lines_max or (lines and bytes_max < 0):
                break
            if prev is None:
                prev = before
            lines.append(line)
            at = end + 1
        return prev, lines, at

    def _told(self, epoch: str, first: int):
        """Yield `(number, chain value before, line)` of an epoch, gaps where something is missing."""
        last, value = None, None
        for segment in self.segments:
            if segment.epoch != epoch:
                continue
            if last is None and segment.base:
                yield 1, bytes(CHAIN), gap_of(1, segment.base, "evicted", segment.prev)
            elif last is not None and last < segment.base:
                yield last + 1, value, gap_of(last + 1, segment.base, "corrupt", segment.prev)
            last, value = segment.base, segment.prev
            if segment.last < first:
                last, value = segment.last, segment.head
                continue
            for seq, following, line in self._records(segment):
                yield seq, value, line
                last, value = end_of(seq, line), following

    # -- reading the flash

    def _find(self, name: str) -> None:
        path = self._folder + "/" + name
        parts = name.split(".")
        try:
            if len(parts) != _NAME_PARTS or len(parts[1]) != _EPOCH_DIGITS:
                raise ValueError
            with open(path, "rb") as file:
                base, _, prev = file.readline().strip().partition(b",")
            segment = Segment(int(parts[0]), parts[1], int(base), unhexlify(prev))
            if len(segment.prev) != CHAIN or segment.base + 1 != int(parts[2]):
                raise ValueError
        except ValueError:
            _remove(path)  # what a cut left of a file that was being replaced, or damage
            return
        segment.size = os.stat(path)[_SIZE]
        for seq, value, line in self._records(segment):
            segment.last, segment.head = end_of(seq, line), value
        before = self.segments[-1] if self.segments else None
        lies_within = before is not None and before.order == segment.order and segment.last <= before.last
        if segment.last == 0 or lies_within:
            _remove(path)  # it never said anything, or another file has it since
            return
        self.segments.append(segment)

    def _records(self, segment: Segment):
        """Yield `(number, chain value after, line)` of what is whole; a gap `corrupt` for what is not."""
        seq, value = segment.base + 1, segment.prev
        with open(self._folder + "/" + segment.name(), "rb") as file:
            file.readline()
            before = value
            while True:
                record = file.readline()
                if not record:
                    return
                found = parsed(record)
                if found is None:
                    before = value_of(record)
                    continue
                number, after, line = found
                if number == seq and (is_gap(line) or link(value, line) == after):
                    yield seq, after, line
                elif number > seq and not is_gap(line) and before and link(before, line) == after:
                    yield seq, before, gap_of(seq, number - 1, "corrupt", before)
                    yield number, after, line
                else:
                    before = after  # damaged: its chain value may still be the one that the next builds on
                    continue
                seq, value, before = end_of(number, line) + 1, after, after


class Ring:
    """Both lanes of a node."""

    streams = ("health", "telemetry")
    """Highest priority first."""

    def __init__(self, root: str, device: str, epoch: str, health_bytes: int, telemetry_bytes: int) -> None:
        """Open what is there.

        Args:
            root: its folder.
            device: the node's name.
            epoch: 8 hex digits drawn at this start.
            health_bytes: room of the lane `health`.
            telemetry_bytes: room of the lane `telemetry`.
        """
        _make(root)
        self.epoch = epoch
        self.lanes = {
            "health": Lane(root, device, "health", health_bytes),
            "telemetry": Lane(root, device, "telemetry", telemetry_bytes),
        }

    def append(self, stream: str, make) -> bool:
        """Store a line; whether this opened an epoch.

        Raises:
            RingFullError: the flash takes nothing.
        """
        return self.lanes[stream].append(self.epoch, make)


def _opening(segment: Segment) -> bytes:
    return b"%d,%s\n" % (segment.base, hexlify(segment.prev))


def _make(folder: str) -> None:
    try:
        os.mkdir(folder)
    except OSError as error:
        if error.args[0] != _EXISTS:
            raise


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError as error:
        if error.args[0] != _GONE:
            raise
