"""The listener: judges everything that a device says, whatever is tried with it meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.conform.verdicts import Verdicts
from hub.ingest.opening import Opener
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol import chain
from shared.protocol.birth import Birth, ListedEpoch
from shared.protocol.delivery import PROMISED, HubEpoch
from shared.protocol.frame import Frame
from shared.protocol.lines import read_gap, read_line
from shared.protocol.signing import SignatureError, verify_line


@dataclass(slots=True)
class Heard:
    """What was heard of one epoch.

    Attributes:
        lines: by number, in the bytes that came.
        values: chain values after a number.
        highest: the highest number that the device has spoken of.
        acked: the highest watermark that it was told.
    """

    lines: dict[int, bytes] = field(default_factory=dict[int, bytes])
    values: dict[int, bytes] = field(default_factory=dict[int, bytes])
    highest: int = 0
    acked: int = 0


class Listener:
    """Remembers all that a device said, and holds what it says against it.

    Attributes:
        device: its name.
        epochs: what was heard of each epoch of a stream.
        incarnation: the highest that the device was told.
    """

    def __init__(self, device: str, verdicts: Verdicts, opener: Opener) -> None:
        """Begin without having heard anything.

        Args:
            device: its name.
            verdicts: where judgements go.
            opener: opens what is sealed to this hub.
        """
        self.device = device
        self.epochs: dict[tuple[Stream, str], Heard] = {}
        self.incarnation = 0
        self.signing: Sequence[bytes] = ()
        self._verdicts = verdicts
        self._opener = opener
        self._listed: Mapping[Stream, Sequence[ListedEpoch]] = {}
        self._last_birth = (-1, -1)

    def heard(self, stream: Stream, epoch: str) -> Heard:
        """Return what was heard of an epoch."""
        known = self.epochs.get((stream, epoch))
        if known is None:
            known = self.epochs[stream, epoch] = Heard()
            known.values[0] = chain.genesis(self.device, stream, epoch)
        return known

    # ---- births

    def birth(self, birth: Birth) -> None:
        """Judge a birth."""
        judge = self._verdicts.judge
        now = (birth.boot, birth.uptime_ms)
        judge("B-6", now > self._last_birth, f"(boot, uptime) {now} after {self._last_birth}")
        self._last_birth = max(now, self._last_birth)
        judge(
            "B-8",
            birth.incarnation >= self.incarnation,
            f"{birth.incarnation} after hearing {self.incarnation}",
        )
        for stream, lane in birth.lanes.items():
            self._order(stream, lane.epochs)
            for item in lane.epochs:
                self._epoch(stream, item)
            self._missing(stream, lane.epochs)
        self._listed = {stream: lane.epochs for stream, lane in birth.lanes.items()}

    def _order(self, stream: Stream, listed: Sequence[ListedEpoch]) -> None:
        names = [item.epoch for item in listed]
        before = [item.epoch for item in self._listed.get(stream, ()) if item.epoch in names]
        now = [name for name in names if name in before]
        self._verdicts.judge("B-1", now == before, f"{stream}: epochs {now}, earlier {before}")

    def _epoch(self, stream: Stream, item: ListedEpoch) -> None:
        judge, known = self._verdicts.judge, self.heard(stream, item.epoch)
        where = f"{stream} {item.epoch}"
        judge("L-2", item.last >= known.highest, f"{where}: last {item.last}, earlier {known.highest}")
        value = known.values.get(item.last)
        if value is not None:
            judge(
                "L-3",
                value == item.head,
                f"{where}: head {item.head.hex()} at {item.last}, not {value.hex()}",
            )
        known.highest = max(known.highest, item.last)

    def _missing(self, stream: Stream, listed: Sequence[ListedEpoch]) -> None:
        names = {item.epoch for item in listed}
        for item in self._listed.get(stream, ()):
            known = self.heard(stream, item.epoch)
            if item.epoch not in names and stream in PROMISED:
                done = known.acked >= known.highest
                self._verdicts.judge(
                    "A-7", done, f"{stream} {item.epoch} is gone with {known.highest - known.acked} lines"
                )
        self._verdicts.held("A-7")

    # ---- frames

    def frame(self, stream: Stream, frame: Frame, sessions: set[str]) -> None:
        """Judge a frame, and every line of it.

        Args:
            stream: on whose topic it came.
            frame: what it says.
            sessions: all that the device was ever offered.
        """
        judge = self._verdicts.judge
        judge("B-5", frame.session in sessions, f"session {frame.session} was never offered")
        if not frame.epoch:
            return
        known = self.heard(stream, frame.epoch)
        where = f"{stream} {frame.epoch}"
        self._value(where, known, frame.first - 1, frame.prev)
        value, seq = frame.prev, frame.first
        for raw in frame.lines:
            try:
                gap = read_gap(raw)
                if gap is None:
                    value = chain.link(value, raw)
                    self._line(where, stream, frame, known, seq, raw)
                    end = seq
                else:
                    judge("L-2", gap.seq == seq, f"{where}: a gap from {gap.seq} at number {seq}")
                    end, value = gap.gap_to, gap.head
            except InputError as error:
                self._verdicts.broke("L-1", f"{where} number {seq}: {error}")
                return
            self._value(where, known, end, value)
            seq = end + 1
        judge(
            "L-5", frame.highest >= seq - 1, f"{where}: highest {frame.highest} below its last line {seq - 1}"
        )
        judge("L-5", frame.oldest <= frame.first, f"{where}: oldest {frame.oldest} above first {frame.first}")
        if not frame.lines:
            ends = frame.first == frame.highest + 1
            judge("L-10", ends, f"{where}: an empty frame at {frame.first}, highest {frame.highest}")
        known.highest = max(known.highest, frame.highest)

    def _value(self, where: str, known: Heard, seq: int, value: bytes) -> None:
        before = known.values.setdefault(seq, value)
        self._verdicts.judge(
            "L-3", before == value, f"{where}: chain {value.hex()} at {seq}, earlier {before.hex()}"
        )

    def _line(self, where: str, stream: Stream, frame: Frame, known: Heard, seq: int, raw: bytes) -> None:
        judge = self._verdicts.judge
        before = known.lines.get(seq)
        if before is not None:
            judge("L-3", before == raw, f"{where} number {seq}: other bytes than before")
            return
        known.lines[seq] = raw
        read_line(raw, seq)
        self._verdicts.held("L-1")
        self._verdicts.held("L-2")
        if stream not in PROMISED:
            return
        here = HubEpoch(stream=stream, epoch=frame.epoch, chain=None)
        opened = self._opener.read(self.device, here, seq, raw, frame.contexts)
        fault = opened.fault or ""
        judge("K-3", "context" not in fault, f"{where} number {seq}: {fault}")
        judge("K-2", opened.event is not None, f"{where} number {seq}: {fault}")
        if stream is Stream.PAYMENTS:
            judge(
                "K-4",
                self._is_signed(stream, frame.epoch, raw),
                f"{where} number {seq}: no signature that holds",
            )

    def _is_signed(self, stream: Stream, epoch: str, raw: bytes) -> bool:
        for key in self.signing:
            try:
                verify_line(Ed25519PublicKey.from_public_bytes(key), self.device, stream, epoch, raw)
            except SignatureError:
                continue
            return True
        return False
