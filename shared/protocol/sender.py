"""The device's half of delivery: what goes next on the wire, and how the hub's word is taken. Pure.

A `Sender` stands between the outbox (`Log`) and a session. It keeps nothing durable: the watermarks are the
outbox's, and a new session begins with nothing in flight. The rules that it serves are those of `delivery`.

What is not here: births, sessions and keep-alives (`session`), storage (`shared.adapters.outbox`).

Source: docs/PROTOCOL.md, sections Streams, Session, The device.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from shared.model.event import Stream
from shared.protocol import chain, limits
from shared.protocol.acknowledgement import StreamAck
from shared.protocol.delivery import LANES, PROMISED


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochView:
    """What an outbox says of one of its epochs.

    Attributes:
        epoch: 8 hex digits.
        oldest: the first number still there (a gap line counts from its first); `last`+1 where nothing is.
        last: the last durable number.
        head: chain value at `last`.
        acked: the device's own watermark.
    """

    epoch: str
    oldest: int
    last: int
    head: bytes
    acked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Lines that follow one another in an outbox, checked against their chain.

    Attributes:
        first: number of the first line.
        prev: chain value before it.
        lines: as stored, and gap lines for what is not there.
        contexts: the sealed contexts that they need.
        next: the number after the last one.
    """

    first: int
    prev: bytes
    lines: tuple[bytes, ...]
    contexts: Mapping[str, str]
    next: int


class Log(Protocol):
    """The device's outbox, as delivery sees it."""

    def epochs(self, stream: Stream) -> Sequence[EpochView]:
        """Return the epochs of a stream, oldest first."""
        ...

    def chain_at(self, stream: Stream, epoch: str, seq: int) -> bytes | None:
        """Return the device's own chain value after number `seq`; None if it cannot tell."""
        ...

    def read(self, stream: Stream, epoch: str, first: int, lines_max: int, bytes_max: int) -> Run:
        """Return lines from `first` on: at least one if there is any, at most `lines_max`."""
        ...

    def acknowledge(self, stream: Stream, epoch: str, acked: int, now_ms: int) -> None:
        """Set the watermark, up or down; epochs before this one are complete, later ones are not begun."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What the device sends next: a frame but for its session."""

    stream: Stream
    epoch: str
    oldest: int
    highest: int
    run: Run


class Verdict(IntEnum):
    """What an acknowledgement asks of the session; the highest of several counts."""

    GO_ON = 0
    UPDATE = 1
    """The hub has not heard of an epoch that was opened within the session: tell it again."""
    BIRTH = 2
    """Hub and device do not speak of the same epochs: say again what there is."""


@dataclass(slots=True)
class _Lane:
    """One stream's place in the wire: what was sent and is not acknowledged yet."""

    cursor: tuple[str, int] | None = None
    """Epoch and number that come next; None: begin after the watermark."""
    flights: deque[tuple[str, int, int]] = field(default_factory=deque[tuple[str, int, int]])
    """Epoch, last number and count of lines of each batch in flight."""
    credit: int = limits.CREDIT_LINES
    since_ms: int = 0
    """When the oldest flight left, or the last progress came."""
    resends: int = 0
    repeated: tuple[str, int] | None = None
    """The watermark whose repetition was already answered by sending again."""
    probe: bool = False
    """Say where the lane stands, though there is no line to send."""

    def rewind(self) -> None:
        self.cursor = None
        self.flights.clear()

    @property
    def lines_max(self) -> int:
        in_flight = sum(count for _, _, count in self.flights)
        return min(max(1, limits.FRAME_LINES_MAX >> 4 * self.resends), self.credit - in_flight)


class Sender:
    """The device's side: chooses what goes next, and takes the hub's word."""

    def __init__(self, log: Log, *, frames_in_flight: int = limits.FRAMES_IN_FLIGHT) -> None:
        """Begin with nothing in flight.

        Args:
            log: the outbox; its watermarks are the only ones.
            frames_in_flight: batches of one stream that may be under way.
        """
        self._log = log
        self._window = frames_in_flight
        self._lanes = {stream: _Lane() for stream in LANES}
        self._batches = 0

    def reset(self, now_ms: int) -> None:
        """Forget what is in flight: the session is another one."""
        self._lanes = {stream: _Lane(since_ms=now_ms) for stream in LANES}

    def next_batch(self, now_ms: int, header_bytes: int = 1024) -> Batch | None:
        """Return the next batch by priority, or None where nothing may be sent now.

        Args:
            now_ms: the device's monotonic time.
            header_bytes: room that the frame's header and MAC line take.
        """
        lowest_first = (self._batches + 1) % limits.LOWEST_LANE_EVERY == 0
        for stream in reversed(LANES) if lowest_first else LANES:
            batch = self._batch_of(stream, limits.FRAME_BYTES_MAX - header_bytes)
            if batch is not None:
                self._batches += 1
                lane = self._lanes[stream]
                if not lane.flights:
                    lane.since_ms = now_ms
                last = max(batch.run.next - 1, batch.run.first - 1)
                lane.flights.append((batch.epoch, last, max(1, len(batch.run.lines))))
                return batch
        return None

    def _batch_of(self, stream: Stream, bytes_max: int) -> Batch | None:
        lane = self._lanes[stream]
        room = lane.lines_max if len(lane.flights) < self._window else 0
        if room < 1 and not lane.probe:
            return None
        epochs = self._log.epochs(stream)
        if lane.probe and epochs:
            lane.probe = False
            return empty_batch(stream, epochs[-1])
        if room < 1:
            return None
        here = next((i for i, e in enumerate(epochs) if e.acked < e.last), None)
        if here is None:
            return None
        if lane.cursor is not None:
            here = next((i for i, e in enumerate(epochs) if e.epoch == lane.cursor[0]), here)
        for view in epochs[here:]:
            at = lane.cursor[1] if lane.cursor and lane.cursor[0] == view.epoch else view.acked + 1
            first = max(at, view.oldest)
            if first <= view.last:
                run = self._log.read(stream, view.epoch, first, room, bytes_max)
                lane.cursor = (view.epoch, run.next)
                return Batch(stream=stream, epoch=view.epoch, oldest=view.oldest, highest=view.last, run=run)
            if at <= view.last:  # everything that the hub asks for has expired: say so, once
                lane.cursor = (view.epoch, view.last + 1)
                return empty_batch(stream, view)
        return None

    def keepalive(self) -> Batch:
        """Return a batch without lines, on the highest lane that has an epoch."""
        for stream in LANES:
            epochs = self._log.epochs(stream)
            if epochs:
                return empty_batch(stream, epochs[-1])
        nothing = Run(first=1, prev=bytes(chain.LENGTH), lines=(), contexts={}, next=1)
        return Batch(stream=LANES[0], epoch="", oldest=1, highest=0, run=nothing)

    def check_timeouts(self, now_ms: int) -> Verdict:
        """Send again, in fewer lines each time, what was not acknowledged in time.

        Returns:
            BIRTH when a lane was sent again `RESENDS_BEFORE_BIRTH` times without progress.
        """
        verdict = Verdict.GO_ON
        for lane in self._lanes.values():
            if lane.flights and now_ms - lane.since_ms >= _patience_ms(lane.resends):
                lane.rewind()
                lane.resends += 1
                lane.since_ms = now_ms
                if lane.resends >= limits.RESENDS_BEFORE_BIRTH:
                    verdict = Verdict.BIRTH
        return verdict

    def deadline_ms(self) -> int | None:
        """Return when `check_timeouts` has something to do, or None."""
        waits = [lane.since_ms + _patience_ms(lane.resends) for lane in self._lanes.values() if lane.flights]
        return min(waits, default=None)

    def take(self, streams: Mapping[Stream, StreamAck], now_ms: int) -> Verdict:
        """Take the hub's word on some streams (delivery's Rule 2).

        Returns:
            BIRTH when the hub names an epoch that is not here, or more lines than there are; UPDATE when it
            names one as the newest that is complete.
        """
        verdicts = [self._take_stream(s, streams[s], now_ms) for s in LANES if s in streams]
        return max(verdicts, default=Verdict.GO_ON)

    def _take_stream(self, stream: Stream, ack: StreamAck, now_ms: int) -> Verdict:
        lane = self._lanes[stream]
        lane.credit = ack.credit
        epochs = self._log.epochs(stream)
        here = next((i for i, e in enumerate(epochs) if e.epoch == ack.epoch), None)
        if here is None or ack.acked > epochs[here].last:
            return Verdict.BIRTH
        view = epochs[here]
        if stream in PROMISED and ack.head is not None:
            own = self._log.chain_at(stream, ack.epoch, ack.acked)
            if own is not None and own != ack.head:
                self._contradict(stream, view, ack, now_ms)
                return Verdict.GO_ON
        self._set_watermark(stream, epochs, here, ack, now_ms)
        unheard = ack.acked == view.last and view is not epochs[-1]
        return Verdict.UPDATE if unheard else Verdict.GO_ON

    def _contradict(self, stream: Stream, view: EpochView, ack: StreamAck, now_ms: int) -> None:
        """The hub holds another past: show it ours. It finds out which is true (Rule 1)."""
        lane = self._lanes[stream]
        lane.rewind()
        if ack.acked < view.acked:
            self._log.acknowledge(stream, view.epoch, ack.acked, now_ms)
        if ack.acked < view.last:
            lane.cursor = (view.epoch, ack.acked + 1)
        else:
            lane.probe = True

    def _set_watermark(
        self, stream: Stream, epochs: Sequence[EpochView], here: int, ack: StreamAck, now_ms: int
    ) -> None:
        lane = self._lanes[stream]
        order = {e.epoch: i for i, e in enumerate(epochs)}
        view = epochs[here]
        done = ack.acked == view.last and view is not epochs[-1]
        position = (here + 1, 0) if done else (here, ack.acked)
        before = next(((i, e.acked) for i, e in enumerate(epochs) if e.acked < e.last), None)
        moved = (
            view.acked != ack.acked
            or any(e.acked < e.last for e in epochs[:here])
            or any(e.acked > 0 for e in epochs[here + 1 :])
        )
        if moved:
            self._log.acknowledge(stream, ack.epoch, ack.acked, now_ms)
            lane.repeated = None
        while lane.flights and (order.get(lane.flights[0][0], -1), lane.flights[0][1]) <= (here, ack.acked):
            lane.flights.popleft()
        if before is None or position > before:
            lane.resends, lane.since_ms = 0, now_ms
        less = before is not None and position < before
        behind = lane.cursor is not None and (order.get(lane.cursor[0], -1), lane.cursor[1] - 1) < position
        again = not moved and bool(lane.flights) and lane.repeated != (ack.epoch, ack.acked)
        if again:
            lane.repeated = (ack.epoch, ack.acked)
        if less or behind or again or (before is None and moved):
            lane.rewind()


def empty_batch(stream: Stream, view: EpochView) -> Batch:
    """Return a batch without lines that says where an epoch stands."""
    run = Run(first=view.last + 1, prev=view.head, lines=(), contexts={}, next=view.last + 1)
    return Batch(stream=stream, epoch=view.epoch, oldest=view.oldest, highest=view.last, run=run)


def _patience_ms(resends: int) -> int:
    return min(limits.RESEND_MAX_MS, limits.RESEND_FIRST_MS << resends)
