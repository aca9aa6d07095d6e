"""Room: what happens when the disk, or the outbox's quota of it, runs out.

- An append may not spend the ballast. While the ballast is gone it writes only into pages that the file has
  free already; acknowledged lines give way for that, lowest lane first, oldest first.
- Acknowledgements, expiry and eviction may spend it: they are how room comes back.
- What goes before its keep window has passed is noted, and reported with the next expiry.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from shared.adapters.outbox.ballast import Ballast
from shared.adapters.outbox.disk import CHECKPOINT_BYTES, PAGE_BYTES, Disk
from shared.adapters.outbox.errors import DiskFullError
from shared.adapters.outbox.lane import Lane
from shared.adapters.outbox.retention import expire
from shared.model.event import Stream

T = TypeVar("T")

SHED_ROWS: Final = 100
"""Lines that go early at once: no more than is needed."""
_ROUNDS_MAX: Final = 64


class Room:
    """Keeps room on the disk for what must succeed."""

    def __init__(self, disk: Disk, ballast: Ballast, lanes: dict[Stream, Lane], quota: int) -> None:
        """Take the parts.

        Args:
            disk: the file.
            ballast: what is given up when the disk is full.
            lanes: every lane, highest priority first.
            quota: bytes that the file should not exceed.
        """
        self._disk = disk
        self._ballast = ballast
        self._lanes = lanes
        self._quota = quota
        self._shed_at: dict[Stream, int] = {}

    def check_before_append(self) -> None:
        """See to it that an append leaves the disk able to take acknowledgements.

        Raises:
            DiskFullError: it would not.
        """
        if self._ballast.held or self._ballast.take():
            return
        while self._disk.free_pages() * PAGE_BYTES < 2 * CHECKPOINT_BYTES:
            if not self._shed():
                raise DiskFullError(DiskFullError.__doc__)

    def after_full_append(self) -> None:
        """Let acknowledged lines go, because an append found the disk full; it may then try once more.

        Raises:
            DiskFullError: there is nothing to let go.
        """
        self._disk.checkpoint()
        if not self._shed():
            raise DiskFullError(DiskFullError.__doc__)

    def spend(self, write: Callable[[], T]) -> T:
        """Run a write that gives room back in the end; where the disk is full, spend the ballast on it.

        Raises:
            DiskFullError: not even the ballast helped; nothing was written.
        """
        try:
            return write()
        except DiskFullError:
            self._ballast.drop()
            with suppress(DiskFullError):
                self._disk.checkpoint()
            return write()

    def relieve(self) -> bool:
        """Let acknowledged lines go while the file is above its quota; tell whether there is more to do.

        Raises:
            DiskFullError: not even the ballast helped.
        """
        for _ in range(_ROUNDS_MAX):
            if self._disk.used_bytes() <= self._quota or not self.spend(self._shed):
                return False
        return True

    def shed(self, lane: Lane, upto: int) -> bool:
        """Let a chunk of a lane's acknowledged lines go early; tell whether any went.

        Raises:
            DiskFullError: there is no room even for that.
        """
        before = lane.points
        gone = expire(self._disk, lane, min(upto, lane.watermark), SHED_ROWS)
        if gone:
            self._shed_at[lane.stream] = next(p.at_ms for p in before if p.place >= gone)
        return bool(gone)

    def take_shortened(self, now_ms: int, keep_ms: int) -> dict[Stream, int]:
        """Return, once, how long the youngest line was kept that went before its keep window had passed."""
        kept = {stream: max(0, now_ms - at_ms) for stream, at_ms in self._shed_at.items()}
        self._shed_at = {}
        return {stream: kept_ms for stream, kept_ms in kept.items() if kept_ms < keep_ms}

    def _shed(self) -> bool:
        return any(self.shed(lane, lane.watermark) for lane in reversed(self._lanes.values()))
