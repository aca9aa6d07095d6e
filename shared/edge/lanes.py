"""The outbox as the session sees it, and what is said of it: in births, in the status, to whoever begins.

`OutboxLanes` implements `shared.protocol.session.Lanes`. The age of a waiting line is measured by the uptime
where the line is of this boot: a wall clock that was wrong when the line was taken says nothing.

`OutboxLog` implements `shared.protocol.sender.Log`. The session counts by the uptime, which begins anew with
each boot; the keep window of 35 days outlives boots, so an acknowledgement is dated by the wall here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from shared.adapters.outbox import Outbox
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.birth import LaneState
from shared.protocol.delivery import LANES, PROMISED
from shared.protocol.sender import EpochView, Run

_STAMP: Final = re.compile(rb'"boot":(\d{1,16}),"uptime_ms":(\d{1,16})')
FULL: Final = (
    "This device holds as many {stream} as it may without an answer from the town hall;"
    " it takes no more until its network is back."
)


class OutboxLog:
    """An open outbox, whose lines are kept by the wall's time.

    Args:
        outbox: of this life.
        now_ms: the best wall time that the device has, the same by which lines expire.
    """

    def __init__(self, outbox: Outbox, now_ms: Callable[[], int]) -> None:
        self._outbox = outbox
        self._now_ms = now_ms

    def epochs(self, stream: Stream) -> Sequence[EpochView]:
        """Return the epochs of a stream, oldest first."""
        return self._outbox.epochs(stream)

    def chain_at(self, stream: Stream, epoch: str, seq: int) -> bytes | None:
        """Return the device's own chain value after number `seq`; None if it cannot tell."""
        return self._outbox.chain_at(stream, epoch, seq)

    def read(self, stream: Stream, epoch: str, first: int, lines_max: int, bytes_max: int) -> Run:
        """Return lines from `first` on: at least one if there is any, at most `lines_max`."""
        return self._outbox.read(stream, epoch, first, lines_max, bytes_max)

    def acknowledge(self, stream: Stream, epoch: str, acked: int, now_ms: int) -> None:  # noqa: ARG002  the port's
        """Set the watermark, up or down, dated by the wall: the session's own time is an uptime."""
        self._outbox.acknowledge(stream, epoch, acked, self._now_ms())


class OutboxLanes:
    """The lanes of an open outbox.

    Args:
        outbox: of this life.
        boot: the boot counter.
        now_ms: the best wall time that the device has.
    """

    def __init__(self, outbox: Outbox, boot: int, now_ms: Callable[[], int]) -> None:
        self._outbox = outbox
        self._boot = boot
        self._now_ms = now_ms
        self._listed: dict[Stream, str] = {}

    def lanes(self, now_ms: int) -> Mapping[Stream, LaneState]:
        """Return every lane's epochs and fill, for a birth, and note which epochs it lists.

        Args:
            now_ms: monotonic time since the boot.
        """
        found = self.look(now_ms)
        self._listed = {stream: lane.epochs[-1].epoch for stream, lane in found.items() if lane.epochs}
        return found

    def look(self, uptime_ms: int) -> Mapping[Stream, LaneState]:
        """Return the same, for a person."""
        return {
            stream: replace(lane, waiting_ms=self.waiting_ms(stream, uptime_ms))
            for stream, lane in self._outbox.lanes(self._now_ms()).items()
        }

    def listed(self, lanes: Mapping[Stream, LaneState]) -> None:
        """Learn that the hub confirmed a birth that listed these."""
        self._outbox.listed(lanes)

    def opened_since(self) -> bool:
        """Tell whether a lane has an epoch that the last birth did not list."""
        return any(
            views[-1].epoch != self._listed.get(stream)
            for stream in LANES
            if (views := self._outbox.epochs(stream))
        )

    def waiting_ms(self, stream: Stream, uptime_ms: int) -> int:
        """Return the age of the oldest unacknowledged line; 0 where there is none."""
        view = next((e for e in self._outbox.epochs(stream) if e.acked < e.last), None)
        if view is None:
            return 0
        stamped = self._stamp_of(stream, view)
        if stamped is not None and stamped[0] == self._boot:
            return max(0, uptime_ms - stamped[1])
        return self._outbox.waiting(stream, self._now_ms())

    def refusal(self, stream: Stream) -> str | None:
        """Return why a lane takes nothing more, before anyone begins; None where it takes."""
        if stream in PROMISED and self._outbox.fill(stream) >= limits.LANE_REFUSE:
            return FULL.format(stream=stream)
        return None

    def _stamp_of(self, stream: Stream, view: EpochView) -> tuple[int, int] | None:
        """Return boot and uptime of the oldest unacknowledged line, as it says itself."""
        first = max(view.acked + 1, view.oldest)
        run = self._outbox.read(stream, view.epoch, first, 1, limits.LINE_BYTES_MAX)
        found = _STAMP.search(run.lines[0]) if run.lines else None
        return None if found is None else (int(found[1]), int(found[2]))
