"""Bundles that are for one device alone: how the reports stand that it took.

What a device is told is decided from the database in the transaction of the news, under a version that rises;
`hub.fleet.dispatch` sends it until the device reports it. Which reports: those of which something was heard
within the keep window, the newest first, as many as `REPORTS_MAX`.
"""

from collections.abc import Callable
from dataclasses import replace

from hub.db.engine import Connection
from hub.db.fleet_repository import BundleRow
from hub.db.update_repository import OWN, OwnBundleRepository, UpdateRepository
from hub.fleet.bundle_press import BundlePress
from hub.fleet.versions import Versions
from shared.protocol import limits
from shared.protocol.report_status import REPORT_STATUS, REPORTS_MAX, ReportState, ReportStatus


class OwnBundles:
    """Makes them, and their notices."""

    def __init__(self, versions: Versions, press: BundlePress, clock: Callable[[], int]) -> None:
        """Take what is needed.

        Args:
            versions: gives versions out.
            press: signs.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self._versions = versions
        self._press = press
        self._clock = clock

    def tell_reports(self, connection: Connection, device: str) -> None:
        """Write down how a device's reports stand, in the transaction in which something was heard of one."""
        now_ms = self._clock()
        known = UpdateRepository(connection).of_device(device, now_ms - limits.KEEP_WINDOW_MS, REPORTS_MAX)
        body = ReportStatus(reports={event: ReportState(status.value) for event, status in known}).to_body()
        row = BundleRow(
            name=REPORT_STATUS,
            version=self._versions.next(),
            size=len(body),
            expires_ms=now_ms + limits.KEEP_WINDOW_MS,
            who=OWN,
            at_ms=now_ms,
        )
        OwnBundleRepository(connection).put(device, row, body)

    def again(self, device: str, row: BundleRow, body: bytes, connection: Connection) -> BundleRow:
        """Give one a new version: its device holds a later one than this database knows."""
        renewed = replace(row, version=self._versions.next())
        OwnBundleRepository(connection).put(device, renewed, body)
        return renewed

    def notice(self, row: BundleRow, body: bytes) -> bytes:
        """Return the body of the message that offers one."""
        return self._press.signed(row, body)
