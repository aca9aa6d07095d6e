"""The outbox against a model of a few dictionaries, over any history of appends, answers, time and accidents.

An accident is what a disk may do between two lives of the owner: a clean end, a kill, a power cut that leaves
the last append half written in 512-byte sectors, or an image that goes back to an older one.
"""

import shutil
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.adapters.outbox import LaneFullError, Outbox, OutboxLimits
from shared.model.event import Stream
from shared.protocol.lines import GapReason
from tests.support.outbox import DEVICE, fast_folder, held, take

KEEP_MS = 35 * 86_400_000
HOUR_MS = 3_600_000
SECTOR = 512
BOUNDS = OutboxLimits(
    lane_bytes={"payments": 6_000, "cases": 1_000_000, "health": 8_000, "telemetry": 5_000},
    ballast_bytes=4096,
)
STREAMS = st.sampled_from([Stream.PAYMENTS, Stream.CASES, Stream.HEALTH, Stream.TELEMETRY])


@dataclass
class Expected:
    """One line as the model knows it."""

    line: bytes
    key: str | None
    acked_ms: int | None = None
    compacted: bool = False


@dataclass
class Model:
    """Lines by stream, epoch and number; per stream the epochs in order and the watermark."""

    lines: dict[tuple[Stream, str, int], Expected] = field(default_factory=dict)
    order: dict[Stream, list[str]] = field(default_factory=lambda: {s: [] for s in Stream})
    watermark: dict[Stream, tuple[int, int]] = field(default_factory=lambda: dict.fromkeys(Stream, (-1, 0)))

    def place(self, stream: Stream, epoch: str, seq: int) -> tuple[int, int]:
        return self.order[stream].index(epoch), seq

    def of(self, stream: Stream) -> dict[tuple[str, int], Expected]:
        return {(e, q): line for (s, e, q), line in self.lines.items() if s is stream}


class OutboxMachine(RuleBasedStateMachine):
    """One device's outbox over several lives."""

    @initialize()
    def begin(self) -> None:
        self.scratch = ExitStack()
        self.folder = self.scratch.enter_context(fast_folder())
        self.names = 0
        self.now_ms = 10 * KEEP_MS
        self.model = Model()
        self.given: dict[tuple[Stream, str, int], bytes] = {}
        self.image: tuple[Path, Model] | None = None
        self.outbox = self.opened()

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()
            self.scratch.close()

    def opened(self) -> Outbox:
        self.live = self.folder / "live"
        self.live.mkdir(exist_ok=True)
        return Outbox(self.live / "outbox.db", DEVICE, BOUNDS, self.next_name)

    def next_name(self, count: int) -> bytes:
        self.names += 1
        return self.names.to_bytes(count, "big")

    # ---------------------------------------------------------------------- what a day brings

    @rule(stream=STREAMS, size=st.integers(0, 900), key=st.sampled_from(["printer", "camera", "door"]))
    def append(self, stream: Stream, size: int, key: str) -> None:
        try:
            taken = take(
                self.outbox,
                stream,
                "x" * size,
                now_ms=self.now_ms,
                key=key if stream is Stream.HEALTH else None,
            )
        except LaneFullError:
            assert stream in (Stream.PAYMENTS, Stream.CASES)
            assert self.outbox.fill(stream) > 0.75
            return
        at = (stream, taken.epoch, taken.seq)
        assert at not in self.given, "a number was given twice"
        self.given[at] = taken.line
        if taken.epoch not in self.model.order[stream]:
            self.model.order[stream].append(taken.epoch)
        if stream is Stream.HEALTH:
            self.compact(key)
        self.model.lines[at] = Expected(taken.line, key if stream is Stream.HEALTH else None)

    def compact(self, key: str) -> None:
        same = [
            (self.model.place(Stream.HEALTH, e, q), line)
            for (e, q), line in self.model.of(Stream.HEALTH).items()
            if line.key == key
        ]
        if same:
            place, newest = max(same, key=lambda found: found[0])
            newest.compacted |= place > self.model.watermark[Stream.HEALTH]

    @rule(stream=STREAMS, pick=st.floats(0, 1), depth=st.floats(0, 1))
    def acknowledge(self, stream: Stream, pick: float, depth: float) -> None:
        self.outbox.flush()
        views = self.outbox.epochs(stream)
        if not views:
            return
        view = views[min(len(views) - 1, int(pick * len(views)))]
        acked = round(depth * view.last)
        self.outbox.acknowledge(stream, view.epoch, acked, self.now_ms)
        watermark = self.model.watermark[stream] = self.model.place(stream, view.epoch, acked)
        for (epoch, seq), line in self.model.of(stream).items():
            if self.model.place(stream, epoch, seq) > watermark:
                line.acked_ms = None
            elif line.acked_ms is None:
                line.acked_ms = self.now_ms

    @rule()
    def confirm_birth(self) -> None:
        self.outbox.listed(self.outbox.lanes(self.now_ms))

    @rule(passed_ms=st.sampled_from([1, HOUR_MS, KEEP_MS // 3, KEEP_MS + HOUR_MS]))
    def expire(self, passed_ms: int) -> None:
        self.now_ms += passed_ms
        assert self.outbox.expire(self.now_ms).shortened == {}
        for (stream, epoch, seq), line in list(self.model.lines.items()):
            view = next((v for v in self.outbox.epochs(stream) if v.epoch == epoch), None)
            if view is not None and seq > view.last:
                continue  # not durable yet, so not listed
            if view is None or seq < view.oldest:
                assert line.acked_ms is not None, "an unacknowledged line expired"
                assert self.now_ms - line.acked_ms >= KEEP_MS, "a line expired too early"
                del self.model.lines[stream, epoch, seq]

    # ---------------------------------------------------------------------- accidents

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = self.opened()

    @rule()
    def kill(self) -> None:
        left = self.copied("killed")
        self.outbox.close()
        self.put_back(left)

    @rule(stream=st.sampled_from([Stream.PAYMENTS, Stream.CASES]), seed=st.integers(0, 2**32))
    def cut_power_in_append(self, stream: Stream, seed: int) -> None:
        self.outbox.flush()
        before = self.copied("before")
        try:
            taken = take(self.outbox, stream, "half", now_ms=self.now_ms)
        except LaneFullError:
            return
        after = self.copied("after")
        self.outbox.close()
        mix_sectors(before / "outbox.db-wal", after / "outbox.db-wal", Random(seed))
        self.put_back(before)
        self.given[stream, taken.epoch, taken.seq] = taken.line
        found = self.outbox.find(taken.event_id)
        if found is not None:
            assert (found.epoch, found.seq) == (taken.epoch, taken.seq)
            if taken.epoch not in self.model.order[stream]:
                self.model.order[stream].append(taken.epoch)
            self.model.lines[stream, taken.epoch, taken.seq] = Expected(taken.line, None)

    @rule()
    def keep_image(self) -> None:
        self.outbox.flush()
        self.image = self.copied("image"), deepcopy(self.model)

    @precondition(lambda self: self.image is not None)
    @rule()
    def roll_back(self) -> None:
        assert self.image is not None
        self.outbox.close()
        kept, self.model = self.image
        self.image = None
        self.put_back(kept)

    def copied(self, name: str) -> Path:
        target = self.folder / name
        shutil.rmtree(target, ignore_errors=True)
        return Path(shutil.copytree(self.live, target))

    def put_back(self, image: Path) -> None:
        shutil.rmtree(self.live)
        image.rename(self.live)
        self.outbox = self.opened()

    # ---------------------------------------------------------------------- what must hold

    @invariant()
    def everything_is_there_or_accounted_for(self) -> None:
        if not hasattr(self, "outbox"):
            return
        self.outbox.flush()
        seen: set[tuple[Stream, str, int]] = set()
        for stream in (Stream.PAYMENTS, Stream.CASES, Stream.HEALTH, Stream.TELEMETRY):
            for view in self.outbox.epochs(stream):
                found = held(self.outbox, stream, view.epoch, lines_max=7, bytes_max=3_000)
                for seq, line in found.lines.items():
                    assert self.model.lines[stream, view.epoch, seq].line == line
                    assert not self.model.lines[stream, view.epoch, seq].compacted
                    seen.add((stream, view.epoch, seq))
                for gap in found.gaps:
                    seen |= self.accounted(stream, view.epoch, gap.seq, gap.gap_to, gap.reason)
        assert self.model.lines.keys() <= seen

    def accounted(
        self, stream: Stream, epoch: str, first: int, last: int, reason: GapReason
    ) -> set[tuple[Stream, str, int]]:
        places = {(stream, epoch, seq) for seq in range(first, last + 1)}
        if reason is GapReason.COMPACTED:
            assert stream is Stream.HEALTH
            assert all(self.model.lines[p].compacted for p in places if p in self.model.lines)
        else:
            assert reason is GapReason.EVICTED
            assert stream in (Stream.HEALTH, Stream.TELEMETRY)
        return places

    @invariant()
    def views_say_what_the_model_says(self) -> None:
        if not hasattr(self, "outbox"):
            return
        for stream in (Stream.PAYMENTS, Stream.CASES):
            unacked = 0
            for view in self.outbox.epochs(stream):
                index, seq = self.model.watermark[stream]
                mine = self.model.order[stream].index(view.epoch)
                assert view.acked == (
                    view.last if mine < index else min(seq, view.last) if mine == index else 0
                )
                unacked += sum(1 for q in range(view.acked + 1, view.last + 1) if q >= view.oldest)
            assert (self.outbox.fill(stream) > 0) == (unacked > 0)


def mix_sectors(old: Path, new: Path, random: Random) -> None:
    """Leave in `old` what a power cut may leave of a write that turns it into `new`."""
    before, after = old.read_bytes(), new.read_bytes()
    mixed = bytearray(before.ljust(len(after), b"\0"))
    for at in range(0, len(after), SECTOR):
        if random.random() < 0.5:
            mixed[at : at + SECTOR] = after[at : at + SECTOR]
    old.write_bytes(mixed[: len(after) if random.random() < 0.5 else max(len(before), 0)])


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestOutboxMachine = pytest.mark.guarantee("power cut at any byte of an append")(TestOutboxMachine)
